# SPDX-License-Identifier: Apache-2.0
"""F64: gzip bombs, nested encodings, endless chunks and wrong lengths stop at 16 MiB."""

from __future__ import annotations

import gzip
import socket
import time
from typing import TYPE_CHECKING

import pytest

from tests.harness.viewer_process import OTLP, ViewerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ViewerProcess]:
    """A viewer that all bombs go to."""
    with ViewerProcess(tmp_path_factory.mktemp("viewer")) as process:
        yield process


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(bytes(200 * MIB), 9), "gzip", 413),
        (gzip.compress(gzip.compress(bytes(200 * MIB), 9), 9), "gzip, gzip", 415),
        (gzip.compress(gzip.compress(bytes(200 * MIB), 9), 9), "gzip", 400),
        (gzip.compress(b"x")[:-4], "gzip", 400),
        (b"no gzip", "gzip", 400),
    ],
    ids=["bomb", "nested", "nested, said once", "cut", "none"],
)
def test_bombs(viewer: ViewerProcess, body: bytes, encoding: str, status: int) -> None:
    """Refused before more than 16 MiB came out; memory stays."""
    before = viewer.memory_bytes(peak=True)

    headers = {"Content-Type": OTLP, "Content-Encoding": encoding}
    answer = viewer.ask("POST", "/v1/traces", body, headers, with_token=False)

    assert status == answer.status
    assert viewer.memory_bytes(peak=True) - before < 64 * MIB


def test_endless_chunks(viewer: ViewerProcess) -> None:
    """A body without an end is cut off at its bound."""
    before = viewer.memory_bytes(peak=True)
    head = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent = 0
    answer = b""
    with socket.create_connection(("127.0.0.1", viewer.port), 10) as client:
        client.sendall(head % OTLP.encode())
        try:
            while sent < 200 * MIB:
                client.sendall(b"100000\r\n" + bytes(MIB) + b"\r\n")
                sent += MIB
        except OSError:
            pass  # the viewer has hung up, as it should
        try:
            answer = client.recv(100)
        except OSError:
            pass  # its answer was overtaken by the reset

    assert sent < 64 * MIB
    assert answer[:12] in (b"", b"HTTP/1.1 413")
    assert viewer.memory_bytes(peak=True) - before < 64 * MIB


def test_a_length_that_is_not_kept(viewer: ViewerProcess) -> None:
    """Too short a body never becomes a request, and the viewer serves others meanwhile."""
    with socket.create_connection(("127.0.0.1", viewer.port), 10) as client:
        client.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n" % OTLP.encode())
        client.sendall(b"Content-Length: 1000000\r\n\r\nabc")
        begun = time.monotonic()
        assert 0 == viewer.get("/api/ui/status")["stored_spans"]
        assert time.monotonic() - begun < 5
