# SPDX-License-Identifier: Apache-2.0
"""F65: ten thousand slow connections: the viewer holds 64, ends each after 10 s, and takes spans meanwhile."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

import pytest

from otel_distro.viewer.web.server import Limits
from tests.harness.viewer_process import ViewerProcess
from tests.harness.viewer_spans import Request

if TYPE_CHECKING:
    from pathlib import Path


def test_the_limits() -> None:
    """What the viewer runs with; their effect in small is in tests/viewer/test_http_server.py."""
    assert (64, 10.0) == (Limits().connections, Limits().request_s)


@pytest.mark.tier2
def test_ten_thousand_slow_clients(tmp_path: Path) -> None:
    """Spans are stored within a second, however many connections are held open with half a request."""
    with ViewerProcess(tmp_path) as viewer:
        held: list[socket.socket] = []
        slowest = 0.0
        for number in range(10_000):
            client = socket.create_connection(("127.0.0.1", viewer.port), 10)
            client.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: lo")
            held.append(client)
            if len(held) > 500:  # of our own descriptors
                held.pop(0).close()
            if number % 1000 == 999:
                request = Request()
                request.span()
                begun = time.monotonic()
                viewer.send(request.bytes())
                slowest = max(slowest, time.monotonic() - begun)
        assert viewer.process is not None
        descriptors = len(os.listdir(f"/proc/{viewer.process.pid}/fd"))
        stored = viewer.get("/api/ui/status")["stored_spans"]
        time.sleep(11)
        held[-1].settimeout(2)
        ended = held[-1].recv(10)
        for client in held:
            client.close()

    assert 10 == stored
    assert slowest < 1.0
    assert descriptors < 64 + 60
    assert b"" == ended
