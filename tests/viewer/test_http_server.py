# SPDX-License-Identifier: Apache-2.0
"""The HTTP server with raw sockets: what is legal is answered, what is not is refused, nothing waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.viewer.web.http import MAX_BODY, BadRequestError, Request, Response, decoded, read_head
from otel_distro.viewer.web.server import Limits, Server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

QUICK = Limits(connections=4, request_s=0.3, idle_s=0.6, write_s=0.5)


async def echo(request: Request) -> Response:
    """Answers what was asked."""
    if request.path == "/fails":
        raise RuntimeError("a bug")
    if request.path == "/slow":
        await asyncio.sleep(0.6)
    return Response(200, f"{request.method} {request.path} ".encode() + request.body)


def served(talk: Callable[[int, Server], Awaitable[None]], limits: Limits = QUICK) -> None:
    """Run a server for as long as talk(port, server) takes."""

    async def main() -> None:
        server = Server(echo, lambda request: Response(403) if request.path == "/no" else None, limits)
        port = await server.listen("127.0.0.1", 0)
        try:
            await asyncio.wait_for(talk(port, server), 15)
        finally:
            await server.close()
            await asyncio.sleep(0.05)

    asyncio.run(main())


async def exchange(port: int, data: bytes, end: bool = False) -> bytes:
    """Send bytes, read until the server closes or is silent for a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    if end:
        writer.write_eof()
    answer = b""
    with contextlib.suppress(asyncio.TimeoutError, ConnectionError):
        while part := await asyncio.wait_for(reader.read(65536), 1.2):
            answer += part
    writer.close()
    return answer


def answer_to(data: bytes) -> bytes:
    """What the server says to these bytes."""
    found = b""

    async def talk(port: int, _: Server) -> None:
        nonlocal found
        found = await exchange(port, data)

    served(talk)
    return found


def test_requests_one_after_another_on_one_connection() -> None:
    """Also when all come at once, in order."""
    answer = answer_to(
        b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyzGET /c HTTP/1.1\r\n\r\n"
    )

    assert [b"GET /a ", b"POST /b xyz", b"GET /c "] == [
        part.partition(b"HTTP/1.1")[0] for part in answer.split(b"\r\n\r\n")[1:]
    ]


def test_a_body_in_chunks_with_a_trailer() -> None:
    """Put together; what follows is the next request."""
    body = b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n"
    answer = answer_to(b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"GET /b HTTP/1.1\r\n\r\n")

    assert b"POST /a abc0123456789" in answer
    assert b"GET /b " in answer


def test_any_split_of_a_request_is_the_same_request() -> None:
    """Bytes come one by one."""

    async def talk(port: int, _: Server) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for byte in b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi":
            writer.write(bytes([byte]))
            await writer.drain()
        assert b"POST /a hi" in await reader.read(1000)
        writer.close()

    served(talk, Limits(request_s=10))


def test_expect_continue_is_answered() -> None:
    """Clients with large bodies ask first."""
    answer = answer_to(b"POST /a HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi")

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET http://x/ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA B: x\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXX\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 20_000, 431),
        (b"POST /no HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n", 403),
        (b"GET /fails HTTP/1.1\r\n\r\n", 500),
    ],
)
def test_what_is_refused(data: bytes, status: int) -> None:
    """With a status and a closed connection where the stream can no longer be trusted."""
    assert answer_to(data).startswith(b"HTTP/1.1 %d " % status)


@given(st.binary(max_size=200))
def test_any_head_is_read_or_refused(head: bytes) -> None:
    """BadRequestError and nothing else."""
    try:
        read_head(head, 1)
    except BadRequestError:
        return


def test_who_does_not_finish_is_closed_in_time() -> None:
    """A head without an end, a body without an end, and silence."""

    async def talk(port: int, server: Server) -> None:
        begun = asyncio.get_running_loop().time()
        answers = await asyncio.gather(
            exchange(port, b"GET / HT"),
            exchange(port, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"),
            exchange(port, b""),
        )
        assert [b"", b"", b""] == answers
        assert asyncio.get_running_loop().time() - begun < 1.5
        assert {} == server.connections
        assert 0 == server.buffered

    served(talk)


def test_held_connections_keep_nobody_out() -> None:
    """With all places taken by clients that say nothing, a real request is answered at once."""

    async def talk(port: int, server: Server) -> None:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
        await asyncio.sleep(0.05)
        assert len(server.connections) <= 4
        assert 36 <= sum([reader.at_eof() or reader.exception() is not None for reader, _ in held])
        assert b"GET /a " in await exchange(port, b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n")
        for _, writer in held:
            writer.close()

    served(talk, Limits(connections=4, request_s=30))


def test_a_request_that_is_being_answered_is_not_ended_for_another() -> None:
    """Only those that wait make room."""

    async def talk(port: int, _: Server) -> None:
        slow = asyncio.ensure_future(exchange(port, b"GET /slow HTTP/1.1\r\nConnection: close\r\n\r\n"))
        await asyncio.sleep(0.1)
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        assert b"GET /slow " in await slow
        for _, writer in held:
            writer.close()

    served(talk, Limits(connections=4, request_s=30))


def test_too_much_at_once_is_refused() -> None:
    """Bodies in memory are bounded over all connections."""

    async def talk(port: int, _: Server) -> None:
        head = b"POST /a HTTP/1.1\r\nContent-Length: 600\r\n\r\n"
        _, first = await asyncio.open_connection("127.0.0.1", port)
        first.write(head + b"x")
        await asyncio.sleep(0.1)
        assert (await exchange(port, head + b"x" * 600)).startswith(b"HTTP/1.1 503 ")
        first.close()

    served(talk, Limits(buffered_bytes=1000))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "GZIP"])
def test_encoded_bodies(encoding: str) -> None:
    """As clients send them, also in several gzip members."""
    pack = gzip.compress if "z" in encoding.lower() else zlib.compress

    assert b"hello" == decoded(pack(b"hello"), encoding)
    if encoding == "gzip":
        assert b"hello" == decoded(gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo", mtime=0), encoding)


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"nonsense", "gzip", 400),
        (gzip.compress(b"hello", mtime=0)[:-5], "gzip", 400),
        (gzip.compress(b"x", mtime=0) * 200, "gzip", 400),
        (gzip.compress(bytes(MAX_BODY + 1)), "gzip", 413),
        (gzip.compress(bytes(MAX_BODY // 2 + 1)) * 2, "gzip", 413),
        (b"x", "gzip, gzip", 415),
        (b"x", "br", 415),
    ],
)
def test_bad_encodings(body: bytes, encoding: str, status: int) -> None:
    """Refused before more than 16 MiB came out."""
    with pytest.raises(BadRequestError) as caught:
        decoded(body, encoding)
    assert status == caught.value.status
