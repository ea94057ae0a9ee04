# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 client for one URL: keep-alive, one total deadline per request, capped replies, no redirects.

Not built on http.client: that one has a timeout per read, reads replies of any size, is what other tools
patch, and costs 20 ms to import in every process that sends its first span.
Source: RFC 9112.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from otel_distro.runtime.clock import monotonic_s
from otel_distro.transport.connection import Connection
from otel_distro.transport.errors import (
    BadReplyError,
    ConnectError,
    ConnectionLostError,
    DeadlineError,
    RequestInterruptedError,
    TransportError,
)
from otel_distro.transport.http_reply import Reply, ReplyReader
from otel_distro.transport.resolver import Resolver
from otel_distro.transport.tls import TlsFiles, context

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_distro.runtime.deadline import Deadline
    from otel_distro.transport.proxy import Proxy

_MAX_CONNECTION_AGE_S = 60.0  # a name may point elsewhere by then
_SMALL_BODY_BYTES = 16 * 1024
_NO_FILES = TlsFiles()
_SAFE = "%!#$&'()*+,/:;=?@[]~"  # what a URL may hold as it is
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class HttpClient:
    """Requests to one URL, one at a time, over one connection that is kept as long as the server keeps it."""

    def __init__(
        self,
        url: str,
        headers: Iterable[tuple[str, str]] = (),
        *,
        tls: TlsFiles = _NO_FILES,
        proxy: Proxy | None = None,
        max_response_bytes: int = 4 * 1024 * 1024,
    ) -> None:
        """url: http or https, sent as it is but for its user, password and fragment. headers: sent each time.

        Opens nothing. Raises ValueError for a URL or header that cannot be sent; its text holds no values.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("not an http:// or https:// URL with a host")
        self._secure = parts.scheme == "https"
        self.host = parts.hostname
        self.port = parts.port or (443 if self._secure else 80)
        self._tls = tls
        self._proxy = proxy
        self._max_response_bytes = max_response_bytes
        self._target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_SAFE)
        fixed = [("Host", _authority(parts.hostname, parts.port)), *headers]
        if proxy is not None and not self._secure:
            self._target = f"http://{fixed[0][1]}{self._target}"
            fixed += proxy.headers
        self._fixed_lines = _lines(fixed)
        self._resolver = Resolver(proxy.host, proxy.port) if proxy else Resolver(self.host, self.port)
        self._connection: Connection | None = None
        self._opened_s = 0.0
        self._interrupted = False

    def post(self, body: bytes, headers: Iterable[tuple[str, str]], deadline: Deadline) -> Reply:
        """POST body. Raises TransportError; a reply of any status is returned."""
        head = f"POST {self._target} HTTP/1.1\r\nContent-Length: {len(body)}\r\n".encode("ascii")
        return self._request(head + self._fixed_lines + _lines(headers) + b"\r\n", body, deadline)

    def get(self, query: str, deadline: Deadline) -> Reply:
        """GET the URL with query (percent-encoded) added to its own. Raises as post() does."""
        target = self._target + (f"{'&' if '?' in self._target else '?'}{query}" if query else "")
        head = f"GET {target} HTTP/1.1\r\n".encode("ascii")
        return self._request(head + self._fixed_lines + b"\r\n", b"", deadline)

    def interrupt(self) -> None:
        """Make a request in another thread raise RequestInterruptedError soon. Harmless when none runs."""
        self._interrupted = True
        self._resolver.interrupt()
        connection = self._connection
        if connection is not None:
            connection.interrupt()

    def close(self) -> None:
        """Close the kept connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def after_fork_in_child(self) -> None:
        """Let go of the parent's connection without a trace on the wire."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()
        self._resolver.after_fork_in_child()

    def _request(self, head: bytes, body: bytes, deadline: Deadline) -> Reply:
        self._interrupted = False
        began_s = monotonic_s()
        kept = self._connection
        if kept is not None and (kept.interrupted or began_s - self._opened_s > _MAX_CONNECTION_AGE_S):
            self.close()
        try:
            if self._connection is not None:
                try:
                    return self._exchange(self._connection, head, body, deadline)
                except ConnectionLostError as lost:
                    if lost.reply_began:
                        raise
                    self.close()  # the server gave the idle connection up; a new one shows whether it is well
            return self._exchange(self._connect(deadline), head, body, deadline)
        except TransportError as error:
            self.close()
            if isinstance(error, DeadlineError):
                raise DeadlineError(f"{error.reason} within {monotonic_s() - began_s:.3g} s") from None
            raise

    def _exchange(self, connection: Connection, head: bytes, body: bytes, deadline: Deadline) -> Reply:
        reader = ReplyReader(connection, deadline)
        try:
            if len(body) <= _SMALL_BODY_BYTES:
                connection.send(head + body, deadline)
            else:
                connection.send(head, deadline)
                connection.send(body, deadline)
        except ConnectionLostError as lost:
            # who refuses a body may have answered before reading all of it
            try:
                reply = reader.reply(self._max_response_bytes)
            except TransportError:
                raise lost from None
            self.close()
            return reply
        reply = reader.reply(self._max_response_bytes)
        if not reader.reusable:
            self.close()
        return reply

    def _connect(self, deadline: Deadline) -> Connection:
        self._opened_s = monotonic_s()
        connection = Connection()
        try:
            addresses = self._resolver.addresses(deadline)
            self._connection = connection
            if self._interrupted:
                raise RequestInterruptedError
            connection.connect(addresses, deadline)
            if self._proxy is not None and self._secure:
                self._open_tunnel(connection, self._proxy, deadline)
        except (ConnectError, ConnectionLostError, BadReplyError) as error:
            if self._proxy is None:
                raise
            raise ConnectError(f"{self._proxy.name}: {error.reason}", f"proxy_{error.error_type}") from None
        if self._secure:
            connection.start_tls(context(self._tls), self.host, deadline)
        return connection

    def _open_tunnel(self, connection: Connection, proxy: Proxy, deadline: Deadline) -> None:
        target = _authority(self.host, self.port)
        head = f"CONNECT {target} HTTP/1.1\r\n".encode("ascii")
        connection.send(head + _lines([("Host", target), *proxy.headers]) + b"\r\n", deadline)
        status = ReplyReader(connection, deadline).tunnel_status()
        if not 200 <= status < 300:
            words = "it wants a user and password (407)" if status == 407 else f"it answered {status} to CONNECT"
            raise ConnectError(words, str(status))


def _authority(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def _lines(headers: Iterable[tuple[str, str]]) -> bytes:
    out = []
    for name, value in headers:
        if not name or not _TOKEN.issuperset(name) or any(c in value for c in "\r\n\0"):
            raise ValueError(f"header {name!r} cannot be sent")
        out.append(name.encode("ascii") + b": " + value.encode("utf-8", "replace") + b"\r\n")
    return b"".join(out)
