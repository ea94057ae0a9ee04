# SPDX-License-Identifier: Apache-2.0
"""A server to send requests to, in a thread of the test."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


class Handler(BaseHTTPRequestHandler):
    """/status/404 answers 404; /redirect/2 leads to /redirect/1 and on; /drop closes; all else is 200."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        _, kind, value, *_ = [*self.path.partition("?")[0].split("/"), "", ""]
        if kind == "drop":
            self.close_connection = True
            return
        if kind == "redirect" and int(value) > 0:
            self.send_response(302)
            self.send_header("Location", f"/redirect/{int(value) - 1}")
        else:
            self.send_response(int(value) if kind == "status" else 200)
        self.send_header("Content-Length", "2")
        self.send_header("X-Answer", "yes")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET

    def log_message(self, *arguments: Any) -> None:
        pass


class Site:
    """url: where it listens. seen: (path, headers) of each request."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.seen = self.seen = []  # type: ignore[attr-defined]
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    """An HTTP server on loopback."""
    made = Site()
    yield made
    made.close()
