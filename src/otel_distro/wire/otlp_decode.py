# SPDX-License-Identifier: Apache-2.0
"""OTLP trace requests, protobuf bytes -> plain values.

Written for hostile input: a declared length is compared with what is there before anything is sliced, nesting
is bounded, and the number of values in one request is bounded. Unknown fields are skipped, as protobuf wants.
Source: opentelemetry-proto 1.x, trace/v1/trace.proto, common/v1/common.proto, resource/v1/resource.proto.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Value: TypeAlias = "str | bool | int | float | bytes | list[Value] | dict[str, Value] | None"
Attributes: TypeAlias = "list[tuple[str, Value]]"
SpanOrigin: TypeAlias = "tuple[ResourceFields, ScopeFields, SpanFields]"

MAX_DEPTH = 32
MAX_SPANS = 100_000
MAX_VALUES = 1_000_000
MAX_VALUES_PER_SPAN = 65_536
MAX_GROUPS = 10_000
_MEMO_BYTES = 128
_MEMO_SIZE = 8_192
_U64 = struct.Struct("<Q").unpack_from
_F64 = struct.Struct("<d").unpack_from
_U32 = struct.Struct("<I").unpack_from


class DecodeError(ValueError):
    """The bytes are not an OTLP trace request, or exceed a bound; the text says which."""


class ResourceFields(NamedTuple):
    """attributes: at most MAX_VALUES_PER_SPAN pairs."""

    attributes: Attributes
    schema_url: str


class ScopeFields(NamedTuple):
    """What made the spans."""

    name: str
    version: str
    attributes: Attributes
    schema_url: str


class EventFields(NamedTuple):
    """time_ns: since the epoch."""

    time_ns: int
    name: str
    attributes: Attributes
    dropped_attributes: int


class LinkFields(NamedTuple):
    """Ids are the raw bytes as sent: any length."""

    trace_id: bytes
    span_id: bytes
    trace_state: str
    attributes: Attributes
    dropped_attributes: int
    flags: int


class SpanFields(NamedTuple):
    """One span as sent. Ids are raw bytes of any length; kind and status_code are OTLP's numbers; times in ns."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    trace_state: str
    flags: int
    name: str
    kind: int
    start_ns: int
    end_ns: int
    attributes: Attributes
    dropped_attributes: int
    events: list[EventFields]
    dropped_events: int
    links: list[LinkFields]
    dropped_links: int
    status_code: int
    status_message: str


