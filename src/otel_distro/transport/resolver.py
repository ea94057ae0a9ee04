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
    from collections.abc import Callable

    from otel_distro.runtime.deadline import Deadline

    LookUp = Callable[[str, int], "list[Address]"]


class Address(NamedTuple):
    """What socket.socket() and connect() take."""

    family: int
    sockaddr: tuple[Any, ...]


class Resolver:
    """Looks up one host; a lookup that outlived its deadline is waited for by the next caller."""

    def __init__(self, host: str, port: int, look_up: LookUp | None = None) -> None:
        """look_up: what asks the system, for tests."""
        self._host = host
        self._port = port
        self._look_up = look_up or system_look_up
        self._running: _Lookup | None = None
        self._interrupted = False

    def addresses(self, deadline: Deadline) -> list[Address]:
        """At least one address. Raises ConnectError, DeadlineError or RequestInterruptedError."""
        self._interrupted = False
        if self._host == "localhost" or _is_literal(self._host):
            lookup = _Lookup(self._look_up, self._host, self._port)
            lookup.run()
            return lookup.result()
        if self._running is None:
            self._running = _Lookup(self._look_up, self._host, self._port)
            self._running.start()
        lookup = self._running
        if not lookup.done.wait(deadline.remaining_s()):
            raise DeadlineError("no answer from the resolver")
        self._running = None
        if self._interrupted:
            raise RequestInterruptedError
        return lookup.result()

    def interrupt(self) -> None:
        """End a wait that runs in another thread."""
        self._interrupted = True
        lookup = self._running
        if lookup is not None:
            lookup.done.set()

    def after_fork_in_child(self) -> None:
        """The parent's thread does not exist here."""
        self._running = None


class _Lookup:
    """One call of the system's resolver."""

    def __init__(self, look_up: LookUp, host: str, port: int) -> None:
        self.done = threading.Event()
        self._look_up = look_up
        self._target = (host, port)
        self._found: list[Address] = []
        self._error: OSError | None = None

    def start(self) -> None:
        """Run in a thread of its own."""
        try:
            threading.Thread(target=self.run, name="otel-distro-resolver", daemon=True).start()
        except RuntimeError:
            self.run()  # no thread to be had: the limit is reached, or the interpreter is ending

    def run(self) -> None:
        """Look up; never raises."""
        try:
            self._found = self._look_up(*self._target)
        except OSError as error:
            self._error = error
        finally:
            self.done.set()

    def result(self) -> list[Address]:
        """What was found. Raises ConnectError."""
        if self._error is not None:
            raise from_os_error(self._error)
        return self._found


def system_look_up(host: str, port: int) -> list[Address]:
    """Ask the system. Raises OSError."""
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
