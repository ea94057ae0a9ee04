# SPDX-License-Identifier: Apache-2.0
"""What a span holds besides attributes: events, links, and what an exception is as an event."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import Event as SdkEvent
from opentelemetry.trace import Link

from otel_distro.runtime import guard

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

    from otel_distro.pipeline.span_limits import Attributes


class Event(SdkEvent):
    """An event whose attributes are clean already."""

    def __init__(self, name: str, attributes: Attributes, timestamp: int) -> None:
        self._name = name
        self._attributes: Attributes = attributes
        self._timestamp = timestamp

    @property
    def dropped_attributes(self) -> int:
        return self._attributes.dropped


class SpanLink(Link):
    """A link whose attributes are clean already."""

    def __init__(self, context: SpanContext, attributes: Attributes) -> None:
        self._context = context
        self._attributes: Attributes = attributes

    @property
    def dropped_attributes(self) -> int:
        return self._attributes.dropped


def exception_text(exception: BaseException) -> str:
    """str(exception), or a placeholder when its __str__ raises. Never raises."""
    text = guard.call("the text of an exception", str, exception)
    return "<no text>" if text is None else text


def describe_exception(exception: BaseException) -> dict[str, Any]:
    """The attributes of an exception event, by the semantic conventions."""
    cls = type(exception)
    module = cls.__module__
    name = cls.__qualname__ if not module or module == "builtins" else f"{module}.{cls.__qualname__}"
    return {
        "exception.type": name,
        "exception.message": exception_text(exception),
        "exception.stacktrace": "".join(traceback.format_exception(exception)),
    }
