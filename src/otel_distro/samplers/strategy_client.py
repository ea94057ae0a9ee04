# SPDX-License-Identifier: Apache-2.0
"""Asks a Jaeger agent, collector or Collector extension for a service's sampling strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from otel_distro.runtime.deadline import Deadline
from otel_distro.samplers import strategy
from otel_distro.transport.errors import TransportError
from otel_distro.transport.http import HttpClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.samplers.strategy import Strategy

TIMEOUT_S = 10.0
MAX_REPLY_BYTES = 4 * 1024 * 1024
_GRPC_PORTS = {14250, 5779}
_GRPC_METHOD = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy"


class FetchError(Exception):
    """No usable answer; the text says why, without the server's own words."""


def fetcher(endpoint: str, service_name: str, timeout_s: float = TIMEOUT_S) -> Callable[[], Strategy]:
    """A function that asks once, for timeout_s at most, and raises FetchError or StrategyError.

    endpoint: a URL; grpc://, grpcs:// or a port of Jaeger's gRPC sampling service selects gRPC. Raises
    ValueError when it cannot be used.
    """
    parts = urlsplit(endpoint)
    if parts.scheme in {"grpc", "grpcs"} or parts.port in _GRPC_PORTS:
        target = f"{parts.netloc.rpartition('@')[2]}" if parts.port else f"{parts.hostname}:14250"
        secure = parts.scheme in {"grpcs", "https"}
        return lambda: strategy.from_protobuf(_call(target, secure, service_name, timeout_s))
    client = HttpClient(endpoint, [("Accept", "application/json")], max_response_bytes=MAX_REPLY_BYTES)
    query = f"service={quote(service_name, safe='', errors='replace')}"
    return lambda: strategy.from_json(_get(client, query, timeout_s))


def _get(client: HttpClient, query: str, timeout_s: float) -> bytes:
    try:
        reply = client.get(query, Deadline(timeout_s))
    except TransportError as error:
        raise FetchError(error.reason) from error
    finally:
        client.close()  # the next question comes in a minute
    if reply.status != 200:
        raise FetchError(f"answers with status {reply.status}")
    if reply.cut:
        raise FetchError(f"the answer is {reply.cut}")
    return reply.body


def _call(target: str, secure: bool, service_name: str, timeout_s: float) -> bytes:
    try:
        import grpc
    except ImportError as error:
        raise FetchError("the package grpcio cannot be imported") from error

    options = [("grpc.max_receive_message_length", MAX_REPLY_BYTES), ("grpc.enable_retries", 0)]
    if secure:
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(), options)
    else:
        channel = grpc.insecure_channel(target, options)
    try:
        message = strategy.request_message(service_name)
        reply: bytes = channel.unary_unary(_GRPC_METHOD)(message, timeout=timeout_s)
    except grpc.RpcError as error:
        code = error.code()
        raise FetchError(f"gRPC status {code.name if code is not None else 'unknown'}") from error
    finally:
        channel.close()
    return reply
