# SPDX-License-Identifier: Apache-2.0
"""Replies from anybody: read as RFC 9112 says, and never beyond the limits."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.runtime.deadline import Deadline
from otel_distro.transport.errors import BadReplyError, ConnectionLostError, DeadlineError, TransportError
from otel_distro.transport.http_reply import Reply, ReplyReader

LIMIT = 1000


class Script:
    """A connection that hands out prepared pieces; then end of stream, or the error given."""

    def __init__(self, pieces: list[bytes], then: TransportError | None = None) -> None:
        self.pieces = pieces
        self.then = then

    def receive(self, deadline: Deadline) -> bytes:
        if self.pieces:
            return self.pieces.pop(0)
        if self.then is not None:
            raise self.then
        return b""


def read(*pieces: bytes, then: TransportError | None = None) -> tuple[Reply, bool]:
    reader = ReplyReader(Script([p for p in pieces if p], then), Deadline(None))
    return reader.reply(LIMIT), reader.reusable


def test_a_body_of_declared_length() -> None:
    reply, reusable = read(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b \r\n\r\nhello")
    assert (Reply(200, {"content-length": "5", "x-a": "b"}, b"hello", ""), True) == (reply, reusable)


@pytest.mark.parametrize("size", range(1, 12))
def test_the_pieces_in_which_it_comes_do_not_matter(size: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    text = head + b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"
    reply, reusable = read(*[text[i : i + size] for i in range(0, len(text), size)])
    assert (reply.body, reply.cut, reusable) == (b"abc0123456789", "", True)


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    reply, reusable = read(b"HTTP/1.0 200 OK\n\nhel", b"lo")
    assert (reply.body, reply.cut, reusable) == (b"hello", "", False)


@pytest.mark.parametrize("head", [b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n"])
def test_statuses_without_a_body(head: bytes) -> None:
    reply, reusable = read(head)
    assert (reply.body, reply.cut, reusable) == (b"", "", True)


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nand more",
    ],
)
def test_when_the_connection_cannot_be_used_again(text: bytes) -> None:
    assert read(text)[1] is False


def test_interim_replies_are_passed_over() -> None:
    reply, _ = read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert reply.status == 200


@pytest.mark.parametrize(
    ("body", "cut"),
    [
        (b"Content-Length: 1001\r\n\r\n", "too large"),
        (b"Content-Length: 99999999999999999999999\r\n\r\n" + b"x" * 1001, "too large"),
        (b"\r\n" + b"x" * 1001, "too large"),
        (b"Transfer-Encoding: chunked\r\n\r\nFFFFFF\r\n", "too large"),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1001, "too large"),
        (b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: 1\r\n" * 20_000, "too large"),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 70_000, "too large"),
        (b"Transfer-Encoding: chunked\r\n\r\n-5\r\nx", "undecodable"),
        (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef", "closed"),
        (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", "undecodable"),
        (b"Content-Length: 10\r\n\r\nabc", "closed"),
        (b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", "undecodable"),
        (b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno", "undecodable"),
    ],
)
def test_a_body_that_goes_wrong_is_cut_and_the_connection_given_up(body: bytes, cut: str) -> None:
    reply, reusable = read(b"HTTP/1.1 200 OK\r\n" + body)
    assert (200, b"", cut, False) == (reply.status, reply.body, reply.cut, reusable)


def test_a_deadline_within_the_body_cuts_it() -> None:
    reply, _ = read(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", then=DeadlineError())
    assert (reply.cut, reply.body) == ("timed out", b"")


@pytest.mark.parametrize(("encoding", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
def test_compressed_bodies_are_unpacked(encoding: bytes, pack: object) -> None:
    packed = pack(b"hello" * 100)
    reply, reusable = read(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (encoding, len(packed)) + packed
    )
    assert (reply.body, reusable) == (b"hello" * 100, True)


def test_a_bomb_is_not_unpacked() -> None:
    packed = gzip.compress(b"\0" * 500_000)
    assert len(packed) < LIMIT
    reply, _ = read(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    assert reply.cut == "too large"


def test_a_connection_that_ends_before_the_head_is_lost() -> None:
    with pytest.raises(ConnectionLostError) as nothing:
        read()
    with pytest.raises(ConnectionLostError) as half:
        read(b"HTTP/1.1 200 OK\r\nConte")
    assert (nothing.value.reply_began, half.value.reply_began) == (False, True)


def test_a_head_without_end_is_given_up() -> None:
    with pytest.raises(BadReplyError, match="over 64 KiB"):
        read(*[b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"y" * 1000 + b"\r\n"] * 100])


@given(
    st.lists(st.binary(max_size=60), max_size=6),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]),
)
def test_no_bytes_raise_anything_else(pieces: list[bytes], start: bytes) -> None:
    try:
        read(start, *pieces)
    except TransportError:
        pass  # what is promised