class TraceRequest:
    """Iterates over (resource, scope, span) of one ExportTraceServiceRequest, decoding as it goes.

    values: attribute values, events and links so far; a reader that holds spans back bounds its memory by it.
    Raises DecodeError while iterating.
    """

    def __init__(self, data: bytes, memo: dict[bytes, tuple[str, Value]] | None = None) -> None:
        """memo: kept by the caller between requests of one thread; repeated attributes are decoded once."""
        self._data = data
        self._memo: dict[bytes, tuple[str, Value]] = {} if memo is None else memo
        self._groups = 0
        self._spans = 0
        self._limit = MAX_VALUES_PER_SPAN
        self.values = 0

    def __iter__(self) -> Iterator[SpanOrigin]:
        try:
            for field, start, stop in _messages(self._data, 0, len(self._data)):
                if field == 1:
                    yield from self._resource_spans(start, stop)
        except (IndexError, struct.error):
            raise DecodeError("the message ends inside a field") from None

    def _resource_spans(self, start: int, stop: int) -> Iterator[SpanOrigin]:
        self._count_group()
        attributes: Attributes = []
        schema_url = ""
        for field, at, end in _messages(self._data, start, stop):  # the resource may follow its spans
            if field == 1:
                self._begin()
                attributes = self._attributes_of(at, end, 0x0A)[0]
            elif field == 3:
                schema_url = _text(self._data, at, end)
        resource = ResourceFields(attributes, schema_url)
        for field, at, end in _messages(self._data, start, stop):
            if field == 2:
                yield from self._scope_spans(resource, at, end)

    def _scope_spans(self, resource: ResourceFields, start: int, stop: int) -> Iterator[SpanOrigin]:
        self._count_group()
        data = self._data
        scope = ScopeFields("", "", [], "")
        for field, at, end in _messages(data, start, stop):
            if field == 1:
                scope = self._scope(at, end)._replace(schema_url=scope.schema_url)
            elif field == 3:
                scope = scope._replace(schema_url=_text(data, at, end))
        for field, at, end in _messages(data, start, stop):
            if field == 2:
                self._spans += 1
                if self._spans > MAX_SPANS:
                    raise DecodeError(f"more than {MAX_SPANS} spans in one request")
                self._begin()
                yield resource, scope, self._span(at, end)

    def _scope(self, start: int, stop: int) -> ScopeFields:
        self._begin()
        name = version = ""
        for field, at, end in _messages(self._data, start, stop):
            if field == 1:
                name = _text(self._data, at, end)
            elif field == 2:
                version = _text(self._data, at, end)
        return ScopeFields(name, version, self._attributes_of(start, stop, 0x1A)[0], "")

    def _span(self, pos: int, stop: int) -> SpanFields:
        # the hot path: one loop, no helper per field; a thousand spans take about 15 ms
        data = self._data
        memo = self._memo
        trace_id = span_id = parent = b""
        trace_state = name = status_message = ""
        flags = kind = start_ns = end_ns = status_code = 0
        dropped = [0, 0, 0]
        attributes: Attributes = []
        events: list[EventFields] = []
        links: list[LinkFields] = []
        while pos < stop:
            tag = data[pos]
            pos += 1
            if tag & 0x80:
                tag, pos = _varint(data, pos - 1)
            wire = tag & 7
            if wire == 2:
                size = data[pos]
                pos += 1
                if size & 0x80:
                    size, pos = _varint(data, pos - 1)
                end = pos + size
                if end > stop:
                    raise DecodeError("a field is longer than its message")
                if tag == 0x4A:
                    raw = data[pos:end]
                    pair = memo.get(raw)
                    if pair is None:
                        pair = self._key_value(raw)
                    self.values += 1
                    attributes.append(pair)
                elif tag == 0x12:
                    span_id = data[pos:end]
                elif tag == 0x0A:
                    trace_id = data[pos:end]
                elif tag == 0x22:
                    parent = data[pos:end]
                elif tag == 0x2A:
                    name = data[pos:end].decode("utf-8", "replace")
                elif tag == 0x5A:
                    events.append(self._event(pos, end))
                elif tag == 0x7A:
                    status_code, status_message = _status(data, pos, end)
                elif tag == 0x6A:
                    links.append(self._link(pos, end))
                elif tag == 0x1A:
                    trace_state = _text(data, pos, end)
                pos = end
                if self.values > self._limit:
                    self._over()
            elif wire == 1:
                if pos + 8 > stop:
                    raise DecodeError("a field is longer than its message")
                if tag == 0x39:
                    start_ns = _U64(data, pos)[0]
                elif tag == 0x41:
                    end_ns = _U64(data, pos)[0]
                pos += 8
            elif wire == 0:
                number, pos = _varint(data, pos)
                if tag == 0x30:
                    kind = number
                elif tag in (0x50, 0x60, 0x70):
                    dropped[(tag >> 4) - 5] = number
            elif wire == 5:
                if pos + 4 > stop:
                    raise DecodeError("a field is longer than its message")
                if tag == 0x85:  # field 16: the tag is 133, decoded from two bytes
                    flags = _U32(data, pos)[0]
                pos += 4
            else:
                raise DecodeError(f"wire type {wire} is not in use")
            if tag < 8:
                raise DecodeError("field 0 is not in use")
        if pos > stop:
            raise DecodeError("a field is longer than its message")
        return SpanFields(
            trace_id,
            span_id,
            parent,
            trace_state,
            flags,
            name,
            kind,
            start_ns,
            end_ns,
            attributes,
            dropped[0],
            events,
            dropped[1],
            links,
            dropped[2],
            status_code,
            status_message,
        )

    def _event(self, start: int, stop: int) -> EventFields:
        self._count()
        time_ns = 0
        name = ""
        data = self._data
        for tag, value, at, end in _fields(data, start, stop):
            if tag == 0x09:
                time_ns = value
            elif tag == 0x12:
                name = _text(data, at, end)
        attributes, dropped = self._attributes_of(start, stop, 0x1A)
        return EventFields(time_ns, name, attributes, dropped)

    def _link(self, start: int, stop: int) -> LinkFields:
        self._count()
        trace_id = span_id = b""
        trace_state = ""
        flags = 0
        data = self._data
        for tag, value, at, end in _fields(data, start, stop):
            if tag == 0x0A:
                trace_id = data[at:end]
            elif tag == 0x12:
                span_id = data[at:end]
            elif tag == 0x1A:
                trace_state = _text(data, at, end)
            elif tag == 0x35:
                flags = value
        attributes, dropped = self._attributes_of(start, stop, 0x22)
        return LinkFields(trace_id, span_id, trace_state, attributes, dropped, flags)

    def _attributes_of(self, start: int, stop: int, key_value_tag: int) -> tuple[Attributes, int]:
        """The KeyValues with this tag, and the dropped count, which always has the next field number."""
        attributes: Attributes = []
        dropped = 0
        data = self._data
        memo = self._memo
        dropped_tag = (key_value_tag & ~7) + 8
        for tag, value, at, end in _fields(data, start, stop):
            if tag == key_value_tag:
                self._count()
                raw = data[at:end]
                attributes.append(memo.get(raw) or self._key_value(raw))
            elif tag == dropped_tag:
                dropped = value
        return attributes, dropped

    def _key_value(self, raw: bytes) -> tuple[str, Value]:
        key = ""
        value: Value = None
        for field, at, end in _messages(raw, 0, len(raw)):
            if field == 1:
                key = _text(raw, at, end)
            elif field == 2:
                value = self._any_value(raw, at, end, 0)
        pair = (key, value)
        if len(raw) <= _MEMO_BYTES and not isinstance(value, (list, dict)):
            if len(self._memo) >= _MEMO_SIZE:
                self._memo.clear()
            self._memo[raw] = pair
        return pair

    def _any_value(self, data: bytes, start: int, stop: int, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise DecodeError(f"values nested deeper than {MAX_DEPTH}")
        result: Value = None
        for tag, value, at, end in _fields(data, start, stop):
            if tag == 0x0A:
                result = _text(data, at, end)
            elif tag == 0x10:
                result = value != 0
            elif tag == 0x18:
                result = value - (1 << 64) if value >> 63 else value
            elif tag == 0x21:
                result = _F64(data, at)[0]
            elif tag == 0x2A:
                items: list[Value] = []
                for field, item_at, item_end in _messages(data, at, end):
                    if field == 1:
                        self._count()
                        items.append(self._any_value(data, item_at, item_end, depth + 1))
                result = items
            elif tag == 0x32:
                result = self._mapping(data, at, end, depth)
            elif tag == 0x3A:
                result = data[at:end]
        return result

    def _mapping(self, data: bytes, start: int, stop: int, depth: int) -> dict[str, Value]:
        mapping: dict[str, Value] = {}
        for field, at, end in _messages(data, start, stop):
            if field != 1:
                continue
            self._count()
            key = ""
            value: Value = None
            for part, part_at, part_end in _messages(data, at, end):
                if part == 1:
                    key = _text(data, part_at, part_end)
                elif part == 2:
                    value = self._any_value(data, part_at, part_end, depth + 1)
            mapping[key] = value
        return mapping

    def _begin(self) -> None:
        self._limit = min(self.values + MAX_VALUES_PER_SPAN, MAX_VALUES)

    def _count(self) -> None:
        self.values += 1
        if self.values > self._limit:
            self._over()

    def _over(self) -> None:
        if self._limit == MAX_VALUES:
            raise DecodeError(f"more than {MAX_VALUES} values in one request")
        raise DecodeError(f"more than {MAX_VALUES_PER_SPAN} values in one span")

    def _count_group(self) -> None:
        self._groups += 1
        if self._groups > MAX_GROUPS:
            raise DecodeError(f"more than {MAX_GROUPS} resources and scopes in one request")


def _messages(data: bytes, pos: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """(field number, start, end) of each length-delimited field; others are skipped."""
    for tag, _, start, end in _fields(data, pos, stop):
        if tag & 7 == 2:
            yield tag >> 3, start, end


def _fields(data: bytes, pos: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
    """(tag, number, start, end) of each field; number is 0 for length-delimited ones. Raises DecodeError."""
    while pos < stop:
        tag, pos = _varint(data, pos)
        if tag < 8:
            raise DecodeError("field 0 is not in use")
        wire = tag & 7
        number = 0
        start = pos
        if wire == 2:
            size, start = _varint(data, pos)
            pos = start + size
        elif wire == 0:
            number, pos = _varint(data, pos)
        elif wire == 1:
            pos += 8
        elif wire == 5:
            pos += 4
        else:
            raise DecodeError(f"wire type {wire} is not in use")
        if pos > stop:
            raise DecodeError("a field is longer than its message")
        if wire == 1:
            number = _U64(data, start)[0]
        elif wire == 5:
            number = _U32(data, start)[0]
        yield tag, number, start, pos


def _varint(data: bytes, pos: int) -> tuple[int, int]:
    byte = data[pos]
    pos += 1
    if byte < 0x80:
        return byte, pos
    result = byte & 0x7F
    shift = 7
    while True:
        byte = data[pos]
        pos += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFFFFFFFFFFFFFF, pos
        shift += 7
        if shift > 63:
            raise DecodeError("a number is longer than ten bytes")


def _status(data: bytes, start: int, stop: int) -> tuple[int, str]:
    code = 0
    message = ""
    for tag, value, at, end in _fields(data, start, stop):
        if tag == 0x12:
            message = _text(data, at, end)
        elif tag == 0x18:
            code = value
    return code, message


def _text(data: bytes, start: int, end: int) -> str:
    return data[start:end].decode("utf-8", "replace")
