# SPDX-License-Identifier: Apache-2.0
"""Why bytes did not get through. The only errors that leave this package, besides ValueError for a bad URL.

TransportError
  ConnectError              refused, unreachable, no such host, TLS, proxy
  DeadlineError             the deadline passed
  ConnectionLostError       reset or closed before a whole reply head was there
  BadReplyError             what came is not an HTTP/1 reply
  RequestInterruptedError   somebody asked to stop
"""

from __future__ import annotations

import errno
import socket


class TransportError(Exception):
    """reason: for people, without the address. error_type: low cardinality, for metrics."""

    def __init__(self, reason: str, error_type: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.error_type = error_type


class ConnectError(TransportError):
    """There is no connection to send on."""


class DeadlineError(TransportError):
    """The deadline passed."""

    def __init__(self, reason: str = "timed out") -> None:
        super().__init__(reason, "timeout")


class ConnectionLostError(TransportError):
    """The other side went away. reply_began: whether a part of the reply's head was there."""

    def __init__(self, reason: str, reply_began: bool = False) -> None:
        super().__init__(reason, "connection_lost")
        self.reply_began = reply_began


class BadReplyError(TransportError):
    """Somebody answered who does not speak HTTP/1. speaks: "HTTP/2", "TLS" or "" for neither."""

    def __init__(self, reason: str, speaks: str = "") -> None:
        super().__init__(reason, "bad_reply")
        self.speaks = speaks


class RequestInterruptedError(TransportError):
    """interrupt() was called."""

    def __init__(self) -> None:
        super().__init__("interrupted", "interrupted")


_NO_SUCH_HOST = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ENETUNREACH: "network unreachable",
    errno.EHOSTUNREACH: "no route to host",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files",
}


def from_os_error(error: OSError) -> TransportError:
    """The TransportError for what a socket raised."""
    if isinstance(error, TimeoutError):
        return DeadlineError()
    if isinstance(error, socket.gaierror):
        if error.errno in _NO_SUCH_HOST:
            return ConnectError("no such host", "no_such_host")
        return ConnectError(f"host name cannot be resolved ({error.strerror})", "name_resolution")
    if isinstance(error, (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)):
        return ConnectionLostError("connection reset")
    if type(error).__module__ == "ssl":
        from otel_distro.transport import tls

        return ConnectError(f"TLS: {tls.explain(error)}", "tls")
    words = _WORDS.get(error.errno or 0) or (error.strerror or type(error).__name__).lower()
    return ConnectError(words, words.replace(" ", "_") if error.errno in _WORDS else type(error).__name__)
