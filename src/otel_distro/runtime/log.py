# SPDX-License-Identifier: Apache-2.0
"""Our own diagnostics: whole lines on stderr, never through the app's logging.

One line per problem and minute; a traceback only at debug. Writing never raises, whatever state stderr
is in, and never blocks on Python's own stream lock (a fork or a signal may hold it).
"""

from __future__ import annotations

import os
import sys

from otel_distro.runtime.clock import monotonic_s

LEVELS = {"debug": 10, "info": 20, "warn": 30, "error": 40, "none": 100}
REPEAT_AFTER_S = 60.0
_MAX_LINE = 2048
_MAX_KEYS = 256

_threshold = LEVELS["warn"]
_last_said: dict[str, float] = {}


def set_level(level: str) -> None:
    """Show messages of this level and above: debug, info, warn, error or none."""
    global _threshold
    _threshold = LEVELS[level]


def enabled(level: str) -> bool:
    """Whether a message of this level would be shown."""
    return LEVELS[level] >= _threshold


def debug(message: str) -> None:
    """For those who look for a cause; see set_level."""
    _say("debug", message, None)


def info(message: str) -> None:
    """What happened, when somebody asked to know."""
    _say("info", message, None)


def warn(message: str, key: str | None = None) -> None:
    """A problem that does not stop tracing. key: what counts as the same problem; default: the text."""
    _say("warn", message, key or message)


def error(message: str, key: str | None = None) -> None:
    """A problem that stops a part of tracing. key: as for warn."""
    _say("error", message, key or message)


def _say(level: str, message: str, key: str | None) -> None:
    if LEVELS[level] < _threshold or (key is not None and _said_lately(key)):
        return
    write_line(f"otel-distro: {message}")


def _said_lately(key: str) -> bool:
    now = monotonic_s()
    last = _last_said.get(key)
    if last is not None and now - last < REPEAT_AFTER_S:
        return True
    if len(_last_said) >= _MAX_KEYS:
        _last_said.clear()
    _last_said[key] = now
    return False


def write_line(text: str) -> None:
    """Write one line to stderr's descriptor: control characters escaped, at most 2 KiB. Never raises."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[:_MAX_LINE])
    try:
        os.write(_descriptor(), line.encode("utf-8", "backslashreplace") + b"\n")
    except (OSError, ValueError, AttributeError):
        return  # closed or full, or there never was one: there is nobody left to tell


def _descriptor() -> int:
    """Where stderr goes. What an app puts in its place, to log what is printed, may have no descriptor."""
    try:
        return sys.stderr.fileno()  # None when there never was one: an AttributeError
    except (OSError, ValueError, AttributeError):
        return sys.__stderr__.fileno()  # type: ignore[union-attr]
