# SPDX-License-Identifier: Apache-2.0
"""Reading an HTTP/1.1 reply from somebody who may be anybody: bounded in size, bounded in time.

Source: RFC 9112, sections 4 (status line), 5 (field syntax), 6 (message body) and 7 (chunked).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

from otel_distro.transport.errors import BadReplyError, ConnectionLostError, DeadlineError

if TYPE_CHECKING:
    from otel_distro.runtime.deadline import Deadline
    from otel_distro.transport.connection import Connection

_MAX_HEAD_BYTES = 64 * 1024
_MAX_INTERIM_REPLIES = 8


class Reply(NamedTuple):
    """headers: lower-case names; of repeated ones the last. body: decompressed, within the limit.
    cut: why the body is not whole ("too large", "timed out", "closed", "undecodable"), or ""."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut: str


class _CutError(Exception):
    """The body ends here. The text is Reply.cut."""


class ReplyReader:
    """Reads one reply. reusable: whether the connection may carry another request, known after reply()."""

    def __init__(self, connection: Connection, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline
        self._buffer = bytearray()
        self.reusable = False

    def reply(self, max_body_bytes: int) -> Reply:
        """The final reply. Raises a TransportError as long as there is no whole head; from then on the reply
        counts, and what goes wrong with its body is told by Reply.cut."""
        status, version, headers = self._final_head()
        body = bytearray()
        cut = ""
        try:
            delimited = self._body(status, headers, body, max_body_bytes)
            decoded = _decompressed(bytes(body), headers.get("content-encoding", ""), max_body_bytes)
            keep = version == "HTTP/1.1" and "close" not in headers.get("connection", "").lower()
            self.reusable = delimited and keep and not self._buffer
        except _CutError as reason:
            cut, decoded = str(reason), b""
        return Reply(status, headers, decoded, cut)

    def tunnel_status(self) -> int:
        """The status of a reply to CONNECT, which has no body when it is 2xx."""
        status, _, _ = self._final_head()
        if self._buffer:
            raise BadReplyError("it sent more than a reply to CONNECT")
        return status

    def _final_head(self) -> tuple[int, str, dict[str, str]]:
        for _ in range(_MAX_INTERIM_REPLIES):
            status, version, headers = self._head()
            if status >= 200:
                return status, version, headers
        raise BadReplyError("too many interim replies")

    def _head(self) -> tuple[int, str, dict[str, str]]:
        while (end := _end_of_head(self._buffer)) is None:
            if len(self._buffer) > _MAX_HEAD_BYTES:
                raise BadReplyError("the reply's head is over 64 KiB")
            began = bool(self._buffer)
            try:
                data = self._connection.receive(self._deadline)
            except DeadlineError:
                raise DeadlineError("no reply") from None
            except ConnectionLostError as lost:
                raise ConnectionLostError(lost.reason, reply_began=began) from None
            if not data:
                words = "in the middle of the reply" if began else "without a reply"
                raise ConnectionLostError(f"connection closed {words}", reply_began=began)
            self._buffer += data
            _check_protocol(self._buffer)
        head = bytes(self._buffer[:end]).decode("latin-1")
        del self._buffer[:end]
        return _parse_head(head)

    def _body(self, status: int, headers: dict[str, str], body: bytearray, limit: int) -> bool:
        """Read into body. Returns whether the reply said itself where it ends."""
        if status in {204, 304}:
            return True
        if "chunked" in headers.get("transfer-encoding", "").lower():
            self._chunks(body, limit)
            return True
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit():
            if len(length) > 18 or int(length) > limit:
                raise _CutError("too large")
            body += self._exactly(int(length))
            return True
        while len(self._buffer) <= limit and self._more(eof_ends=True):
            pass  # _more() fills the buffer
        if len(self._buffer) > limit:
            raise _CutError("too large")
        body += self._buffer
        return False

    def _chunks(self, body: bytearray, limit: int) -> None:
        while True:
            size_text = self._line().split(b";")[0].strip()
            if not size_text or len(size_text) > 8 or size_text.strip(b"0123456789abcdefABCDEF"):
                raise _CutError("undecodable")
            size = int(size_text, 16)
            if size == 0:
                break
            if len(body) + size > limit:
                raise _CutError("too large")
            body += self._exactly(size)
            if self._line():
                raise _CutError("undecodable")
        trailer_bytes = 0
        while line := self._line():
            trailer_bytes += len(line)
            if trailer_bytes > _MAX_HEAD_BYTES:
                raise _CutError("too large")

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _MAX_HEAD_BYTES:
                raise _CutError("too large")
            self._more()
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _more(self, eof_ends: bool = False) -> bytes:
        try:
            data = self._connection.receive(self._deadline)
        except DeadlineError:
            raise _CutError("timed out") from None
        except ConnectionLostError:
            raise _CutError("closed") from None
        if not data and not eof_ends:
            raise _CutError("closed")
        self._buffer += data
        return data


def _end_of_head(data: bytearray) -> int | None:
    end = data.find(b"\r\n\r\n")
    if end >= 0:
        return end + 4
    end = data.find(b"\n\n")
    return end + 2 if end >= 0 else None


def _check_protocol(start: bytearray) -> None:
    """Recognise another protocol by its first bytes, long before anything times out."""
    if start.startswith(b"HTTP/1."[: len(start)]):
        return
    if len(start) >= 4 and start[0] == 0 and start[3] == 4:  # a SETTINGS frame opens every HTTP/2 connection
        raise BadReplyError("that port speaks HTTP/2", speaks="HTTP/2")
    if start[0] in {0x15, 0x16}:  # a TLS alert or handshake record
        raise BadReplyError("that port speaks TLS", speaks="TLS")
    if len(start) >= 4 or start[0] != 0:
        raise BadReplyError("that port does not speak HTTP")


def _parse_head(head: str) -> tuple[int, str, dict[str, str]]:
    first, *lines = head.replace("\r\n", "\n").rstrip("\n").split("\n")
    version, _, rest = first.partition(" ")
    code = rest[:3]
    if not (code.isascii() and code.isdigit() and len(code) == 3):
        raise BadReplyError("the reply has no status")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(code), version, headers


def _decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"} or not body:
        return body
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise _CutError("undecodable")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip or zlib, whichever it is
    try:
        decoded = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise _CutError("undecodable") from None
    if len(decoded) > limit:
        raise _CutError("too large")
    if not unpacker.eof:
        raise _CutError("closed")
    return decoded
