# SPDX-License-Identifier: Apache-2.0
"""Hand the current context to threads and to work given to a ThreadPoolExecutor; makes no spans itself."""

from __future__ import annotations

import concurrent.futures.thread
import threading
from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation.current import SPAN_KEY, attach, detach, get_current
from otel_distro.instrumentation.patching import Patches

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    from otel_distro.settings.settings import Settings

_CONTEXT = "_otel_distro_context"

_patches = Patches()


def instrument(settings: Settings, **options: Any) -> None:  # noqa: ARG001 - the interface of all instrumentors
    """From now on a thread that is started, and work that is submitted, under a span belongs to that span."""
    _patches.wrap(threading.Thread, "start", _start)
    _patches.wrap(threading.Thread, "_bootstrap_inner", _bootstrap_inner)
    _patches.wrap(concurrent.futures.thread.ThreadPoolExecutor, "submit", _submit)


def uninstrument() -> None:
    """Put everything back as it was."""
    _patches.undo()


def _start(original: Any) -> Any:
    def start(self: threading.Thread) -> None:
        context = get_current()
        if SPAN_KEY in context and not _is_tracers(self):
            self.__dict__[_CONTEXT] = context
        original(self)

    return start


def _is_tracers(thread: threading.Thread) -> bool:
    """Whether a thread works for tracing itself, which is nobody's request."""
    work = getattr(thread, "_target", None) or thread
    module = getattr(work, "__module__", None) or type(thread).__module__
    return module.startswith(("opentelemetry.", "otel_distro."))


def _bootstrap_inner(original: Any) -> Any:
    """What a thread does from its first to its last line, run() included, whatever subclass it is of."""

    def bootstrap_inner(self: threading.Thread) -> None:
        context = self.__dict__.pop(_CONTEXT, None)
        if context is None:
            original(self)
            return
        token = attach(context)
        try:
            original(self)
        finally:
            detach(token)

    return bootstrap_inner


def _submit(original: Any) -> Any:
    def submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        context = get_current()
        if SPAN_KEY not in context:
            return original(self, fn, *args, **kwargs)
        return original(self, _run_in, context, fn, *args, **kwargs)

    return submit


def _run_in(context: Context, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    token = attach(context)
    try:
        return fn(*args, **kwargs)
    finally:
        detach(token)
