# SPDX-License-Identifier: Apache-2.0
"""Reading and writing headers, for all propagators: any case, any getter, always bounded."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator, default_getter, default_setter

from otel_distro.runtime import guard

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.propagators.textmap import Getter, Setter

CarrierT = TypeVar("CarrierT")

MAX_BYTES = 8192
"""No header is parsed past this length, and no propagator writes more than this."""

MAX_ITEMS = 180
"""Baggage items that are read or written, whatever the format."""

EMPTY = Context()


class GuardedPropagator(TextMapPropagator):
    """A propagator whose extract and inject never raise, whatever carrier, getter or setter they are given.

    A subclass implements read and write, and need not catch what foreign code raises.
    """

    name = ""

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Return context, with what the carrier holds added. context: None is the empty one. Never raises."""
        if context is None:
            context = EMPTY
        found = guard.call(self.name, self.read, carrier, context, getter)
        return context if found is None else found

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Write at most 8 KiB, without CR or LF. context: None is the current one. Never raises."""
        guard.call(self.name, self.write, carrier, context, setter)

    @abstractmethod
    def read(self, carrier: CarrierT, context: Context, getter: Getter[CarrierT]) -> Context:
        """Extract; may raise what the getter raises."""

    @abstractmethod
    def write(self, carrier: CarrierT, context: Context | None, setter: Setter[CarrierT]) -> None:
        """Inject; may raise what the setter or a value's `__str__` raises."""


def values(carrier: CarrierT, name: str, getter: Getter[CarrierT]) -> Sequence[str]:
    """All text values of a header, unbounded. name: in lower case; a plain dict matches any case."""
    found: Sequence[str] | None = getter.get(carrier, name)
    if not found:
        if getter is not default_getter:
            return ()
        found = _any_case(carrier, name)
    return (found,) if isinstance(found, str) else [value for value in found if isinstance(value, str)]


def header(carrier: CarrierT, name: str, getter: Getter[CarrierT], max_chars: int = MAX_BYTES) -> str | None:
    """The first value of a header without surrounding blanks; None when absent, empty or over the limit."""
    found = values(carrier, name, getter)
    if not found:
        return None
    return found[0].strip(" \t") or None if len(found[0]) <= max_chars else None


def prefixed(carrier: CarrierT, prefix: str, getter: Getter[CarrierT]) -> Iterator[tuple[str, str]]:
    """(rest of the name in lower case, value) of headers with prefix; MAX_ITEMS and MAX_BYTES at most."""
    left, size = MAX_ITEMS, 0
    for key in getter.keys(carrier):
        if not isinstance(key, str) or len(key) <= len(prefix) or key[: len(prefix)].lower() != prefix:
            continue
        for value in values(carrier, key, getter)[:1]:
            size += len(key) + len(value)
            left -= 1
            if left < 0 or size > MAX_BYTES:
                return
            yield key[len(prefix) :].lower(), value


def _any_case(carrier: object, name: str) -> Sequence[str]:
    length = len(name)
    if isinstance(carrier, dict):
        for key in carrier:
            if len(key) == length and key.lower() == name:
                value = carrier[key]
                return [value] if isinstance(value, str) else list(value)
    return ()
