# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy that only knows CONNECT, for tests of requests that go through one."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


class ConnectProxy:
    """Context manager. heads: request heads that it got. status: what it answers; 200 opens the tunnel."""

    def __init__(self, status: int = 200) -> None:
        self.heads: list[str] = []
        self.status = status
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                head = b""
                while b"\r\n\r\n" not in head:
                    data = self.request.recv(4096)
                    if not data:
                        return
                    head += data
                proxy.heads.append(head.decode("latin-1"))
                self.request.sendall(f"HTTP/1.1 {proxy.status} Whatever\r\n\r\n".encode("ascii"))
                if proxy.status == 200:
                    host, _, port = head.split()[1].decode("ascii").rpartition(":")
                    with socket.create_connection((host.strip("[]"), int(port)), timeout=5) as target:
                        _join(self.request, target)

        return Handler


def _join(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_copy, args=(other, one), daemon=True)
    back.start()
    _copy(one, other)
    back.join(5)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
