# SPDX-License-Identifier: Apache-2.0
"""W3C Baggage: the `baggage` header."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from opentelemetry.baggage import get_all, set_baggage
from opentelemetry.context import get_value, set_value

from otel_distro.propagators.carrier import MAX_BYTES, MAX_ITEMS, CarrierT, GuardedPropagator, values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import Getter, Setter

_KEY_CHARS = "!#$&'*+-.^_`|~"  # a token, except that % begins an escape
_VALUE_CHARS = "!#$&'()*+-./:<=>?@[]^_`{|}~"  # baggage-octet, except %
_KEY = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
_PROPERTIES = re.compile(r"[\x20\x21\x23-\x2b\x2d-\x5b\x5d-\x7e\t]*")

_PROPERTIES_KEY = "otel-distro-baggage-properties"
"""Context key: baggage key -> (its value when extracted, its properties as received)."""


class BaggagePropagator(GuardedPropagator):
    """The `baggage` header: 180 members and 8,192 bytes at most; an invalid member costs only itself.

    Properties after `;` are no part of the value; they are passed on as long as the value stays the same.
    Source: W3C Baggage, section 3.
    """

    name = "propagator baggage"

    def read(self, carrier: CarrierT, context: Context, getter: Getter[CarrierT]) -> Context:
        """Add the header's members to context's baggage."""
        found = values(carrier, "baggage", getter)
        return _parse(",".join(found), context) if found else context

    def write(self, carrier: CarrierT, context: Context | None, setter: Setter[CarrierT]) -> None:
        """Set the header to as many members as fit."""
        items = get_all(context)
        if items:
            text = _format(items, context)
            if text:
                setter.set(carrier, "baggage", text)

    @property
    def fields(self) -> set[str]:
        """The header inject may set."""
        return {"baggage"}


def _parse(text: str, context: Context) -> Context:
    if len(text) > MAX_BYTES:
        text = text[: MAX_BYTES + 1].rpartition(",")[0]  # whole members only
    properties: dict[str, tuple[str, str]] = {}
    for member in text.split(",", MAX_ITEMS)[:MAX_ITEMS]:
        pair, _, rest = member.partition(";")
        raw_key, equals, raw_value = pair.partition("=")
        raw_key, raw_value = raw_key.strip(" \t"), raw_value.strip(" \t")
        if not equals or not _KEY.fullmatch(raw_key) or not _VALUE.fullmatch(raw_value):
            continue
        key, value = unquote(raw_key), unquote(raw_value)
        context = set_baggage(key, value, context)
        if rest and _PROPERTIES.fullmatch(rest):
            properties[key] = (value, rest.strip(" \t"))
    return set_value(_PROPERTIES_KEY, properties, context) if properties else context


def _format(items: Mapping[str, object], context: Context | None) -> str:
    properties = get_value(_PROPERTIES_KEY, context)
    if not isinstance(properties, dict):
        properties = {}
    members: list[str] = []
    left = MAX_BYTES + 1
    for key, value in items.items():
        if not key or not isinstance(key, str):
            continue
        member = f"{encode(key, _KEY_CHARS)}={encode(value, _VALUE_CHARS)}"
        known = properties.get(key)
        if known is not None and known[0] == value:
            member = f"{member};{known[1]}"
        if len(member) < left:
            members.append(member)
            left -= len(member) + 1
            if len(members) == MAX_ITEMS:
                break
    return ",".join(members)


def encode(value: object, safe: str = "") -> str:
    """Percent-encode, so that no blank, comma, control character or CR/LF is left; at most 8 KiB are read."""
    text = value if isinstance(value, str) else str(value)
    return quote(text[: MAX_BYTES + 1], safe=safe, errors="replace")
