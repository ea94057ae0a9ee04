# SPDX-License-Identifier: Apache-2.0
"""Receivers of Jaeger's protocols on loopback, which keep what arrives as bytes and answer as told.

with HttpReceiver((202, b"")) as receiver: ...    one answer per request, the last one stays
with UdpReceiver() as receiver: receiver.wait_for(3)
with GrpcReceiver() as receiver: ...
"""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    Answer = tuple[int, bytes] | Callable[["_Handler"], None]


class Request(NamedTuple):
    """headers: lower-case names. path: with its query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class HttpReceiver:
    """An answer is (status, body), or a function that writes to the handler itself."""

    def __init__(self, *answers: Answer, content_type: str = "text/plain") -> None:
        self.answers = list(answers) or [(202, b"")]
        self.content_type = content_type
        self.requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = False
        self._server.receiver = self  # type: ignore[attr-defined]
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class _Handler(BaseHTTPRequestHandler):
    timeout = 20

    def do_POST(self) -> None:
        receiver = self.server.receiver  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.requests.append(Request(self.command, self.path, headers, body))
        answer = receiver.next_answer()
        if callable(answer):
            answer(self)
            return
        status, reply = answer
        self.send_response(status)
        self.send_header("Content-Type", receiver.content_type)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_POST

    def log_message(self, *args: object) -> None:
        """Nothing: a test's output is its own."""


class UdpReceiver:
    """Keeps datagrams until the end."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._socket.bind((host, port))
        self._socket.settimeout(0.05)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self.datagrams: list[bytes] = []
        self.senders: set[Any] = set()
        self._stopping = False
        self._thread = threading.Thread(target=self._receive, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stopping = True
        self._thread.join()
        self._socket.close()

    def wait_for(self, count: int, timeout_s: float = 5.0) -> list[bytes]:
        """The datagrams, when so many are there."""
        ends = time.monotonic() + timeout_s
        while len(self.datagrams) < count:
            assert time.monotonic() < ends, f"{len(self.datagrams)} of {count} datagrams"
            time.sleep(0.005)
        return list(self.datagrams)

    def _receive(self) -> None:
        while not self._stopping:
            try:
                data, sender = self._socket.recvfrom(65_535)
            except TimeoutError:
                continue
            self.datagrams.append(data)
            self.senders.add(sender)


class GrpcReceiver:
    """Takes calls of any method; refusals: (status name, words), one per call, then it accepts with reply."""

    def __init__(self, *refusals: tuple[str, str], reply: bytes = b"") -> None:
        self.refusals = list(refusals)
        self.reply = reply
        self.calls: list[tuple[str, bytes]] = []
        self.metadata: list[dict[str, Any]] = []
        self._threads = ThreadPoolExecutor(2)
        self._server = grpc.server(self._threads, handlers=[_Any(self)])
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.stop(0).wait()
        self._threads.shutdown()


class _Any(grpc.GenericRpcHandler):
    def __init__(self, receiver: GrpcReceiver) -> None:
        self._receiver = receiver

    def service(self, details: Any) -> Any:
        def handle(body: bytes, context: Any) -> bytes:
            self._receiver.calls.append((details.method, body))
            self._receiver.metadata.append(dict(context.invocation_metadata()))
            if self._receiver.refusals:
                code, words = self._receiver.refusals.pop(0)
                context.abort(grpc.StatusCode[code], words)
            return self._receiver.reply

        return grpc.unary_unary_rpc_method_handler(handle)
