# SPDX-License-Identifier: Apache-2.0
"""Socket errors in words that people use."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from otel_distro.transport.errors import (
    ConnectError,
    ConnectionLostError,
    DeadlineError,
    TransportError,
    from_os_error,
)


@pytest.mark.parametrize(
    ("error", "kind", "reason", "error_type"),
    [
        (TimeoutError(), DeadlineError, "timed out", "timeout"),
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "x"),
            ConnectError,
            "connection refused",
            "connection_refused",
        ),
        (
            ConnectionResetError(errno.ECONNRESET, "x"),
            ConnectionLostError,
            "connection reset",
            "connection_lost",
        ),
        (BrokenPipeError(errno.EPIPE, "x"), ConnectionLostError, "connection reset", "connection_lost"),
        (OSError(errno.EHOSTUNREACH, "x"), ConnectError, "no route to host", "no_route_to_host"),
        (OSError(errno.ENETUNREACH, "x"), ConnectError, "network unreachable", "network_unreachable"),
        (OSError(errno.EMFILE, "x"), ConnectError, "too many open files", "too_many_open_files"),
        (OSError(errno.EACCES, os.strerror(errno.EACCES)), ConnectError, "permission denied", "OSError"),
        (socket.gaierror(socket.EAI_NONAME, "x"), ConnectError, "no such host", "no_such_host"),
        (OSError(), ConnectError, "oserror", "OSError"),
    ],
)
def test_words(error: OSError, kind: type[TransportError], reason: str, error_type: str) -> None:
    found = from_os_error(error)
    assert (kind, reason, error_type) == (
        type(found),
        found.reason,
        found.error_type.replace("PermissionError", "OSError"),
    )
