# SPDX-License-Identifier: Apache-2.0
"""Host name to addresses, within a deadline.

The system's resolver cannot be interrupted and may block for half a minute, so it runs in a daemon thread
of its own; there is at most one such thread per Resolver.
"""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_distro.transport.errors import DeadlineError, RequestInterruptedError, from_os_error

if TYPE_CHECKING:
    from otel_distro.runtime.deadline import Deadline


class Address(NamedTuple):
    """What socket.socket() and connect() take."""

    family: int
    sockaddr: tuple[Any, ...]


class Resolver:
    """Looks up one host; a lookup that outlived its deadline is waited for by the next caller."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._running: _Lookup | None = None
        self._interrupted = False

    def addresses(self, deadline: Deadline) -> list[Address]:
        """At least one address. Raises ConnectError, DeadlineError or RequestInterruptedError."""
        self._interrupted = False
        if self._host == "localhost" or _is_literal(self._host):
            return _look_up(self._host, self._port)
        lookup = self._running or _Lookup(self._host, self._port)
        self._running = lookup
        if not lookup.done.wait(deadline.remaining_s()):
            raise DeadlineError("the resolver did not answer")
        self._running = None
        if self._interrupted:
            raise RequestInterruptedError
        if lookup.error is not None:
            raise from_os_error(lookup.error)
        return lookup.found

    def interrupt(self) -> None:
        """End a wait that runs in another thread."""
        lookup = self._running
        if lookup is not None:
            self._interrupted = True
            lookup.done.set()

    def after_fork_in_child(self) -> None:
        """The parent's thread does not exist here."""
        self._running = None


class _Lookup:
    """One call of the system's resolver."""

    def __init__(self, host: str, port: int) -> None:
        self.done = threading.Event()
        self.found: list[Address] = []
        self.error: OSError | None = None
        self._target = (host, port)
        try:
            threading.Thread(target=self._run, name="otel-distro-resolver", daemon=True).start()
        except RuntimeError:
            self._run()  # no thread to be had: the limit is reached, or the interpreter is ending

    def _run(self) -> None:
        try:
            self.found = _system_look_up(*self._target)
        except OSError as error:
            self.error = error
        finally:
            self.done.set()


def _look_up(host: str, port: int) -> list[Address]:
    try:
        return _system_look_up(host, port)
    except OSError as error:
        raise from_os_error(error) from None


def _system_look_up(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from None
    return [Address(entry[0], entry[4]) for entry in found]


def _is_literal(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return True
