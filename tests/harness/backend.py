# SPDX-License-Identifier: Apache-2.0
"""A real OTLP/HTTP server on loopback that counts what arrives and misbehaves when told to.

In a test:

    from tests.harness.backend import Backend, status

    with Backend() as backend:                            # mode "ok"
        ... run something with OTEL_EXPORTER_OTLP_ENDPOINT=backend.url ...
        spans = backend.wait_for(3, timeout_s=5)          # AssertionError when they do not come
        assert "GET /" == spans[0].name                   # see RecordedSpan for the fields
        assert [] == backend.duplicates()

    with Backend(status(503), status(429, retry_after="2"), "ok") as backend:   # one mode per request,
        ...                                                                     # the last one stays
    backend.script("reset", "ok")                                               # or change it later

As a process of its own: `python -m tests.harness.backend [--port N] [--mode NAME]` prints its URL as the
first line, runs until its standard input ends or it is killed, and answers `GET /-/spans` with JSON.

Modes, by name or made with the function of that name when they take options:

    ok                    store the spans, answer 200 with an empty ExportTraceServiceResponse
    status(code, ...)     answer that status, store nothing unless it is 2xx
    slow(s)               as ok, after s seconds
    silent                read the request, never answer
    trickle(s)            answer one byte every s seconds
    trickle_body(s)       the same from the end of the reply's head on
    reset                 read the request, reset the connection
    close                 read the request, close without an answer
    close_mid_reply       store, then close in the middle of the reply's head
    huge(size_bytes)      answer 200 with that much of a body (declared); None: endless, chunked
    gzip_bomb             answer 200 with 10 MiB that inflate to 10 GiB
    junk                  answer 200 with an HTML page; stores nothing
    redirect(code, url)   answer with that Location
    partial(n, message)   reject n spans of each request, store the others
    fail(percent, seed)   503 for that share of requests, else ok
    flap(up_s, down_s)    ok and 503 in turn
    size_limit(n)         413 for request bodies over n bytes, else ok
    raw(data)             send these bytes and close
"""

from __future__ import annotations

import gzip
import json
import random as random_module
import socket
import socketserver
import struct
import sys
import threading
import time
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from typing_extensions import Self


SERVER = 2
"""SPAN_KIND_SERVER of opentelemetry.proto.trace.v1."""


class RecordedSpan(NamedTuple):
    """One span as it arrived. Ids are lower-case hex, "" when absent; attributes are plain Python values."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    events: list[dict[str, Any]]
    links: list[dict[str, Any]]
    status_code: int
    status_message: str
    flags: int
    trace_state: str
    dropped_attributes: int
    dropped_events: int
    dropped_links: int
    resource: dict[str, Any]
    scope: str
    scope_version: str

    @property
    def service(self) -> str:
        """The resource's service.name."""
        return str(self.resource.get("service.name", ""))


class RecordedRequest(NamedTuple):
    """One request as it was read. at_s: monotonic time of its last byte. body: decompressed.
    headers: lower-case names. connection: number of the TCP connection, from 1."""

    at_s: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    span_count: int
    connection: int


