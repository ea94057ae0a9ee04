# SPDX-License-Identifier: Apache-2.0
"""Ended spans -> the bytes of an OTLP ExportTraceServiceRequest, without protobuf objects.

This is the hottest code behind the app's back, so it is shaped by CPython's costs: one pass, few calls per
span. Every attribute is three dict look-ups (type, key, value) that end in ready-made bytes; what is not yet
known is made by the `__missing__` of the dict where the look-up failed. Values are remembered within bounds.
A span whose fields are not what they should be falls out of the fast path with an exception, is mended field
by field, and encoded again; if that fails too, it is rejected alone.

Source: opentelemetry-proto 1.x, trace/v1/trace.proto and common/v1/common.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from otel_distro.runtime import guard
from otel_distro.wire.otlp_mend import MendedSpan, text_of
from otel_distro.wire.protobuf import delimited, int64, utf8, varint

_MAX_KEYS = 1024
_MAX_VALUES_PER_KEY = 256
_MAX_VALUES = 16_384
_MAX_REMEMBERED_BYTES = 96
_MAX_NAMES = 1024
_MAX_ORIGINS = 256
_MAX_DEPTH = 32

_HAS_IS_REMOTE = 0x100
_IS_REMOTE = 0x200
_FROM_REMOTE = _HAS_IS_REMOTE | _IS_REMOTE

# trace_id=1, span_id=2, [parent_span_id=4,] start=7, end=8, flags=16, kind=6; tag and length in one number
_ROOT = struct.Struct("<H16sH8sBQBQHIBB").pack
_CHILD = struct.Struct("<H16sH8sH8sBQBQHIBB").pack
_DOUBLE = struct.Struct("<Bd").pack
_FIXED64 = struct.Struct("<BQ").pack
_TRACE_AND_SPAN = struct.Struct("<H16sH8s").pack
_FLAGS32 = struct.Struct("<BI").pack


class Encoded(NamedTuple):
    """body: the request, b"" when no span was left. span_count: spans in it.
    rejected: (index in the batch, reason) of the spans that are not in it."""

    body: bytes
    span_count: int
    rejected: list[tuple[int, str]]


class Encoder:
    """Encodes batches; remembers what repeats. For one thread at a time.

    A span is anything with the attributes of the SDK's ReadableSpan that begin with an underscore. One whose
    class has `_trace_id` carries its ids as ints (`_trace_id`, `_span_id`, `_parent_id` that is 0 for a root,
    `_trace_flags`) beside `_parent_is_remote`, `_trace_state` and `_dropped` (true when one of the dropped
    counts is not 0), and no context object is touched.
    """

    def __init__(self, max_span_bytes: int = 64 * 1024 * 1024) -> None:
        """max_span_bytes: a span that takes more is rejected."""
        self._max_span_bytes = max_span_bytes
        self._pairs = _Pairs()
        self._names = _Names()
        self._origins: dict[tuple[int, int], tuple[object, object, _Origin]] = {}
        self._plain_status: object = None
        self._has_ids: dict[type, bool] = {}

    def encode(self, spans: Any) -> Encoded:
        """Encode a sequence of spans. Never raises."""
        groups: dict[_Origin, list[bytes]] = {}
        rejected: list[tuple[int, str]] = []
        resource = scope = parts = None
        for index, span in enumerate(spans):
            try:
                body = self._span(span)
                if span._resource is not resource or span._instrumentation_scope is not scope or parts is None:
                    resource, scope = span._resource, span._instrumentation_scope
                    parts = groups.setdefault(self._origin(resource, scope), [])
            except (AttributeError, TypeError, ValueError, OverflowError, LookupError, RuntimeError, struct.error):
                mended = guard.call("a span could not be encoded", self._mended, span)
                if mended is None:
                    rejected.append((index, "it cannot be encoded"))
                    continue
                origin, body = mended
                resource, scope, parts = None, None, groups.setdefault(origin, [])
            if len(body) > self._max_span_bytes:
                rejected.append((index, f"it takes {len(body):,} bytes, over the limit of {self._max_span_bytes:,}"))
                continue
            parts.append(b"\x12" + varint(len(body)))
            parts.append(body)
        return Encoded(_request(groups), sum(map(len, groups.values())) // 2, rejected)

    def _span(self, span: Any) -> bytes:
        cls = type(span)
        if self._has_ids.get(cls):
            trace_id, parent_id = span._trace_id, span._parent_id
            span_id, trace_state = span._span_id, span._trace_state
            flags = span._trace_flags | (_FROM_REMOTE if span._parent_is_remote else _HAS_IS_REMOTE)
            dropped = span._dropped
        elif cls not in self._has_ids:
            self._has_ids[cls] = hasattr(cls, "_trace_id")
            return self._span(span)
        else:
            context, parent = span._context, span._parent
            trace_id, span_id, trace_state = context.trace_id, context.span_id, context.trace_state
            flags = context.trace_flags | _HAS_IS_REMOTE
            parent_id, dropped = 0, True
            if parent is not None:
                parent_id = parent.span_id
                if parent.is_remote:
                    flags |= _IS_REMOTE
        if parent_id:
            fixed = _CHILD(
                0x100A, trace_id.to_bytes(16, "big"), 0x0812, span_id.to_bytes(8, "big"),
                0x0822, parent_id.to_bytes(8, "big"), 0x39, span._start_time, 0x41, span._end_time,
                0x0185, flags, 0x30, span._kind._value_ + 1,
            )  # fmt: skip
        else:
            fixed = _ROOT(
                0x100A, trace_id.to_bytes(16, "big"), 0x0812, span_id.to_bytes(8, "big"),
                0x39, span._start_time, 0x41, span._end_time, 0x0185, flags, 0x30, span._kind._value_ + 1,
            )  # fmt: skip
        attributes = span._attributes
        if attributes:
            pairs = self._pairs
            if type(attributes) is not dict:
                attributes = getattr(attributes, "_dict", attributes)
            body = b"J".join([self._names[span._name], *[pairs[type(v)][k][v] for k, v in attributes.items()]])
        else:
            body = self._names[span._name]
        rest = b""
        if span._status is not self._plain_status:
            rest = self._status(span._status)
        if span._events:
            rest += self._events(span._events)
        if span._links:
            rest += self._links(span._links)
        if trace_state:
            rest += delimited(b"\x1a", utf8(",".join([f"{k}={v}" for k, v in trace_state.items()])))
        if dropped:
            rest += _dropped(span)
        return fixed + body + rest if rest else fixed + body

    def _mended(self, span: Any) -> tuple[_Origin, bytes]:
        clean = MendedSpan(span)
        return self._origin(clean._resource, clean._instrumentation_scope), self._span(clean)

    def _status(self, status: Any) -> bytes:
        if status is None:
            return b""
        code, description = status.status_code._value_, status.description
        if not code and not description:
            self._plain_status = status
            return b""
        body = delimited(b"\x12", utf8(text_of(description))) if description else b""
        return delimited(b"z", body + (b"\x18" + varint(code) if code else b""))

    def _attributes(self, tag: bytes, attributes: Any) -> bytes:
        if not attributes:
            return b""
        pairs = self._pairs
        return tag + tag.join([pairs[type(v)][k][v] for k, v in attributes.items()])

    def _events(self, events: Any) -> bytes:
        out = []
        for event in events:
            attributes = event.attributes
            dropped = event.dropped_attributes
            body = (
                _FIXED64(0x09, max(0, event.timestamp))
                + delimited(b"\x12", utf8(text_of(event.name)))
                + self._attributes(b"\x1a", attributes)
                + (b"\x20" + varint(dropped) if dropped else b"")
            )
            out.append(delimited(b"Z", body))
        return b"".join(out)

    def _links(self, links: Any) -> bytes:
        out = []
        for link in links:
            context, attributes = link.context, link.attributes
            dropped = link.dropped_attributes
            flags = context.trace_flags | _HAS_IS_REMOTE | (_IS_REMOTE if context.is_remote else 0)
            state = context.trace_state
            body = (
                _TRACE_AND_SPAN(
                    0x100A, context.trace_id.to_bytes(16, "big"), 0x0812, context.span_id.to_bytes(8, "big")
                )
                + (delimited(b"\x1a", utf8(",".join([f"{k}={v}" for k, v in state.items()]))) if state else b"")
                + self._attributes(b"\x22", attributes)
                + (b"\x28" + varint(dropped) if dropped else b"")
                + _FLAGS32(0x35, flags)
            )
            out.append(delimited(b"j", body))
        return b"".join(out)

    def _origin(self, resource: Any, scope: Any) -> _Origin:
        key = (id(resource), id(scope))
        known = self._origins.get(key)
        if known is not None:
            return known[2]
        if len(self._origins) >= _MAX_ORIGINS:
            self._origins.clear()
        origin = _Origin(
            delimited(b"\n", self._attributes(b"\n", getattr(resource, "attributes", None))),
            utf8(text_of(getattr(resource, "schema_url", None) or "")),
            self._scope(scope),
            utf8(text_of(getattr(scope, "schema_url", None) or "")),
        )
        # the objects are kept with their bytes: while they live nothing else gets their ids
        self._origins[key] = (resource, scope, origin)
        return origin

    def _scope(self, scope: Any) -> bytes:
        if scope is None:
            return b""
        body = delimited(b"\n", utf8(text_of(scope.name))) if scope.name else b""
        if scope.version:
            body += delimited(b"\x12", utf8(text_of(scope.version)))
        return delimited(b"\n", body + self._attributes(b"\x1a", getattr(scope, "attributes", None)))


class _Origin(NamedTuple):
    """Encoded Resource and InstrumentationScope messages and schema URLs: what spans are grouped by."""

    resource: bytes
    resource_schema_url: bytes
    scope: bytes
    scope_schema_url: bytes


def _request(groups: dict[_Origin, list[bytes]]) -> bytes:
    """The values of groups are heads and bodies of spans in turn."""
    resources: dict[tuple[bytes, bytes], list[bytes]] = {}
    for origin, parts in groups.items():
        if parts:
            spans = b"".join(parts)
            tail = delimited(b"\x1a", origin.scope_schema_url) if origin.scope_schema_url else b""
            head = b"\x12" + varint(len(origin.scope) + len(spans) + len(tail)) + origin.scope
            resources.setdefault(origin[:2], []).extend((head, spans, tail))
    out: list[bytes] = []
    for (resource, schema_url), scopes in resources.items():
        if schema_url:
            scopes.append(delimited(b"\x1a", schema_url))
        out += (b"\n" + varint(len(resource) + sum(map(len, scopes))) + resource, *scopes)
    return b"".join(out)


def _dropped(span: Any) -> bytes:
    attributes, events, links = span.dropped_attributes, span.dropped_events, span.dropped_links
    if not (attributes or events or links):
        return b""
    counts = ((b"P", attributes), (b"`", events), (b"p", links))
    return b"".join([tag + varint(min(count, 0xFFFF_FFFF)) for tag, count in counts if count])


class _Budget:
    """How many more values may be remembered, over all keys."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = _MAX_VALUES


