# SPDX-License-Identifier: Apache-2.0
"""Limits on what a span may hold, and the cleaning of values that are no plain str, int, float or bool.

Beyond the specification's limits, which may be switched off, there are bounds that always hold, so that no
single value can fill the queue: 1 Mi characters per text, 10,000 items per value, 32 levels of nesting.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from otel_distro.runtime import guard, log

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.sdk.trace import SpanLimits

MAX_TEXT = 1 << 20
MAX_NAME = 4096
MAX_ITEMS = 10_000
MAX_DEPTH = 32
SHORT = 256
"""Texts up to this length are not measured one by one when the queue's memory is estimated."""

_MAX_KNOWN_KEYS = 4096
_NO_LIMIT = sys.maxsize


class Limits:
    """The SDK's SpanLimits as plain ints. `short`: texts up to this length pass unchanged and uncounted."""

    __slots__ = (
        "attributes",
        "event_attributes",
        "events",
        "link_attributes",
        "links",
        "nested_text",
        "short",
        "text",
    )

    def __init__(self, limits: SpanLimits) -> None:
        self.attributes = _or_none(limits.max_span_attributes)
        self.event_attributes = _or_none(limits.max_event_attributes)
        self.link_attributes = _or_none(limits.max_link_attributes)
        self.events = _or_none(limits.max_events)
        self.links = _or_none(limits.max_links)
        self.text = min(_or_none(limits.max_span_attribute_length), MAX_TEXT)
        self.nested_text = min(_or_none(limits.max_attribute_length), MAX_TEXT)
        self.short = min(self.text, SHORT)


def _or_none(limit: int | None) -> int:
    return _NO_LIMIT if limit is None else limit


known_keys: set[Any] = set()
"""Attribute keys that were found to be in order; the same few come back with every span."""


def learn_keys(keys: Iterable[Any]) -> bool:
    """Whether all keys are texts that are not empty; then they are known, as long as there is room."""
    for key in keys:
        if type(key) is not str or not key:
            return False
        if len(known_keys) < _MAX_KNOWN_KEYS and len(key) <= SHORT:
            known_keys.add(key)
    return True


class Attributes(dict[str, Any]):
    """Clean attributes of an event or a link; nobody changes them any more. dropped: those left out."""

    __slots__ = ("dropped",)

    dropped: int

    def __setitem__(self, key: str, value: Any) -> None:
        raise TypeError("the attributes of events and links cannot be changed")

    def __delitem__(self, key: str) -> None:
        raise TypeError("the attributes of events and links cannot be changed")


def clean_attributes(attributes: object, max_count: int, max_text: int) -> Attributes:
    """Copy and clean attributes that an app gave us. Never raises, whatever they are."""
    kept: dict[str, Any] = {}
    offered = 0
    for key, value in pairs(attributes):
        offered += 1
        if not valid_key(key) or (len(kept) >= max_count and key not in kept):
            continue
        if offered > MAX_ITEMS + max_count:
            break
        cleaned = clean(value, max_text)
        if cleaned is not DROPPED:
            kept[str.__str__(key)] = cleaned
    clean_ones = Attributes(kept)
    clean_ones.dropped = max(offered, _length(attributes)) - len(kept)
    return clean_ones


def pairs(attributes: object) -> Iterable[tuple[Any, Any]]:
    """The items of a mapping as a list; none, and one line, for anything else. Never raises."""
    if attributes is None:
        return ()
    if isinstance(attributes, Mapping):
        return guard.call("span attributes", list, attributes.items()) or ()
    log.warn(f"attributes must be a mapping, not {type(attributes).__name__}; ignored", key="attributes")
    return ()


def _length(attributes: object) -> int:
    return (guard.call("span attributes", len, attributes) or 0) if isinstance(attributes, Mapping) else 0


def valid_key(key: object) -> bool:
    """Whether key can name an attribute: a text that is not empty. Otherwise one line says so."""
    if isinstance(key, str) and str.__len__(key):
        return True
    log.warn(f"attribute keys must be texts that are not empty, not {type(key).__name__}; dropped", key="key")
    return False


DROPPED: Any = object()
"""What clean() returns for a value that must be left out."""


def clean(value: object, max_text: int) -> Any:
    """The value as one of None, bool, int, float, str, bytes, tuple or dict of such. Never raises.

    Texts are cut to max_text characters. Other objects become their text, if they have one of their own;
    DROPPED is returned when that fails.
    """
    result = guard.call("a span attribute", _Cleaner(max_text).clean, value, 0)
    return value if result is None and value is None else DROPPED if result is None else result


class _Cleaner:
    """One value's cleaning: it remembers how many items are left."""

    __slots__ = ("_left", "_max_text")

    def __init__(self, max_text: int) -> None:
        self._max_text = max_text
        self._left = MAX_ITEMS

    def clean(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str.__str__(value)[: self._max_text]  # the text of a str subclass, not what its __str__ says
        if isinstance(value, int):
            return int.__int__(value)
        if isinstance(value, float):
            return float.__float__(value)
        if isinstance(value, bytes):
            return bytes(value[:MAX_TEXT])
        if depth >= MAX_DEPTH:
            return None
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, Sequence):
            return self._sequence(value, depth)
        return self._text_of(value)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for key, item in list(value.items()):
            if self._left <= 0:
                break
            self._left -= 1
            text = key if type(key) is str else self._text_of(key)
            if text:
                kept[text] = self.clean(item, depth + 1)
        return kept

    def _sequence(self, value: Sequence[Any], depth: int) -> tuple[Any, ...]:
        kept: list[Any] = []
        for item in value:
            if self._left <= 0:
                break
            self._left -= 1
            kept.append(self.clean(item, depth + 1))
        return tuple(kept)

    def _text_of(self, value: Any) -> str | None:
        cls: Any = type(value)
        if cls.__str__ is object.__str__ and cls.__repr__ is object.__repr__:
            return None  # its text would be a memory address
        return str(value)[: self._max_text]


def text_of(value: object, max_length: int) -> str:
    """A name as a text of at most max_length characters; "" when it has none. Never raises."""
    if isinstance(value, str):
        return str.__str__(value)[:max_length]
    if value is None:
        return ""
    return (guard.call("a name that is no text", str, value) or "")[:max_length]


def size_of(value: object) -> int:
    """About how many bytes of memory a clean value takes."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, tuple):
        return sum(size_of(item) + 40 for item in value)
    if isinstance(value, dict):
        return sum(size_of(item) + 150 for item in value.values())
    return 32
