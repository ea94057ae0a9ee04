# SPDX-License-Identifier: Apache-2.0
"""Decide whether this interpreter is to be traced, and arm the import hook if so.

In every child Python of a traced process tree this is all that happens until a traceable library is imported,
so it must stay within a few milliseconds and import next to nothing.
"""

from __future__ import annotations

import atexit
import sys

from otel_distro.settings import early

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_flush: Callable[[], None] | None = None


def begin() -> None:
    """Arm the import hook in this interpreter, unless the settings leave it out. Never raises."""
    wish = early.read(sys.orig_argv)
    if not wish.covered:
        return
    from otel_distro.instrumentation import import_hook

    if wish.sdk_disabled:
        import_hook.before("opentelemetry", _start_propagation)
        return
    from otel_distro.instrumentation import activation

    atexit.register(_at_exit)  # first in the list, so last to be called: the app's own handlers are traced
    activation.arm(_start)


def _start() -> None:
    global _flush
    from otel_distro import startup
    from otel_distro.runtime import exit

    _flush = exit.at_exit_of("autoload")
    startup.start()


def _at_exit() -> None:
    if _flush is not None:
        _flush()


def _start_propagation() -> None:
    from otel_distro import startup

    startup.start_propagation()