class _Names(dict[str, bytes]):
    """Span name -> its field."""

    __slots__ = ()

    def __missing__(self, name: Any) -> bytes:
        encoded = delimited(b"*", utf8(text_of(name)))
        if len(self) < _MAX_NAMES and len(encoded) <= 2 * _MAX_REMEMBERED_BYTES and type(name) is str:
            self[name] = encoded
        return encoded


# Below: type of the value -> attribute key -> value -> KeyValue message with its length, without its tag.


class _Pairs(dict[type, Any]):
    __slots__ = ("_odd",)

    def __init__(self) -> None:
        budget = _Budget()
        self._odd = _Uncached()
        super().__init__({
            str: _Keys(_Strings, budget),
            int: _Keys(_Integers, budget),
            bool: _Keys(_Booleans, budget),
        })  # fmt: skip

    def __missing__(self, cls: type) -> _Uncached:
        return self._odd


class _Keys(dict[Any, Any]):
    __slots__ = ("_budget", "_values")

    def __init__(self, values: type[_Values], budget: _Budget) -> None:
        super().__init__()
        self._values = values
        self._budget = budget

    def __missing__(self, key: Any) -> _Values:
        values = self._values(utf8(text_of(key)), self._budget)
        if len(self) < _MAX_KEYS and len(values.prefix) <= 2 * _MAX_REMEMBERED_BYTES:
            self[key] = values
        return values