class Backend:
    """The server. Context manager; also start() and stop()."""

    def __init__(self, *modes: Any, port: int = 0, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None):
        self._changed = threading.Condition()
        self._modes = [_mode(m) for m in modes or ("ok",)]
        self._requests: list[RecordedRequest] = []
        self._spans: list[RecordedSpan] = []
        self._open: set[socket.socket] = set()
        self.connections = 0
        self.stopping = threading.Event()
        self.tls = tls
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._server = _Server(self, (host, port), family)
        self.host, self.port = self._server.server_address[:2]
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Base URL, for OTEL_EXPORTER_OTLP_ENDPOINT."""
        host = f"[{self.host}]" if ":" in str(self.host) else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    @property
    def traces_url(self) -> str:
        """Full URL of the traces path."""
        return f"{self.url}/v1/traces"

    def start(self) -> Self:
        """Serve from a thread."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="backend", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End all connections and the listener."""
        self.stopping.set()
        if self._thread:
            self._server.shutdown()
            self._thread.join(5)
        with self._changed:
            for connection in list(self._open):
                _shut(connection)
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def script(self, *modes: Any) -> None:
        """From now on: one mode per request, the last one stays."""
        with self._changed:
            self._modes = [_mode(m) for m in modes]

    def spans(self) -> list[RecordedSpan]:
        """All stored spans in the order of arrival, repeated ones included."""
        with self._changed:
            return list(self._spans)

    @property
    def requests(self) -> list[RecordedRequest]:
        """All requests that were read whole, whatever the answer."""
        with self._changed:
            return list(self._requests)

    def duplicates(self) -> list[str]:
        """Span ids that were stored more than once."""
        counts = Counter((s.trace_id, s.span_id) for s in self.spans())
        return [span_id for (_, span_id), n in counts.items() if n > 1]

    def wait_for(self, count: int, timeout_s: float = 5.0) -> list[RecordedSpan]:
        """The stored spans once there are `count` different ones."""
        self._wait(lambda: len({(s.trace_id, s.span_id) for s in self._spans}) >= count, timeout_s, f"{count} spans")
        return self.spans()

    def wait_for_requests(self, count: int, timeout_s: float = 5.0) -> list[RecordedRequest]:
        """The requests once there are `count`."""
        self._wait(lambda: len(self._requests) >= count, timeout_s, f"{count} requests")
        return self.requests

    def clear(self) -> None:
        """Forget requests and spans."""
        with self._changed:
            self._requests.clear()
            self._spans.clear()

    def _wait(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(condition, timeout_s):
                got = f"{len(self._spans)} spans in {len(self._requests)} requests"
                raise AssertionError(f"no {what} within {timeout_s} s: {got}")

    def _next_mode(self) -> Callable[[Exchange], None]:
        return self._modes.pop(0) if len(self._modes) > 1 else self._modes[0]

    def _received(self, request: RecordedRequest) -> Callable[[Exchange], None]:
        with self._changed:
            self._requests.append(request)
            mode = self._next_mode()
            self._changed.notify_all()
            return mode

    def store(self, spans: list[RecordedSpan]) -> None:
        """Keep spans as accepted."""
        with self._changed:
            self._spans.extend(spans)
            self._changed.notify_all()

    def _opened(self, connection: socket.socket) -> int:
        with self._changed:
            self._open.add(connection)
            self.connections += 1
            return self.connections

    def _closed(self, connection: socket.socket) -> None:
        with self._changed:
            self._open.discard(connection)


class Exchange:
    """One request and the means to answer it."""

    def __init__(
        self, backend: Backend, connection: socket.socket, request: RecordedRequest, spans: list[RecordedSpan]
    ):
        self.backend = backend
        self.connection = connection
        self.request = request
        self.spans = spans
        self.keep_open = True

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self.connection.sendall(data)

    def answer(self, code: int = 200, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """A whole, well-formed reply."""
        self.send(head(code, {"Content-Length": str(len(body)), **(headers or {})}) + body)

    def accept(self) -> None:
        """Store the spans and answer as a collector does."""
        self.backend.store(self.spans)
        if self.request.headers.get("content-type", "").startswith("application/json"):
            self.answer(200, b"{}", {"Content-Type": "application/json"})
        else:
            self.answer(200, b"", {"Content-Type": "application/x-protobuf"})

    def sleep(self, seconds: float) -> None:
        """Wait, unless the server is stopped."""
        self.backend.stopping.wait(seconds)

    def end(self) -> None:
        """No further request on this connection."""
        self.keep_open = False


def head(code: int, headers: dict[str, str]) -> bytes:
    """Status line and headers."""
    lines = [f"HTTP/1.1 {code} Whatever", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


# --- modes


def ok() -> Callable[[Exchange], None]:
    return Exchange.accept


def status(
    code: int, retry_after: str | None = None, body: bytes = b"", headers: dict[str, str] | None = None
) -> Callable[[Exchange], None]:
    def act(exchange: Exchange) -> None:
        if 200 <= code < 300:
            exchange.backend.store(exchange.spans)
        extra = {"Retry-After": retry_after} if retry_after is not None else {}
        exchange.answer(code, body, {**extra, **(headers or {})})

    return act


def slow(seconds: float = 1.0) -> Callable[[Exchange], None]:
    def act(exchange: Exchange) -> None:
        exchange.sleep(seconds)
        exchange.accept()

    return act


def silent() -> Callable[[Exchange], None]:
    def act(exchange: Exchange) -> None:
        exchange.backend.stopping.wait()
        exchange.end()

    return act


def trickle(seconds: float = 1.0) -> Callable[[Exchange], None]:
    def act(exchange: Exchange) -> None:
        reply = head(200, {"Content-Length": "100000", "X-Filler": "x" * 1000})
        _drip(exchange, reply + b"\0" * 100_000, seconds)

    return act


def trickle_body(seconds: float = 1.0) -> Callable[[Exchange], None]:
    def act(exchange: Exchange) -> None:
        exchange.send(head(200, {"Content-Length": "100000"}))
        _drip(exchange, b"\0" * 100_000, seconds)

    return act


def reset() -> Callable[[Exchange], None]:
    def act(exchange: Exchange) -> None:
        exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        exchange.end()

    return act


def close() -> Callable[[Exchange], None]:
    return Exchange.end


def close_mid_reply() -> Callable[[Exchange], None]:
    def act(exchange: Exchange) -> None:
        exchange.backend.store(exchange.spans)
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-")
        exchange.end()

    return act


def huge(size_bytes: int | None = 1 << 30) -> Callable[[Exchange], None]:
    def act(exchange: Exchange) -> None:
        block = b"\0" * 65536
        if size_bytes is None:
            exchange.send(head(200, {"Transfer-Encoding": "chunked"}))
            while not exchange.backend.stopping.is_set():
                exchange.send(b"10000\r\n" + block + b"\r\n")
        exchange.send(head(200, {"Content-Length": str(size_bytes)}))
        sent = 0
        while size_bytes is not None and sent < size_bytes and not exchange.backend.stopping.is_set():
            exchange.send(block[: size_bytes - sent])
            sent += len(block)

    return act


def gzip_bomb() -> Callable[[Exchange], None]:
    def act(exchange: Exchange) -> None:
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        block = b"\0" * (1 << 20)
        body = b"".join(packer.compress(block) for _ in range(64)) + packer.flush()
        exchange.answer(200, body, {"Content-Encoding": "gzip"})

    return act


def junk(body: bytes = b"<!doctype html><title>Sign in</title>") -> Callable[[Exchange], None]:
    def act(exchange: Exchange) -> None:
        exchange.answer(200, body, {"Content-Type": "text/html"})

    return act


def redirect(code: int = 307, url: str = "/elsewhere") -> Callable[[Exchange], None]:
    def act(exchange: Exchange) -> None:
        exchange.answer(code, b"", {"Location": url})

    return act


def partial(rejected: int = 1, message: str = "no room") -> Callable[[Exchange], None]:
    def act(exchange: Exchange) -> None:
        exchange.backend.store(exchange.spans[rejected:])
        reply = ExportTraceServiceResponse()
        reply.partial_success.rejected_spans = rejected
        reply.partial_success.error_message = message
        if exchange.request.headers.get("content-type", "").startswith("application/json"):
            text = {"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": message}}
            exchange.answer(200, json.dumps(text).encode(), {"Content-Type": "application/json"})
        else:
            exchange.answer(200, reply.SerializeToString(), {"Content-Type": "application/x-protobuf"})

    return act


def fail(percent: float = 70, seed: int = 1) -> Callable[[Exchange], None]:
    chance = random_module.Random(seed)
    return lambda exchange: exchange.answer(503) if chance.random() * 100 < percent else exchange.accept()


def flap(up_s: float = 1.0, down_s: float = 1.0) -> Callable[[Exchange], None]:
    began = time.monotonic()
    return lambda exchange: (
        exchange.accept() if (time.monotonic() - began) % (up_s + down_s) < up_s else exchange.answer(503)
    )


def size_limit(size_bytes: int) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.answer(413) if len(exchange.request.body) > size_bytes else exchange.accept()


def raw(data: bytes) -> Callable[[Exchange], None]:
    def act(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.end()

    return act


_MODES: dict[str, Callable[..., Callable[[Exchange], None]]] = {
    f.__name__: f
    for f in (
        ok,
        slow,
        silent,
        trickle,
        trickle_body,
        reset,
        close,
        close_mid_reply,
        huge,
        gzip_bomb,
        junk,
        redirect,
        partial,
        fail,
        flap,
    )
}


def _mode(mode: Any) -> Callable[[Exchange], None]:
    if isinstance(mode, int):
        return status(mode)
    return _MODES[mode]() if isinstance(mode, str) else mode


def _drip(exchange: Exchange, data: bytes, seconds: float) -> None:
    for i in range(len(data)):
        if exchange.backend.stopping.is_set():
            break
        exchange.send(data[i : i + 1])
        exchange.sleep(seconds)
    exchange.end()


# --- the server


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, backend: Backend, address: tuple[str, int], family: int) -> None:
        self.backend = backend
        self.address_family = family
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        backend = self.server.backend
        connection = self.request
        if backend.tls:
            connection.settimeout(5)
            connection = backend.tls.wrap_socket(connection, server_side=True)
            connection.settimeout(None)
        number = backend._opened(connection)
        reader = connection.makefile("rb")
        try:
            while (request := _read_request(reader, number)) and not backend.stopping.is_set():
                if request.path == "/-/spans":
                    found = json.dumps([s._asdict() for s in backend.spans()], default=repr).encode()
                    connection.sendall(head(200, {"Content-Length": str(len(found))}) + found)
                    continue
                try:
                    spans = decode(request.body, request.headers.get("content-type", ""))
                except (DecodeError, ParseError, ValueError) as error:
                    body = f"undecodable: {error}".encode()
                    backend._received(request)
                    connection.sendall(head(400, {"Content-Length": str(len(body))}) + body)
                    continue
                exchange = Exchange(backend, connection, request, spans)
                backend._received(request._replace(span_count=len(spans)))(exchange)
                if not exchange.keep_open:
                    break
        finally:
            backend._closed(connection)
            reader.close()
            connection.close()  # before the server says goodbye, or a reset would become a farewell


def _read_request(reader: Any, number: int) -> RecordedRequest | None:
    line = reader.readline(65536).decode("latin-1")
    if len(line.split()) < 2:
        return None
    method, path = line.split()[:2]
    headers: dict[str, str] = {}
    while (line := reader.readline(65536).decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = b""
    length = int(headers.get("content-length", 0))
    body = reader.read(length)
    if len(body) < length:
        return None
    encoding = headers.get("content-encoding", "")
    if encoding == "gzip":
        body = gzip.decompress(body)
    elif encoding == "deflate":
        body = zlib.decompress(body)
    return RecordedRequest(time.monotonic(), method, path, headers, body, 0, number)


def _shut(connection: socket.socket) -> None:
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        pass  # the client was faster


# --- decoding


def decode(body: bytes, content_type: str) -> list[RecordedSpan]:
    """ExportTraceServiceRequest, protobuf or JSON, to spans. Raises DecodeError or ValueError."""
    if not content_type.startswith(("application/x-protobuf", "application/json", "application/grpc")):
        return []
    message = ExportTraceServiceRequest()
    if content_type.startswith("application/json"):
        request = json.loads(body)
        if isinstance(request, list):
            return []  # Zipkin's
        message = Parse(json.dumps(_hex_to_base64(request)), message)
    else:
        message.ParseFromString(body)
    return [
        _recorded(span, resource_spans.resource, scope_spans.scope)
        for resource_spans in message.resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]


def _hex_to_base64(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _hex_to_base64(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_hex_to_base64(v) for v in value]
    if key in {"traceId", "spanId", "parentSpanId"}:
        import base64

        return base64.b64encode(bytes.fromhex(value)).decode()
    return value


def _recorded(span: Any, resource: Any, scope: Any) -> RecordedSpan:
    return RecordedSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=span.kind,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=_plain_map(span.attributes),
        events=[
            {"name": e.name, "time_ns": e.time_unix_nano, "attributes": _plain_map(e.attributes)} for e in span.events
        ],
        links=[
            {
                "trace_id": link.trace_id.hex(),
                "span_id": link.span_id.hex(),
                "attributes": _plain_map(link.attributes),
            }
            for link in span.links
        ],
        status_code=span.status.code,
        status_message=span.status.message,
        flags=span.flags,
        trace_state=span.trace_state,
        dropped_attributes=span.dropped_attributes_count,
        dropped_events=span.dropped_events_count,
        dropped_links=span.dropped_links_count,
        resource=_plain_map(resource.attributes),
        scope=scope.name,
        scope_version=scope.version,
    )


def _plain_map(pairs: Any) -> dict[str, Any]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_plain(v) for v in value.array_value.values]
    if kind == "kvlist_value":
        return _plain_map(value.kvlist_value.values)
    return getattr(value, kind)


def main() -> None:
    """Serve until standard input ends."""
    import argparse

    parser = argparse.ArgumentParser(description="OTLP/HTTP server for tests")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--mode", default="ok")
    options = parser.parse_args()
    mode = status(int(options.mode)) if options.mode.isdigit() else options.mode
    with Backend(mode, port=options.port) as backend:
        print(backend.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
