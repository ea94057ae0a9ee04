# SPDX-License-Identifier: Apache-2.0
"""The gRPC counterpart of backend.py: a real grpcio server with a generic handler.

    with GrpcBackend() as backend:                       # accepts
        ... OTEL_EXPORTER_OTLP_PROTOCOL=grpc, OTEL_EXPORTER_OTLP_ENDPOINT=backend.url ...
        backend.wait_for(3)

    GrpcBackend(failure("UNAVAILABLE"), failure("RESOURCE_EXHAUSTED", retry_after_s=1.5), accept)

One mode per call, the last one stays. A mode is a function of (backend, spans, context) to the reply's bytes.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.harness.backend import RecordedSpan, decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    Mode = Callable[["GrpcBackend", list[RecordedSpan], Any], bytes]


def accept(backend: GrpcBackend, spans: list[RecordedSpan], context: Any) -> bytes:
    """Store the spans."""
    backend.store(spans)
    return b""


def failure(code: str, words: str = "as scripted", retry_after_s: float | None = None) -> Mode:
    """Answer a status, with RetryInfo when retry_after_s is given."""

    def act(backend: GrpcBackend, spans: list[RecordedSpan], context: Any) -> bytes:
        status = grpc.StatusCode[code]
        if retry_after_s is not None:
            nanos = round((retry_after_s % 1) * 1e9)
            info = RetryInfo(retry_delay=Duration(seconds=int(retry_after_s), nanos=nanos))
            detail = AnyMessage()
            detail.Pack(info)
            packed = Status(code=status.value[0], message=words, details=[detail]).SerializeToString()
            context.set_trailing_metadata((("grpc-status-details-bin", packed),))
        return context.abort(status, words)

    return act


def partial(rejected: int, words: str = "no room") -> Mode:
    """Reject the first spans, store the others."""

    def act(backend: GrpcBackend, spans: list[RecordedSpan], context: Any) -> bytes:
        backend.store(spans[rejected:])
        reply = ExportTraceServiceResponse()
        reply.partial_success.rejected_spans = rejected
        reply.partial_success.error_message = words
        return reply.SerializeToString()

    return act


def silent(backend: GrpcBackend, spans: list[RecordedSpan], context: Any) -> bytes:
    """Never answer."""
    backend.stopping.wait()
    return b""


class GrpcBackend:
    """Context manager; records spans and the metadata of each call."""

    def __init__(self, *modes: Mode, credentials: Any = None, max_message_bytes: int = 4 * 1024 * 1024) -> None:
        self._modes = list(modes) or [accept]
        self._changed = threading.Condition()
        self._spans: list[RecordedSpan] = []
        self.calls: list[dict[str, str]] = []
        self.stopping = threading.Event()
        self._pool = ThreadPoolExecutor(4)
        self._server = grpc.server(
            self._pool,
            options=[("grpc.max_receive_message_length", max_message_bytes), ("grpc.so_reuseport", 0)],
        )
        handler = grpc.unary_unary_rpc_method_handler(self._export)
        service = "opentelemetry.proto.collector.trace.v1.TraceService"
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
        if credentials is None:
            self.port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            self.port = self._server.add_secure_port("127.0.0.1:0", credentials)
        self.url = f"{'http' if credentials is None else 'https'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.stop(0).wait(5)
        self._pool.shutdown()

    def _export(self, body: bytes, context: Any) -> bytes:
        with self._changed:
            self.calls.append(dict(context.invocation_metadata()))
            mode = self._modes.pop(0) if len(self._modes) > 1 else self._modes[0]
            self._changed.notify_all()
        return mode(self, decode(body, "application/grpc"), context)

    def store(self, spans: list[RecordedSpan]) -> None:
        """Keep spans as accepted."""
        with self._changed:
            self._spans.extend(spans)
            self._changed.notify_all()

    def spans(self) -> list[RecordedSpan]:
        """All stored spans, repeated ones included."""
        with self._changed:
            return list(self._spans)

    def wait_for(self, count: int, timeout_s: float = 5.0) -> list[RecordedSpan]:
        """The stored spans once there are `count` different ones."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len({s.span_id for s in self._spans}) >= count, timeout_s)
            if not enough:
                raise AssertionError(f"no {count} spans within {timeout_s} s: {len(self._spans)}")
            return list(self._spans)


if __name__ == "__main__":
    with GrpcBackend() as running:
        print(running.url, flush=True)
        while True:
            time.sleep(60)