class _Values(dict[Any, bytes]):
    __slots__ = ("_budget", "prefix")

    def __init__(self, key: bytes, budget: _Budget) -> None:
        super().__init__()
        self.prefix = delimited(b"\n", key)
        self._budget = budget

    def _remember(self, value: Any, encoded: bytes) -> None:
        if len(self) < _MAX_VALUES_PER_KEY and self._budget.left > 0:
            self._budget.left -= 1
            self[value] = encoded


class _Strings(_Values):
    __slots__ = ("_heads",)

    def __init__(self, key: bytes, budget: _Budget) -> None:
        super().__init__(key, budget)
        self._heads: dict[int, bytes] = {}  # all that comes before a text of so many bytes

    def __missing__(self, value: str) -> bytes:
        try:
            text = value.encode()
        except UnicodeEncodeError:
            text = utf8(value)
        size = len(text)
        head = self._heads.get(size)
        if head is None:
            prefix, inner = self.prefix, b"\n" + varint(size)
            any_value = b"\x12" + varint(len(inner) + size) + inner
            head = varint(len(prefix) + len(any_value) + size) + prefix + any_value
            if size <= _MAX_REMEMBERED_BYTES:
                self._heads[size] = head
        encoded = head + text
        if size <= _MAX_REMEMBERED_BYTES and len(self) < _MAX_VALUES_PER_KEY:
            self._remember(value, encoded)
        return encoded


