# SPDX-License-Identifier: Apache-2.0
"""What OpenTelemetry's own packages may read from the environment while they are imported and switched on.

They read some variables themselves, and raise or misbehave on values that the specification allows or that
are merely wrong. For the time of an import such a value is replaced by what it was taken for, or removed.

Source: opentelemetry-api and -sdk 1.45, opentelemetry-instrumentation 0.66, by reading.
"""

from __future__ import annotations

import os
from _thread import allocate_lock
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from otel_distro.settings.loader import load
from otel_distro.settings.parse import Fault
from otel_distro.settings.variables import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

    from otel_distro.settings.settings import Settings

# they name entry points, and a missing one is an exception or a traceback; what they name is built by us
_REMOVED = (
    "OTEL_PROPAGATORS",
    "OTEL_PYTHON_CONTEXT",
    "OTEL_PYTHON_TRACER_PROVIDER",
    "OTEL_PYTHON_METER_PROVIDER",
    "OTEL_PYTHON_LOGGER_PROVIDER",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",
    "OTEL_CONFIG_FILE",
)
# upstream does not know them
_OURS = ("OTEL_DISTRO_", "OTEL_EXPORTER_JAEGER_", "OTEL_ENTITIES", "OTEL_LOG_LEVEL")
# read again while the app runs: for every request, where a pattern that does not compile becomes error 500,
# and by get_tracer() and get_meter(), which raise for a name that nobody registered; bad ones stay mended
_READ_LATE = (
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS",
    "OTEL_PYTHON_TRACER_PROVIDER",
    "OTEL_PYTHON_METER_PROVIDER",
    "OTEL_PYTHON_LOGGER_PROVIDER",
)
_OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"
_LOCK_TIMEOUT_S = 1.0


class _Change(NamedTuple):
    before: str | None
    now: str | None


_lock = allocate_lock()
_depth = 0
_changes: dict[str, _Change] = {}


def for_import(environ: Mapping[str, str], settings: Settings) -> dict[str, str | None]:
    """The variables that must be changed during an import: name to value, None to remove it. Never raises."""
    wanted: dict[str, str | None] = {
        name: _as_upstream_reads(name, raw)
        for name, raw in environ.items()
        if name.startswith("OTEL_") and not name.startswith(_OURS) and name in BY_NAME
    }
    wanted.update((name, None) for name in _REMOVED if name in environ)
    wanted[_OPT_IN] = ",".join(settings.instrumentation.semconv_opt_in) or None
    return {name: value for name, value in wanted.items() if value != environ.get(name)}


@contextmanager
def during_import(environ: MutableMapping[str, str] = os.environ) -> Iterator[None]:
    """Change the environment for the time of an import, then restore it, except what was set anew meanwhile.

    Nested and simultaneous uses share one change, made by the first and undone by the last. No lock is held
    while the import runs, since another thread may be in it. What upstream reads again later stays mended.
    """
    _enter(environ)
    try:
        yield
    finally:
        _leave(environ)


def _enter(environ: MutableMapping[str, str]) -> None:
    global _depth
    locked = _lock.acquire(timeout=_LOCK_TIMEOUT_S)  # a fork may have left it locked for ever
    try:
        _depth += 1
        if _depth == 1:
            for name, value in for_import(environ, load(environ)[0]).items():
                _changes[name] = _Change(environ.get(name), value)
                _set(environ, name, value)
    finally:
        if locked:
            _lock.release()


def _leave(environ: MutableMapping[str, str]) -> None:
    global _depth
    locked = _lock.acquire(timeout=_LOCK_TIMEOUT_S)
    try:
        _depth -= 1
        if _depth == 0:
            for name, change in _changes.items():
                if environ.get(name) == change.now and not _stays_mended(name, change.before):
                    _set(environ, name, change.before)
            _changes.clear()
    finally:
        if locked:
            _lock.release()


def _stays_mended(name: str, before: str | None) -> bool:
    if name not in _READ_LATE or before is None:
        return False
    return not name.endswith("_PROVIDER") or isinstance(BY_NAME[name].parse(before.strip()), Fault)


def _set(environ: MutableMapping[str, str], name: str, value: str | None) -> None:
    if value is None:
        environ.pop(name, None)
    else:
        environ[name] = value


def _as_upstream_reads(name: str, raw: str) -> str | None:
    """The value in the one spelling that upstream takes; None for nothing."""
    stripped = raw.strip()
    if not stripped:
        return None
    value = BY_NAME[name].parse(stripped)
    whole = not isinstance(value, Fault)
    if isinstance(value, Fault):
        value = value.value
    if value is None or (name.endswith("COMPRESSION") and value == "none"):
        return None  # the gRPC exporter knows no "none"
    if isinstance(value, bool):
        return _boolean(name, value)
    if isinstance(value, int):
        return _number(name, value)
    if not isinstance(value, tuple):
        return str(value)
    if value and isinstance(value[0], tuple):
        return stripped if whole else ",".join("=".join(map(_quoted, pair)) for pair in value)
    return ",".join(value) or "none"


def _boolean(name: str, value: bool) -> str | None:
    if name == "OTEL_PYTHON_DJANGO_INSTRUMENT":
        return None if value else "False"  # the only spelling that switches it off
    if name == "OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS":
        return "true" if value else None  # any text switches it on
    return "true" if value else "false"


def _number(name: str, value: int) -> str | None:
    if name.endswith("_TIMEOUT") and name.startswith("OTEL_EXPORTER_"):
        return f"{value / 1000:g}" if value else None  # exporters read seconds, and fail at once on 0
    return str(value)


def _quoted(text: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return letter if letter in "-._~:/ " else "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "replace"))
