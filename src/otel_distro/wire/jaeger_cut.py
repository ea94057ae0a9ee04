# SPDX-License-Identifier: Apache-2.0
"""A span that is too large for a datagram, with its largest values cut."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from otel_distro.wire.jaeger_tags import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_distro.wire.otlp_mend import MendedSpan

NOTE = "otel_distro.values_cut_at"
"""Attribute of a span whose values were cut: after how many characters."""

_LONGEST_CHARS = 60_000
_SHORTEST_CHARS = 64


def cut_lengths() -> Iterator[int]:
    """Lengths in characters to try, the largest first."""
    longest = _LONGEST_CHARS
    while longest >= _SHORTEST_CHARS:
        yield longest
        longest = longest * 3 // 4


def shortened(span: MendedSpan, longest: int) -> MendedSpan:
    """A copy whose texts have at most so many characters, with a note about it."""
    short = copy.copy(span)
    short._name = span._name[:longest]
    short._attributes = {**_cut_all(span._attributes, longest), NOTE: longest}
    if span._status is not None:
        short._status = span._status._replace(description=span._status.description[:longest])
    short._events = [
        event._replace(name=event.name[:longest], attributes=_cut_all(event.attributes, longest))
        for event in span._events
    ]
    short._links = [link._replace(attributes=_cut_all(link.attributes, longest)) for link in span._links]
    return short


def cut_value(value: Any, longest: int) -> Any:
    """The value, or its beginning as text or bytes when it is longer."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value[:longest])
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    text = as_text(value)
    return text[:longest] if len(text) > longest else value


def _cut_all(attributes: Mapping[Any, Any], longest: int) -> dict[Any, Any]:
    return {key: cut_value(value, longest) for key, value in attributes.items()}
