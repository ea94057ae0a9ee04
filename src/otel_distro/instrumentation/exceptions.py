# SPDX-License-Identifier: Apache-2.0
"""An exception of the app as a span event: type, message, stack trace and the line in the user's code."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation import code_place
from otel_distro.runtime import guard

if TYPE_CHECKING:
    from types import TracebackType

    from opentelemetry.trace import Span


def type_name(error: BaseException) -> str:
    """The qualified name of the exception's class, as error.type has it; builtins without their module."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def record(span: Span, error: BaseException) -> None:
    """Add the exception event. Never raises, though an app's `__str__` may.

    Source: semantic conventions 1.44, exceptions on spans.
    """
    guard.call("an exception could not be recorded", _record, span, error)


def hide_frames(error: BaseException) -> None:
    """Take our own frames out of an exception's traceback, so that it looks as it would without us. Never raises.

    The outermost frame stays, whose place the app's code may hold.
    """
    for found in (error, error.__cause__, error.__context__):
        trace = None if found is None else found.__traceback__
        while trace is not None:
            inner = trace.tb_next
            if inner is not None and code_place.is_ours(inner.tb_frame.f_code.co_filename):
                trace.tb_next = inner.tb_next
            else:
                trace = inner


def hide_frames_at_exit() -> None:
    """Do so with the next exception that ends the process, before it is shown by whoever shows it."""
    shown_by = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if sys.excepthook is show:
            sys.excepthook = shown_by
        guard.call("frames of a traceback", hide_frames, error)
        shown_by(kind, error, trace)

    if getattr(shown_by, "__module__", None) != __name__:
        sys.excepthook = show


def _record(span: Span, error: BaseException) -> None:
    attributes: dict[str, Any] = {
        "exception.type": type_name(error),
        "exception.stacktrace": "".join(traceback.format_exception(error)),
    }
    message = guard.call("the text of an exception", str, error)
    if message:
        attributes["exception.message"] = message
    place = code_place.of_traceback(error.__traceback__)
    if place is not None:
        attributes.update(place)
    span.add_event("exception", attributes)