class _Integers(_Values):
    __slots__ = ("_heads",)

    def __init__(self, key: bytes, budget: _Budget) -> None:
        super().__init__(key, budget)
        # all that comes before a number of so many bytes
        self._heads = [
            varint(len(self.prefix) + 3 + n) + self.prefix + b"\x12" + varint(n + 1) + b"\x18" for n in range(11)
        ]

    def __missing__(self, value: int) -> bytes:
        if -0x8000_0000_0000_0000 <= value <= 0x7FFF_FFFF_FFFF_FFFF:
            number = int64(value)
            encoded = self._heads[len(number)] + number
            if len(self) < _MAX_VALUES_PER_KEY:
                self._remember(value, encoded)
            return encoded
        return _pair(self.prefix, _integer(value))


class _Booleans(_Values):
    __slots__ = ()

    def __missing__(self, value: bool) -> bytes:
        self[value] = encoded = _pair(self.prefix, b"\x10\x01" if value else b"\x10\x00")
        return encoded


class _Uncached:
    """Values of all other types: made anew each time."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> _UncachedKey:
        return _UncachedKey(delimited(b"\n", utf8(text_of(key))))


class _UncachedKey:
    __slots__ = ("_prefix",)

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix

    def __getitem__(self, value: Any) -> bytes:
        return _pair(self._prefix, _any_value(value, 0))


def _pair(prefix: bytes, any_value: bytes) -> bytes:
    """A KeyValue message behind its length."""
    field = delimited(b"\x12", any_value)
    return varint(len(prefix) + len(field)) + prefix + field


def _integer(value: int) -> bytes:
    if -0x8000_0000_0000_0000 <= value <= 0x7FFF_FFFF_FFFF_FFFF:
        return b"\x18" + int64(value)
    return delimited(b"\n", text_of(value).encode())  # too long for int64: its decimal digits


def _any_value(value: Any, depth: int) -> bytes:
    """An AnyValue message. What has no counterpart becomes its text."""
    if value is None:
        return b""
    if isinstance(value, str):
        return delimited(b"\n", utf8(value))
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _DOUBLE(0x21, value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return delimited(b":", bytes(value))
    if depth < _MAX_DEPTH:
        if isinstance(value, (list, tuple)):
            items = [delimited(b"\n", _any_value(item, depth + 1)) for item in value]
            return delimited(b"*", b"".join(items))
        if isinstance(value, Mapping):
            pairs = [
                delimited(b"\n", delimited(b"\n", utf8(text_of(k))) + delimited(b"\x12", _any_value(v, depth + 1)))
                for k, v in value.items()
            ]
            return delimited(b"2", b"".join(pairs))
    return delimited(b"\n", utf8(text_of(value)))
