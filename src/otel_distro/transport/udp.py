# SPDX-License-Identifier: Apache-2.0
"""Datagrams to one host and port, IPv4 or IPv6, over a socket that is kept."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

from otel_distro.runtime.clock import monotonic_s
from otel_distro.transport.errors import ConnectError, DeadlineError, from_os_error
from otel_distro.transport.resolver import Resolver

if TYPE_CHECKING:
    from otel_distro.runtime.deadline import Deadline

_MAX_AGE_S = 60.0  # a name may point elsewhere by then
_SEND_BUFFER_BYTES = 256 * 1024  # macOS sends no datagram larger than this buffer, which is small by default


class DatagramSender:
    """Sends one datagram at a time; whether it arrives is not known."""

    def __init__(self, host: str, port: int) -> None:
        """host: a name or an address. Opens nothing."""
        self._resolver = Resolver(host, port)
        self._socket: socket.socket | None = None
        self._opened_s = 0.0

    def send(self, data: bytes, deadline: Deadline) -> bool:
        """Hand data to the network; False when the last datagrams found nobody who listens.

        Raises TransportError, with the error_type message_too_large when the system sends none of that size.
        """
        try:
            self._send(data, deadline)
        except ConnectionRefusedError:  # what became of an earlier one is told at the next
            self.close()
        else:
            return True
        try:
            self._send(data, deadline)
        except ConnectionRefusedError:
            self.close()
        return False

    def interrupt(self) -> None:
        """End a wait for the resolver that runs in another thread."""
        self._resolver.interrupt()

    def close(self) -> None:
        """Close the socket; the next datagram opens another."""
        opened, self._socket = self._socket, None
        if opened is not None:
            opened.close()

    def after_fork_in_child(self) -> None:
        """Leave the parent's socket to the parent."""
        opened, self._socket = self._socket, None
        if opened is not None:
            try:
                os.close(opened.detach())
            except OSError:
                pass  # closed before the fork, or by the app
        self._resolver.after_fork_in_child()

    def _send(self, data: bytes, deadline: Deadline) -> None:
        if monotonic_s() - self._opened_s > _MAX_AGE_S:
            self.close()
        try:
            if self._socket is None:
                self._socket = self._open(deadline)
            self._socket.settimeout(_left_s(deadline))
            self._socket.send(data)
        except ConnectionRefusedError:
            raise
        except OSError as error:
            self.close()
            if error.errno == errno.EMSGSIZE:
                raise ConnectError(
                    f"the system sends no datagram of {len(data):,} bytes", "message_too_large"
                ) from None
            raise from_os_error(error) from None

    def _open(self, deadline: Deadline) -> socket.socket:
        """A socket connected to the first address that has a route. Raises OSError and TransportError."""
        failure = OSError("no address")
        for address in self._resolver.addresses(deadline):
            opened = socket.socket(address.family, socket.SOCK_DGRAM)
            try:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
                opened.connect(address.sockaddr)
            except OSError as error:
                opened.close()
                failure = error
            else:
                self._opened_s = monotonic_s()
                return opened
        raise failure


def _left_s(deadline: Deadline) -> float | None:
    left = deadline.remaining_s()
    if left is not None and left <= 0:
        raise DeadlineError
    return left
