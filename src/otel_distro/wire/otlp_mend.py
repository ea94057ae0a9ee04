# SPDX-License-Identifier: Apache-2.0
"""Make a span encodable that is not: each field is brought into what OTLP can carry, or left out, alone.

This path is taken after the fast one failed, hardly ever: it is written for care and not for speed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from otel_distro.runtime import guard

_MAX_NS = 0xFFFF_FFFF_FFFF_FFFF


class Choice:
    """Stands in for a member of SpanKind or StatusCode."""

    __slots__ = ("_value_",)

    def __init__(self, value: int) -> None:
        self._value_ = value


class MendedContext(NamedTuple):
    """Stands in for a SpanContext."""

    trace_id: int
    span_id: int
    trace_flags: int
    trace_state: Any
    is_remote: bool


class MendedStatus(NamedTuple):
    """Stands in for a Status."""

    status_code: Choice
    description: str


class MendedEvent(NamedTuple):
    """Stands in for an Event."""

    name: str
    timestamp: int
    attributes: dict[Any, Any]
    dropped_attributes: int


class MendedLink(NamedTuple):
    """Stands in for a Link."""

    context: MendedContext
    attributes: dict[Any, Any]
    dropped_attributes: int


class MendedSpan:
    """Stands in for a span; has the fields that the encoder's fast path reads."""

    _trace_id: int = 0

    def __init__(self, span: Any) -> None:
        """Raises whatever reading the ids or the origin raises: without them there is no span."""
        context = span._context
        self._trace_id = context.trace_id & (1 << 128) - 1
        self._span_id: int = context.span_id & (1 << 64) - 1
        self._trace_flags = _number(context.trace_flags, 0xFF)
        self._trace_state = _trace_state(context.trace_state)
        parent = span._parent
        self._parent_id: int = parent.span_id & (1 << 64) - 1 if parent is not None else 0
        self._parent_is_remote = parent is not None and bool(parent.is_remote)
        self._resource = span._resource
        self._instrumentation_scope = span._instrumentation_scope
        self._name = text_of(span._name)
        self._kind = Choice(_enum(span._kind, 4))
        self._start_time = _number(span._start_time, _MAX_NS)
        self._end_time = self._start_time if span._end_time is None else _number(span._end_time, _MAX_NS)
        self._attributes = _mapping(span._attributes)
        self._status = _status(span._status)
        self._events = [_event(event) for event in _items(span._events)]
        self._links = [_link(link) for link in _items(span._links)]
        self._dropped = True
        self.dropped_attributes = _number(span.dropped_attributes, 0xFFFF_FFFF)
        self.dropped_events = _number(span.dropped_events, 0xFFFF_FFFF)
        self.dropped_links = _number(span.dropped_links, 0xFFFF_FFFF)


def text_of(value: Any) -> str:
    """The value's text. Never raises: an object may refuse to be shown, and an int may be too long for it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    text = guard.call("an attribute value has no text", str, value)
    return text if text is not None else f"<{type(value).__name__}>"


def _number(value: Any, largest: int) -> int:
    """value as an int within 0 to largest; 0 for what is no number."""
    try:
        return max(0, min(int(value), largest))
    except (TypeError, ValueError, OverflowError):
        return 0


def _enum(member: Any, largest: int) -> int:
    value = getattr(member, "_value_", member)
    return value if isinstance(value, int) and 0 <= value <= largest else 0


def _mapping(value: Any) -> dict[Any, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _items(value: Any) -> list[Any]:
    return list(value) if value else []


def _trace_state(value: Any) -> dict[Any, Any] | None:
    return {k: v for k, v in value.items() if isinstance(k, str)} if isinstance(value, Mapping) else None


def _status(status: Any) -> MendedStatus | None:
    if status is None:
        return None
    description = status.description
    return MendedStatus(Choice(_enum(status.status_code, 2)), "" if description is None else text_of(description))


def _event(event: Any) -> MendedEvent:
    return MendedEvent(
        text_of(event.name), _number(event.timestamp, _MAX_NS), _mapping(event.attributes), _dropped(event)
    )


def _link(link: Any) -> MendedLink:
    context = link.context
    return MendedLink(
        MendedContext(
            context.trace_id & (1 << 128) - 1,
            context.span_id & (1 << 64) - 1,
            _number(context.trace_flags, 0xFF),
            _trace_state(context.trace_state),
            bool(context.is_remote),
        ),
        _mapping(link.attributes),
        _dropped(link),
    )


def _dropped(item: Any) -> int:
    return _number(getattr(item, "dropped_attributes", 0), 0xFFFF_FFFF)
