# SPDX-License-Identifier: Apache-2.0
"""Jaeger's Tag, Log, Span, Process and Batch as bytes; here in Thrift's two protocols.

Every part is encoded on its own and joined later, so that what repeats is encoded once. Text is UTF-8; ids
are unsigned ints; times are nanoseconds since the epoch.
Source: jaeger-idl, jaeger.thrift and agent.thrift.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from otel_distro.wire import thrift_binary, thrift_compact
from otel_distro.wire.protobuf import varint
from otel_distro.wire.thrift_compact import LAST14, MORE14, PACK3, list_header, long_varint, u64
from otel_distro.wire.thrift_compact import i64 as zigzag

if TYPE_CHECKING:
    from collections.abc import Sequence

STRING, DOUBLE, BOOL, LONG, BINARY = range(5)
"""Thrift's TagType."""

_EMIT_BATCH = b"emitBatch"
_STRUCT = 12
_MAX_IDS = 1024
_LOW = (1 << 64) - 1
_MAX_I64 = (1 << 63) - 1
_F64 = struct.Struct("<d").pack


class Format(ABC):
    """One of Jaeger's formats. Tags are passed in the form that tag() gives them."""

    joiner: ClassVar[bytes]
    """What comes before each tag of a span."""
    tail: ClassVar[bytes]
    """What ends a tag, behind its payload."""

    def tag(self, key: bytes, kind: int, value: bytes | float | bool) -> bytes:
        """A Tag; kind: STRING to BINARY; value: bytes for STRING and BINARY, else the number."""
        payload = value if isinstance(value, bytes) else self.payload(kind, value)
        return self.head(key, kind, len(payload)) + payload + self.tail

    @abstractmethod
    def head(self, key: bytes, kind: int, size: int) -> bytes:
        """All of a tag that comes before its payload of size bytes."""

    def payload(self, kind: int, number: float | bool) -> bytes:
        """The payload of a DOUBLE, BOOL or LONG; that of a STRING or BINARY are its bytes."""
        if kind == LONG:
            return self.long(int(number))
        return self.flag(bool(number)) if kind == BOOL else self.double(number)

    @abstractmethod
    def long(self, number: int) -> bytes:
        """The payload of a LONG, -2**63 to 2**63 - 1."""

    @abstractmethod
    def flag(self, flag: bool) -> bytes:
        """The payload of a BOOL."""

    @abstractmethod
    def double(self, number: float) -> bytes:
        """The payload of a DOUBLE."""

    @abstractmethod
    def name(self, name: bytes) -> bytes:
        """A span's operation name."""

    @abstractmethod
    def reference(self, trace_id: int, span_id: int) -> bytes:
        """A SpanRef of the kind FOLLOWS_FROM."""

    @abstractmethod
    def log(self, time_ns: int, fields: Sequence[bytes]) -> bytes:
        """A Log with its tags."""

    @abstractmethod
    def span(
        self,
        trace_id: int,
        span_id: int,
        parent_id: int,
        name: bytes,
        references: Sequence[bytes],
        flags: int,
        start_ns: int,
        duration_ns: int,
        tag_count: int,
        tags: bytes,
        logs: Sequence[bytes],
    ) -> bytes:
        """A Span. parent_id: 0 without one. references: without it. flags: 0 or 1.
        tags: tag_count of them, each behind the joiner."""

    @abstractmethod
    def process(self, service: bytes, tags: Sequence[bytes]) -> bytes:
        """A Process."""

    @abstractmethod
    def body(self, process: bytes, spans: Sequence[bytes]) -> bytes:
        """The whole message: a bare Batch for HTTP, a PostSpansRequest for gRPC, emitBatch for UDP."""

    @abstractmethod
    def frame_bytes(self, process: bytes) -> int:
        """An upper limit for what body() takes besides its spans."""


