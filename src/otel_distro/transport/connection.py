# SPDX-License-Identifier: Apache-2.0
"""One TCP or TLS connection whose every step asks the same deadline what is left."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from otel_distro.transport.errors import (
    ConnectError,
    DeadlineError,
    RequestInterruptedError,
    TransportError,
    from_os_error,
)

if TYPE_CHECKING:
    import ssl

    from otel_distro.runtime.deadline import Deadline
    from otel_distro.transport.resolver import Address

_RECEIVE_BYTES = 64 * 1024
_SEND_BYTES = 256 * 1024


class Connection:
    """Opened by connect(), optionally start_tls(); raises TransportErrors only.

    interrupted: whether interrupt() was called; such a connection is of no use any more.
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self.interrupted = False

    def connect(self, addresses: list[Address], deadline: Deadline) -> None:
        """Connect to the first address that answers; none may use up the time of those after it."""
        failure: TransportError = DeadlineError("no connection")
        for position, address in enumerate(addresses):
            try:
                left = _left_s(deadline)
                made = self._socket = socket.socket(address.family, socket.SOCK_STREAM)
                made.settimeout(None if left is None else left / (len(addresses) - position))
                self._check()
                made.connect(address.sockaddr)
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._check()
                return
            except OSError as error:
                failure = from_os_error(error)
                self.close()
                self._check()
        raise DeadlineError("no connection") if isinstance(failure, DeadlineError) else failure

    def start_tls(self, context: ssl.SSLContext, host: str, deadline: Deadline) -> None:
        """Shake hands; host must be in the server's certificate."""
        plain = self._open()
        try:
            plain.settimeout(_left_s(deadline))
            self._socket = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
            self._check()
            self._socket.do_handshake()
        except (OSError, ValueError) as error:
            self._check()
            if not isinstance(error, OSError):  # a host name that no certificate can hold
                raise ConnectError(f"TLS: {error}", "tls") from None
            failure = from_os_error(error)
            raise (DeadlineError("no TLS handshake") if isinstance(failure, DeadlineError) else failure) from None

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of data."""
        view = memoryview(data)
        while view:
            try:
                connection = self._open()
                connection.settimeout(_left_s(deadline))
                sent = connection.send(view[:_SEND_BYTES])
            except OSError as error:
                self._check()
                raise from_os_error(error) from None
            view = view[sent:]

    def receive(self, deadline: Deadline) -> bytes:
        """At least one byte; b"" when the other side has closed."""
        try:
            connection = self._open()
            connection.settimeout(_left_s(deadline))
            data = connection.recv(_RECEIVE_BYTES)
        except OSError as error:
            self._check()
            if type(error).__name__ == "SSLEOFError":
                return b""
            raise from_os_error(error) from None
        self._check()
        return data

    def interrupt(self) -> None:
        """End whatever another thread waits for in here."""
        self.interrupted = True
        connection = self._socket
        if connection is None:
            return
        try:
            # closing does not wake a thread that waits, shutting down does; through a second descriptor,
            # because TLS and gevent sockets shut down in ways of their own
            with socket.socket(fileno=os.dup(connection.fileno())) as same:
                same.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError):
            return  # not connected any more: the other thread is past its wait

    def close(self) -> None:
        """Close without ceremony."""
        connection, self._socket = self._socket, None
        if connection is not None:
            try:
                connection.close()
            except OSError:
                pass  # the descriptor is gone already, and that was the aim

    def abandon(self) -> None:
        """Close this process's descriptor only: no TLS farewell, no shutdown under the parent."""
        connection, self._socket = self._socket, None
        if connection is not None:
            try:
                os.close(connection.detach())
            except OSError:
                pass  # closed before the fork, or by the app

    def _open(self) -> socket.socket:
        self._check()
        if self._socket is None:
            raise OSError(None, "connection closed")
        return self._socket

    def _check(self) -> None:
        if self.interrupted:
            raise RequestInterruptedError


def _left_s(deadline: Deadline) -> float | None:
    """What settimeout() takes; raises TimeoutError when nothing is left, for 0 would mean `do not block`."""
    left = deadline.remaining_s()
    if left is not None and left <= 0:
        raise TimeoutError
    return left
