# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 server for loopback: bounded in connections, time and memory, whatever a client sends or holds back.

When all connections are in use, the one that has waited longest without a whole request makes room; so held-open
connections keep nobody out.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, NamedTuple

from otel_distro.runtime import guard
from otel_distro.viewer.web.http import (
    MAX_BODY,
    MAX_HEAD,
    BadRequestError,
    Request,
    Response,
    body_length,
    read_head,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    Handler: TypeAlias = "Callable[[Request], Awaitable[Response]]"
    Admit: TypeAlias = "Callable[[Request], Response | None]"


class Limits(NamedTuple):
    """What a server spends on its clients: connections, bytes of bodies in memory, and times in seconds."""

    connections: int = 64
    buffered_bytes: int = 48 * 1024 * 1024
    request_s: float = 10.0
    idle_s: float = 75.0
    write_s: float = 20.0


class Server:
    """Counts and bounds the connections of all ports."""

    def __init__(self, handle: Handler, admit: Admit, limits: Limits | None = None) -> None:
        """handle: answers a whole request. admit: refuses by the head alone, before a body is read."""
        self.limits = limits or Limits()
        self.handle = handle
        self.admit = admit
        self.connections: dict[Connection, None] = {}
        self.buffered = 0
        self._listening: list[asyncio.Server] = []

    async def listen(self, host: str, port: int) -> int:
        """Accept connections on an address; port 0 takes a free one. Returns the port. Raises OSError."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self), host, port, backlog=128)
        self._listening.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop accepting and end all connections."""
        for server in self._listening:
            server.close()
        for connection in list(self.connections):
            connection.abort()

    def opened(self, connection: Connection) -> None:
        """Count a connection, and end the one that waited longest when there are too many."""
        self.connections[connection] = None
        if len(self.connections) > self.limits.connections:
            victim = next((one for one in self.connections if not one.busy), connection)
            del self.connections[victim]  # now: many may be opened before this one is closed
            victim.abort()

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self.connections.pop(connection, None)


class Connection(asyncio.Protocol):
    """One client: reads a request, answers it, reads the next."""

    def __init__(self, server: Server) -> None:
        self.busy = False
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._request: Request | None = None
        self._chunks: _Chunks | None = None
        self._length = 0
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._counted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio.Protocol: a client is there."""
        self._transport = transport  # type: ignore[assignment] # a stream server gives stream transports
        self._writable.set()
        self._arm(self._server.limits.request_s)
        self._server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it ended changes nothing
        """asyncio.Protocol: the client is gone."""
        self._server.closed(self)
        self._release()
        self._disarm()
        self._writable.set()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """asyncio.Protocol: the client reads slower than we write."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """asyncio.Protocol: it has caught up."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """asyncio.Protocol: bytes came."""
        if self._transport is None or self._transport.is_closing():
            return
        if not self._buffer and self._request is None:
            self._arm(self._server.limits.request_s)
        self._buffer += data
        self._advance()

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # -- inside ----------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        if self.busy or self._transport is None:
            return
        try:
            if self._request is None and not self._read_head():
                return
            if self._request is not None and self._read_body():
                self.busy = True
                self._disarm()
                self._transport.pause_reading()
                self._task = asyncio.get_running_loop().create_task(self._answer(self._request))
        except BadRequestError as error:
            self._refuse(Response(error.status, f"{error.reason}\n".encode()))

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n", 0, MAX_HEAD)
        if end < 0:
            if len(self._buffer) >= MAX_HEAD:
                raise BadRequestError(431, f"the head of the request is larger than {MAX_HEAD} bytes")
            return False
        assert self._transport is not None
        port = self._transport.get_extra_info("sockname")[1]
        request = read_head(bytes(self._buffer[:end]), port)
        del self._buffer[: end + 4]
        length = body_length(request)
        refusal = self._server.admit(request)
        if refusal is not None:
            self._refuse(refusal)
            return False
        self._chunks = _Chunks() if length is None else None
        self._length = length or 0
        self._counted = MAX_BODY if length is None else self._length
        if self._counted and self._server.buffered + self._counted > self._server.limits.buffered_bytes:
            self._counted = 0
            raise BadRequestError(503, "too much at once; try again in a second")
        self._server.buffered += self._counted
        self._request = request
        if request.headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _read_body(self) -> bool:
        assert self._request is not None
        if self._chunks is not None:
            if not self._chunks.read(self._buffer):
                return False
            self._request.body = bytes(self._chunks.body)
            return True
        if len(self._buffer) < self._length:
            return False
        self._request.body = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        return True

    async def _answer(self, request: Request) -> None:
        handling = asyncio.ensure_future(self._server.handle(request))
        try:
            await asyncio.wait([handling])
        finally:
            handling.cancel()
        response = _outcome(handling)
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        keep_alive = request.keep_alive and response.stream is None
        transport.write(response.head(keep_alive))
        if request.method != "HEAD":
            transport.write(response.body)
            if response.stream is not None:
                await self._send(response)
        self._release()
        self._request = self._chunks = None
        if not keep_alive:
            transport.close()
            self._arm(self._server.limits.write_s)
            return
        with contextlib.suppress(asyncio.CancelledError, TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(self._writable.wait(), self._server.limits.write_s)
        if not self._writable.is_set():
            self.abort()
            return
        self.busy = False
        self._task = None
        self._server.connections.pop(self, None)
        self._server.connections[self] = None  # who was answered last is ended last
        self._arm(self._server.limits.request_s if self._buffer else self._server.limits.idle_s)
        transport.resume_reading()
        self._advance()

    async def _send(self, response: Response) -> None:
        assert response.stream is not None
        transport = self._transport
        async with contextlib.aclosing(response.stream) as parts:
            async for part in parts:
                await self._writable.wait()
                if transport is None or transport.is_closing():
                    return
                transport.write(part)

    def _refuse(self, response: Response) -> None:
        assert self._transport is not None
        self._transport.write(response.head(keep_alive=False))
        self._transport.write(response.body)
        self._request = None
        self.busy = True  # nothing more is read from this client
        self._release()
        self._transport.close()
        self._arm(self._server.limits.write_s)

    def _release(self) -> None:
        self._server.buffered -= self._counted
        self._counted = 0

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.abort)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _outcome(handling: asyncio.Future[Response]) -> Response:
    error = handling.exception()
    if error is None:
        return handling.result()
    if isinstance(error, BadRequestError):
        return Response(error.status, f"{error.reason}\n".encode())
    guard.report("viewer", error)
    return Response(500, b"the viewer failed; its log says how\n")


class _Chunks:
    """A body in chunks, put together; bounded like any other."""

    def __init__(self) -> None:
        self.body = bytearray()
        self._left = -1
        self._trailer = False
        self._trailer_bytes = 0

    def read(self, buffer: bytearray) -> bool:
        """Take what is there; True when the body is whole. Raises BadRequestError."""
        while True:
            if self._left > 0:
                part = buffer[: self._left]
                if not part:
                    return False
                self.body += part
                self._left -= len(part)
                del buffer[: len(part)]
                continue
            end = buffer.find(b"\r\n", 0, 1024)
            if end < 0:
                if len(buffer) >= 1024:
                    raise BadRequestError(400, "no chunk")
                return False
            line = bytes(buffer[:end])
            del buffer[: end + 2]
            if self._trailer:
                self._trailer_bytes += end + 2
                if self._trailer_bytes > MAX_HEAD:
                    raise BadRequestError(431, "the trailer is too large")
                if not line:
                    return True
            elif self._left == 0:
                if line:
                    raise BadRequestError(400, "no chunk")
                self._left = -1
            else:
                self._begin(line)

    def _begin(self, line: bytes) -> None:
        digits = line.partition(b";")[0].strip()
        if not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):
            raise BadRequestError(400, "no chunk")
        size = int(digits, 16)
        if len(self.body) + size > MAX_BODY:
            raise BadRequestError(413, f"the body is larger than {MAX_BODY} bytes")
        self._trailer = size == 0
        self._left = size or -1