class Compact(Format):
    """Thrift's compact protocol, in datagrams to an agent's port 6831."""

    joiner = b""
    tail = b"\x00"
    _head = thrift_compact.message_header(_EMIT_BATCH) + b"\x1c\x1c"  # the call's field 1: Batch; its field 1
    _kinds: ClassVar = {
        STRING: b"\x15\x00\x18",
        DOUBLE: b"\x15\x02\x27",
        BOOL: b"\x15\x04",
        LONG: b"\x15\x06\x46",
        BINARY: b"\x15\x08\x58",
    }

    def __init__(self) -> None:
        self._ids: dict[int, bytes] = {}
        self._trace_id = -1
        self._trace = b""

    def head(self, key: bytes, kind: int, size: int) -> bytes:
        """key (1), kind (2), and the header of the field of that kind (3 to 7), but for BOOL."""
        head = b"\x18" + thrift_compact.binary(key) + self._kinds[kind]
        return head + varint(size) if kind in {STRING, BINARY} else head

    long = staticmethod(zigzag)

    def flag(self, flag: bool) -> bytes:
        """It is all in the header of its field."""
        return b"\x31" if flag else b"\x32"

    def double(self, number: float) -> bytes:
        """Little end first."""
        return _F64(number)

    def name(self, name: bytes) -> bytes:
        """Field 5."""
        return b"\x18" + thrift_compact.binary(name)

    def trace(self, trace_id: int) -> bytes:
        """Fields 1 and 2, and the header of 3."""
        return b"".join((b"\x16", u64(trace_id & _LOW), b"\x16", u64(trace_id >> 64), b"\x16"))

    def reference(self, trace_id: int, span_id: int) -> bytes:
        """Fields 1 to 4."""
        return b"\x15\x02" + self.trace(trace_id) + u64(span_id) + b"\x00"

    def log(self, time_ns: int, fields: Sequence[bytes]) -> bytes:
        """Fields 1 and 2."""
        head = b"\x16" + zigzag(_micros(time_ns)) + b"\x19" + list_header(len(fields), _STRUCT)
        return b"".join((head, *fields, b"\x00"))

    def span(
        self,
        trace_id: int,
        span_id: int,
        parent_id: int,
        name: bytes,
        references: Sequence[bytes],
        flags: int,
        start_ns: int,
        duration_ns: int,
        tag_count: int,
        tags: bytes,
        logs: Sequence[bytes],
    ) -> bytes:
        """Fields 1 to 11."""
        if trace_id != self._trace_id:
            self._trace_id, self._trace = trace_id, self.trace(trace_id)
        trace, ids, more, last = self._trace, self._ids, MORE14, LAST14
        parent = ids.get(parent_id)
        if parent is None:  # children end before their parent, one after the other
            if len(ids) > _MAX_IDS:
                ids.clear()
            ids[parent_id] = parent = u64(parent_id)
        if references:
            name = b"".join((name, b"\x19", list_header(len(references), _STRUCT), *references, b"\x15"))
        else:
            name += b"\x25"
        if logs:
            field = b"\x19" if tag_count else b"\x29"
            tags = b"".join((tags, field, list_header(len(logs), _STRUCT), *logs))
        own = ids.get(span_id) or u64(span_id)
        start, duration = start_ns // 1000 << 1, duration_ns // 1000 << 1
        if not 1 << 42 <= start < 1 << 56:
            return b"".join((
                trace, own, b"\x16", parent, name, b"\x02\x16" if flags else b"\x00\x16",
                long_varint(_micros(start_ns) << 1), b"\x16", long_varint(duration), _tags_header(tag_count),
                tags, b"\x00",
            ))  # fmt: skip
        return b"".join((  # with today's start put together here: calls are what costs
            trace, own, b"\x16", parent, name, b"\x02\x16" if flags else b"\x00\x16",
            PACK3(more[start & 0x3FFF], more[start >> 14 & 0x3FFF], more[start >> 28 & 0x3FFF]),
            last[start >> 42], b"\x16", last[duration] if duration < 1 << 14 else long_varint(duration),
            _TAGS_HEADERS[tag_count] if tag_count < 64 else _tags_header(tag_count), tags, b"\x00",
        ))  # fmt: skip

    def process(self, service: bytes, tags: Sequence[bytes]) -> bytes:
        """Fields 1 and 2."""
        head = b"\x18" + thrift_compact.binary(service)
        return head + (b"\x19" + list_header(len(tags), _STRUCT) if tags else b"") + b"".join(tags) + b"\x00"

    def body(self, process: bytes, spans: Sequence[bytes]) -> bytes:
        """One datagram."""
        return b"".join((self._head, process, b"\x19", list_header(len(spans), _STRUCT), *spans, b"\x00\x00"))

    def frame_bytes(self, process: bytes) -> int:
        """With a list header of at most six bytes."""
        return len(self._head) + len(process) + 9


def _tags_header(count: int) -> bytes:
    return b"\x19" + list_header(count, _STRUCT) if count else b""


_TAGS_HEADERS = tuple(_tags_header(count) for count in range(64))


