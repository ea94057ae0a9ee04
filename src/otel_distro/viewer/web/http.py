# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 requests and responses as values; reading a head and undoing a body's encoding, without I/O."""

from __future__ import annotations

import json
import re
import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

MAX_HEAD = 16 * 1024
MAX_BODY = 16 * 1024 * 1024
_TOKEN = re.compile(rb"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
_TARGET = re.compile(rb"^[!-~]+$")
_SINGLE = frozenset({"host", "content-length", "authorization", "origin", "content-type", "transfer-encoding"})


class BadRequestError(Exception):
    """A request that is refused: status and a reason for a person. The connection is closed."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Request:
    """A request whose head is read. path is percent-decoded; headers have lower-case names."""

    __slots__ = ("body", "headers", "keep_alive", "method", "path", "port", "query_text", "raw_path")

    def __init__(self, method: str, target: str, headers: dict[str, str], keep_alive: bool, port: int) -> None:
        self.method = method
        self.raw_path, _, self.query_text = target.partition("?")
        self.path = unquote(self.raw_path, errors="replace")
        self.headers = headers
        self.keep_alive = keep_alive
        self.port = port
        self.body = b""

    def parts(self) -> list[str]:
        """The path between its slashes; a part may hold a slash that was sent as %2F."""
        return [unquote(part, errors="replace") for part in self.raw_path.strip("/").split("/")]

    def query(self) -> dict[str, str]:
        """Query parameters; the last one counts when repeated. At most 100."""
        try:
            return dict(parse_qsl(self.query_text, keep_blank_values=True, max_num_fields=100))
        except ValueError:
            raise BadRequestError(400, "too many query parameters") from None

    def cookies(self) -> dict[str, str]:
        """Cookies by name."""
        found = {}
        for part in self.headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            found[name] = value
        return found


class Response:
    """What is answered. stream, if given, is sent chunk by chunk after the head until it ends."""

    __slots__ = ("body", "headers", "status", "stream")

    def __init__(
        self,
        status: int = 200,
        body: bytes = b"",
        content_type: str = "text/plain; charset=utf-8",
        headers: dict[str, str] | None = None,
        stream: AsyncGenerator[bytes, None] | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = {"Content-Type": content_type, **(headers or {})}
        self.stream = stream

    def head(self, keep_alive: bool) -> bytes:
        """Status line and headers."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.stream is None:
            lines.append(f"Content-Length: {len(self.body)}")
        if not keep_alive:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """value as JSON, never cached."""
    body = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    return Response(status, body, "application/json", {"Cache-Control": "no-store", **(headers or {})})


def read_head(head: bytes, port: int) -> Request:
    """Parse what stands before the empty line. Raises BadRequestError."""
    first, *lines = head.split(b"\r\n")
    parts = first.split(b" ")
    if len(parts) != 3 or not _TOKEN.match(parts[0]) or not _TARGET.match(parts[1]):
        raise BadRequestError(400, "no HTTP request")
    if parts[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise BadRequestError(505, "HTTP/1.1 is spoken here")
    headers: dict[str, str] = {}
    for line in lines:
        name_bytes, colon, value_bytes = line.partition(b":")
        if not colon or not _TOKEN.match(name_bytes):
            raise BadRequestError(400, "no HTTP header")
        name, value = name_bytes.decode("ascii").lower(), value_bytes.strip(b" \t").decode("latin-1")
        if name in headers:
            if name in _SINGLE:
                raise BadRequestError(400, f"{name} was given twice")
            value = f"{headers[name]}, {value}" if name != "cookie" else f"{headers[name]}; {value}"
        headers[name] = value
    connection = headers.get("connection", "").lower()
    keep_alive = "close" not in connection if parts[2] == b"HTTP/1.1" else "keep-alive" in connection
    target = parts[1].decode("ascii")
    if not target.startswith("/"):
        raise BadRequestError(400, "this is no proxy")
    return Request(parts[0].decode("ascii"), target, headers, keep_alive, port)


def body_length(request: Request) -> int | None:
    """Bytes of the body; None when it comes in chunks. Raises BadRequestError."""
    encoding = request.headers.get("transfer-encoding")
    length = request.headers.get("content-length")
    if encoding is not None:
        if encoding.lower() != "chunked" or length is not None:
            raise BadRequestError(400, "this transfer encoding is not spoken here")
        return None
    if length is None:
        return 0
    if not length.isascii() or not length.isdigit() or len(length) > 18:
        raise BadRequestError(400, "Content-Length is no number")
    if int(length) > MAX_BODY:
        raise BadRequestError(413, f"the body is larger than {MAX_BODY} bytes")
    return int(length)


def decoded(body: bytes, encoding: str) -> bytes:
    """The body without its Content-Encoding, at most MAX_BODY bytes. Raises BadRequestError (400, 413 or 415)."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise BadRequestError(415, "Content-Encoding may be gzip or deflate, once")
    parts: list[bytes] = []
    size = 0
    while body:
        expand = zlib.decompressobj(31 if encoding == "gzip" else 15)
        try:
            part = expand.decompress(body, MAX_BODY + 1 - size)
        except zlib.error:
            raise BadRequestError(400, f"the body is no {encoding}") from None
        size += len(part)
        if size > MAX_BODY:
            raise BadRequestError(413, f"the body is larger than {MAX_BODY} bytes when decompressed")
        if not expand.eof:
            raise BadRequestError(400, f"the {encoding} body ends too early")
        parts.append(part)
        if len(parts) > 100:
            raise BadRequestError(400, "too many gzip members")
        body = expand.unused_data
    return b"".join(parts)
