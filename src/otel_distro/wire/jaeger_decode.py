# SPDX-License-Identifier: Apache-2.0
"""Jaeger's Thrift bytes -> plain values. Written for hostile input: see the bounds in wire/thrift.py.

Source: jaeger-idl, jaeger.thrift and agent.thrift.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from otel_distro.wire import thrift_binary, thrift_compact
from otel_distro.wire.thrift import Struct, ThriftError, Value

TagValue: TypeAlias = "str | float | bool | int | bytes"
Tag: TypeAlias = "tuple[str, TagValue]"

MAX_SPANS = 100_000

_COMPACT_PROTOCOL_ID = 0x82
_MASK64 = (1 << 64) - 1


class Reference(NamedTuple):
    """follows_from: else it is a child of the other span."""

    follows_from: bool
    trace_id: int
    span_id: int


class Log(NamedTuple):
    """time_us: since the epoch."""

    time_us: int
    fields: list[Tag]


class Span(NamedTuple):
    """Ids are unsigned; parent_id is 0 without one. Times in microseconds, as sent: they may be negative."""

    trace_id: int
    span_id: int
    parent_id: int
    name: str
    references: list[Reference]
    flags: int
    start_us: int
    duration_us: int
    tags: list[Tag]
    logs: list[Log]


class Batch(NamedTuple):
    """Spans of one process."""

    service: str
    tags: list[Tag]
    spans: list[Span]


def decode_http(body: bytes) -> Batch:
    """The body of a POST to `/api/traces`. Raises ThriftError."""
    return _batch(thrift_binary.read_struct(body))


def decode_datagram(message: bytes) -> Batch:
    """An `emitBatch` in the compact or the binary protocol. Raises ThriftError."""
    compact = message[:1] == bytes((_COMPACT_PROTOCOL_ID,))
    name, arguments = (thrift_compact if compact else thrift_binary).read_message(message)
    if name != b"emitBatch":
        raise ThriftError("not an emitBatch message")
    return _batch(_struct(arguments.get(1)))


def _batch(fields: Struct) -> Batch:
    process = _struct(fields.get(1))
    spans = _list(fields.get(2))
    if len(spans) > MAX_SPANS:
        raise ThriftError(f"more than {MAX_SPANS} spans in one batch")
    return Batch(_text(process.get(1)), _tags(process.get(2)), [_span(_struct(span)) for span in spans])


def _span(fields: Struct) -> Span:
    return Span(
        _trace_id(fields.get(1), fields.get(2)),
        _int(fields.get(3)) & _MASK64,
        _int(fields.get(4)) & _MASK64,
        _text(fields.get(5)),
        [_reference(_struct(reference)) for reference in _list(fields.get(6))],
        _int(fields.get(7)),
        _int(fields.get(8)),
        _int(fields.get(9)),
        _tags(fields.get(10)),
        [_log(_struct(log)) for log in _list(fields.get(11))],
    )


def _reference(fields: Struct) -> Reference:
    trace_id = _trace_id(fields.get(2), fields.get(3))
    return Reference(_int(fields.get(1)) == 1, trace_id, _int(fields.get(4)) & _MASK64)


def _log(fields: Struct) -> Log:
    return Log(_int(fields.get(1)), _tags(fields.get(2)))


def _tags(value: Value | None) -> list[Tag]:
    return [_tag(_struct(tag)) for tag in _list(value)]


def _tag(fields: Struct) -> Tag:
    """The value is read from the field that belongs to the declared kind."""
    key, kind = _text(fields.get(1)), _int(fields.get(2))
    value = fields.get(kind + 3)
    if kind == 0:
        return key, _text(value)
    if kind == 1:
        return key, float(value) if isinstance(value, (int, float)) else 0.0
    if kind == 2:
        return key, bool(value)
    if kind == 3:
        return key, _int(value)
    if kind == 4:
        return key, value if isinstance(value, bytes) else b""
    raise ThriftError(f"there is no tag type {kind}")


def _trace_id(low: Value | None, high: Value | None) -> int:
    return (_int(high) & _MASK64) << 64 | _int(low) & _MASK64


def _struct(value: Value | None) -> Struct:
    if isinstance(value, dict):
        return value
    raise ThriftError("a struct is missing")


def _list(value: Value | None) -> list[Value]:
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise ThriftError("a list was expected")


def _int(value: Value | None) -> int:
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    raise ThriftError("a number was expected")


def _text(value: Value | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise ThriftError("text was expected")
