# SPDX-License-Identifier: Apache-2.0
"""OTLP over gRPC, when grpcio is installed. It is the user's grpcio: nothing here needs a certain version."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from otel_distro.viewer.ingest.worker import Refused
from otel_distro.viewer.web import receive
from otel_distro.viewer.web.http import MAX_BODY

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.viewer.ingest.worker import Worker

_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_ANSWER_TIMEOUT_S = 10.0


def start(worker: Worker, host: str, port: int, arrived: Callable[[], None]) -> Callable[[], None] | None:
    """Listen; returns what stops it, or None when grpcio is missing or the port is taken."""
    try:
        grpc: Any = importlib.import_module("grpc")
    except ImportError:
        return None
    from concurrent.futures import ThreadPoolExecutor

    def export(request: bytes, context: Any) -> bytes:
        arrived()
        decode, form = receive.decoder("/v1/traces", "application/x-protobuf", request)
        result = worker.submit(decode).result(_ANSWER_TIMEOUT_S)
        if isinstance(result, Refused):
            retry = result.status == 503
            code = grpc.StatusCode.UNAVAILABLE if retry else grpc.StatusCode.INVALID_ARGUMENT
            context.abort(code, result.reason)
            return b""  # not reached: abort raises
        return receive.success(form, result).body

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc] # grpcio publishes no types
        """Knows one method; messages stay bytes."""

        def service(self, details: Any) -> Any:
            """The method's handler, or None."""
            return grpc.unary_unary_rpc_method_handler(export) if details.method == _METHOD else None

    server = grpc.server(
        ThreadPoolExecutor(2, thread_name_prefix="otel-distro-grpc"),
        handlers=(Handler(),),
        options=[("grpc.max_receive_message_length", MAX_BODY), ("grpc.so_reuseport", 0)],
    )
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        bound = server.add_insecure_port(address)
    except RuntimeError:
        return None
    if not bound:
        return None
    server.start()
    return lambda: server.stop(0.5)
