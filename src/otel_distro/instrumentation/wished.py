# SPDX-License-Identifier: Apache-2.0
"""What settings ask for beyond libraries: functions by name, ids on log records. Each alone inside the guard."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from otel_distro.runtime import guard

if TYPE_CHECKING:
    from otel_distro.settings.settings import Settings

_PACKAGE = "otel_distro.instrumentation."


def begin(settings: Settings) -> None:
    """Switch on whatever is asked for. Never raises; imports nothing that is not wanted."""
    wishes = settings.instrumentation
    if wishes.trace_functions or wishes.trace_functions_file is not None:
        _begin("functions", settings)
    if wishes.log_correlation:
        _begin("log_correlation", settings)


def _begin(name: str, settings: Settings) -> None:
    guard.load(f"{name} cannot be traced", lambda: import_module(_PACKAGE + name).instrument(settings))
