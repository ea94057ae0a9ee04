# SPDX-License-Identifier: Apache-2.0
"""An exception of the app as a span event: type, message, stack trace and the line in the user's code."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation import code_place
from otel_distro.runtime import guard

if TYPE_CHECKING:
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