class Binary(Format):
    """Thrift's binary protocol: the bare Batch in the body of a POST to a collector's port 14268."""

    joiner = b""
    tail = b"\x00"
    _batch = b"\x0c\x00\x01"  # field 1 of Batch
    _end = b"\x00"
    _kinds: ClassVar = {
        STRING: b"\x08\x00\x02\x00\x00\x00\x00\x0b\x00\x03",
        DOUBLE: b"\x08\x00\x02\x00\x00\x00\x01\x04\x00\x04",
        BOOL: b"\x08\x00\x02\x00\x00\x00\x02\x02\x00\x05",
        LONG: b"\x08\x00\x02\x00\x00\x00\x03\x0a\x00\x06",
        BINARY: b"\x08\x00\x02\x00\x00\x00\x04\x0b\x00\x07",
    }
    _flagged = b"\x08\x00\x07\x00\x00\x00\x01\x0a\x00\x08"  # field 7, and the header of 8
    _not_flagged = b"\x08\x00\x07\x00\x00\x00\x00\x0a\x00\x08"
    _ids = struct.Struct(">3sQ3sQ3sQ3sQ").pack
    _times = struct.Struct(">10sq3sq").pack
    _times_and_tags = struct.Struct(">10sq3sq4sI").pack
    _list = struct.Struct(">3sBI").pack
    _reference = struct.Struct(">3si3sQ3sQ3sQB").pack
    _log = struct.Struct(">3sq3sBI").pack

    def head(self, key: bytes, kind: int, size: int) -> bytes:
        """key (1), kind (2), and the header of the field of that kind (3 to 7)."""
        head = b"\x0b\x00\x01" + thrift_binary.binary(key) + self._kinds[kind]
        return head + thrift_binary.i32(size) if kind in {STRING, BINARY} else head

    long = staticmethod(thrift_binary.i64)
    double = staticmethod(thrift_binary.double)

    def flag(self, flag: bool) -> bytes:
        """One byte."""
        return b"\x01" if flag else b"\x00"

    def name(self, name: bytes) -> bytes:
        """Field 5."""
        return b"\x0b\x00\x05" + thrift_binary.binary(name)

    def reference(self, trace_id: int, span_id: int) -> bytes:
        """Fields 1 to 4."""
        low, high = trace_id & _LOW, trace_id >> 64
        return self._reference(
            b"\x08\x00\x01", 1, b"\x0a\x00\x02", low, b"\x0a\x00\x03", high, b"\x0a\x00\x04", span_id, 0
        )

    def log(self, time_ns: int, fields: Sequence[bytes]) -> bytes:
        """Fields 1 and 2."""
        head = self._log(b"\x0a\x00\x01", _micros(time_ns), b"\x0f\x00\x02", _STRUCT, len(fields))
        return b"".join((head, *fields, b"\x00"))

    def span(
        self,
        trace_id: int,
        span_id: int,
        parent_id: int,
        name: bytes,
        references: Sequence[bytes],
        flags: int,
        start_ns: int,
        duration_ns: int,
        tag_count: int,
        tags: bytes,
        logs: Sequence[bytes],
    ) -> bytes:
        """Fields 1 to 11."""
        ids = self._ids(
            b"\x0a\x00\x01", trace_id & _LOW, b"\x0a\x00\x02", trace_id >> 64,
            b"\x0a\x00\x03", span_id, b"\x0a\x00\x04", parent_id,
        )  # fmt: skip
        if references:
            name = b"".join((name, self._list(b"\x0f\x00\x06", _STRUCT, len(references)), *references))
        if logs:
            tags = b"".join((tags, self._list(b"\x0f\x00\x0b", _STRUCT, len(logs)), *logs))
        head = self._flagged if flags else self._not_flagged
        start = start_ns // 1000 if start_ns > 0 else 0
        if tag_count:
            times = self._times_and_tags(
                head, start, b"\x0a\x00\x09", duration_ns // 1000, b"\x0f\x00\x0a\x0c", tag_count
            )
        else:
            times = self._times(head, start, b"\x0a\x00\x09", duration_ns // 1000)
        return b"".join((ids, name, times, tags, b"\x00"))

    def process(self, service: bytes, tags: Sequence[bytes]) -> bytes:
        """Fields 1 and 2."""
        head = b"\x0b\x00\x01" + thrift_binary.binary(service)
        if tags:
            head += self._list(b"\x0f\x00\x02", _STRUCT, len(tags))
        return head + b"".join(tags) + b"\x00"

    def body(self, process: bytes, spans: Sequence[bytes]) -> bytes:
        """One Batch."""
        count = self._list(b"\x0f\x00\x02", _STRUCT, len(spans))
        return b"".join((self._batch, process, count, *spans, self._end))

    def frame_bytes(self, process: bytes) -> int:
        """Exact."""
        return len(self._batch) + len(process) + 8 + len(self._end)


class BinaryDatagram(Binary):
    """Thrift's binary protocol, in datagrams to an agent's port 6832."""

    _batch = thrift_binary.message_header(_EMIT_BATCH) + b"\x0c\x00\x01" + Binary._batch
    _end = b"\x00\x00"


def _micros(time_ns: int) -> int:
    return min(time_ns // 1000, _MAX_I64) if time_ns > 0 else 0
