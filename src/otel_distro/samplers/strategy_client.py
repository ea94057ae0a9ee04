# SPDX-License-Identifier: Apache-2.0
"""Asks a Jaeger agent, collector or Collector extension for a service's sampling strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from otel_distro.samplers import strategy

if TYPE_CHECKING:
    from otel_distro.samplers.strategy import Strategy

TIMEOUT_S = 10.0
MAX_REPLY_BYTES = 4 * 1024 * 1024
_GRPC_PORTS = {14250, 5779}
_COLLECTOR_HTTP_PORT = 14268
_GRPC_METHOD = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy"


class FetchError(Exception):
    """No usable answer; the text says why, without the server's own words."""


def fetch(endpoint: str, service_name: str) -> Strategy:
    """One request, ended after TIMEOUT_S. Raises FetchError or StrategyError.

    endpoint: a URL without path gets Jaeger's own for its port; grpc:// or a port of Jaeger's gRPC sampling
    service selects gRPC. Source: OpenTelemetry, Environment Variables, "jaeger_remote".
    """
    parts = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
    try:
        port = parts.port
    except ValueError as error:
        raise FetchError("the endpoint's port is no number") from error
    if parts.scheme == "grpc" or port in _GRPC_PORTS:
        return strategy.from_protobuf(_call(f"{parts.hostname}:{port or 14250}", parts.scheme, service_name))
    path = parts.path
    if path in {"", "/"}:
        path = "/api/sampling" if port == _COLLECTOR_HTTP_PORT else "/sampling"
    service = f"service={quote(service_name, safe='', errors='replace')}"
    query = f"{parts.query}&{service}" if parts.query else service
    return strategy.from_json(_get(urlunsplit((parts.scheme, parts.netloc, path, query, ""))))


def _get(url: str) -> bytes:
    import http.client

    from otel_distro.runtime.deadline import Deadline

    deadline = Deadline(TIMEOUT_S)
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "localhost", parts.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers={"Accept": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise FetchError(f"HTTP {response.status}")
        body = b""
        while chunk := response.read1(65536):
            body += chunk
            if len(body) > MAX_REPLY_BYTES:
                raise FetchError("the answer is over 4 MiB")
            if deadline.passed():
                raise FetchError("the answer takes too long")
        return body
    except (OSError, http.client.HTTPException) as error:
        raise FetchError(str(error)) from error
    finally:
        connection.close()


def _call(target: str, scheme: str, service_name: str) -> bytes:
    try:
        import grpc
    except ImportError as error:
        raise FetchError("grpcio is not installed") from error

    options = [("grpc.max_receive_message_length", MAX_REPLY_BYTES), ("grpc.enable_retries", 0)]
    if scheme == "https":
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(), options)
    else:
        channel = grpc.insecure_channel(target, options)
    try:
        reply: bytes = channel.unary_unary(_GRPC_METHOD)(
            strategy.request_message(service_name), timeout=TIMEOUT_S
        )
    except grpc.RpcError as error:
        code = error.code()
        raise FetchError(f"gRPC {code.name if code is not None else 'error'}") from error
    finally:
        channel.close()
    return reply
