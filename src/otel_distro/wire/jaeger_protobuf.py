# SPDX-License-Identifier: Apache-2.0
"""Jaeger's api_v2: the third of its formats.

Source: jaeger-idl, api_v2/model.proto and collector.proto.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, ClassVar

from otel_distro.wire.jaeger_formats import BINARY, BOOL, DOUBLE, LONG, STRING, Format
from otel_distro.wire.protobuf import delimited, varint
from otel_distro.wire.thrift_compact import LAST14, MORE14, PACK2, long_varint

if TYPE_CHECKING:
    from collections.abc import Sequence

_MASK64 = (1 << 64) - 1
_F64 = struct.Struct("<d").pack


class Protobuf(Format):
    """jaeger.api_v2, for gRPC's PostSpans to a collector's port 14250."""

    joiner = b"\x42"
    tail = b""
    _kinds: ClassVar = {
        STRING: b"\x1a",
        DOUBLE: b"\x10\x03\x31",
        BOOL: b"\x10\x01\x20",
        LONG: b"\x10\x02\x28",
        BINARY: b"\x10\x04\x3a",
    }

    def __init__(self) -> None:
        self._second = -1
        self._seconds = b""

    def head(self, key: bytes, kind: int, size: int) -> bytes:
        """The length; key (1), kind (2), and the tag of the value's field (3 to 7) unless that is empty."""
        head = delimited(b"\x0a", key) + (self._kinds[kind] if size else self._kinds[kind][:-1])
        if size and kind in {STRING, BINARY}:
            head += varint(size)
        return varint(len(head) + size) + head

    def long(self, number: int) -> bytes:
        """Zero is not written."""
        return long_varint(number & _MASK64) if number else b""

    def flag(self, flag: bool) -> bytes:
        """False is not written."""
        return b"\x01" if flag else b""

    def double(self, number: float) -> bytes:
        """Zero is not written; -0.0 is."""
        return _F64(number) if number != 0.0 or str(number) == "-0.0" else b""

    def name(self, name: bytes) -> bytes:
        """Field 3."""
        return delimited(b"\x1a", name) if name else b""

    def trace(self, trace_id: int) -> bytes:
        """Field 1, and the head of 2; the same in a reference."""
        return b"\x0a\x10" + trace_id.to_bytes(16, "big") + b"\x12\x08"

    def reference(self, trace_id: int, span_id: int) -> bytes:
        """Fields 1 to 3, as field 4 of the span."""
        return b"\x22\x1e" + self.trace(trace_id) + span_id.to_bytes(8, "big") + b"\x18\x01"

    def log(self, time_ns: int, fields: Sequence[bytes]) -> bytes:
        """Fields 1 and 2, as field 9 of the span."""
        message = delimited(b"\x0a", self._timestamp(time_ns)) + b"".join([b"\x12" + field for field in fields])
        return delimited(b"\x4a", message)

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
        tag_count: int,  # noqa: ARG002
        tags: bytes,
        logs: Sequence[bytes],
    ) -> bytes:
        """Fields 1 to 9, as field 1 of the batch. The parent is the first reference."""
        trace = self.trace(trace_id)
        if parent_id:
            name = b"".join((name, b"\x22\x1c", trace, parent_id.to_bytes(8, "big"), *references))
        elif references:
            name = b"".join((name, *references))
        start, duration = self._timestamp(start_ns), _seconds_and_nanos(duration_ns)
        if logs:
            tags = b"".join((tags, *logs))
        message = b"".join((
            trace, span_id.to_bytes(8, "big"), name, b"\x28\x01\x32" if flags else b"\x32",
            LAST14[len(start)],
            start, b"\x3a", LAST14[len(duration)], duration, tags,
        ))  # fmt: skip
        return b"\x0a" + varint(len(message)) + message

    def process(self, service: bytes, tags: Sequence[bytes]) -> bytes:
        """Fields 1 and 2, as field 2 of the batch."""
        message = (delimited(b"\x0a", service) if service else b"") + b"".join([b"\x12" + tag for tag in tags])
        return delimited(b"\x12", message)

    def body(self, process: bytes, spans: Sequence[bytes]) -> bytes:
        """A PostSpansRequest: the batch is its field 1."""
        return delimited(b"\x0a", b"".join((*spans, process)))

    def frame_bytes(self, process: bytes) -> int:
        """With lengths of at most five bytes."""
        return len(process) + 6

    def _timestamp(self, time_ns: int) -> bytes:
        second = time_ns // 1_000_000_000
        nanos = time_ns - second * 1_000_000_000
        if second != self._second:
            self._second, self._seconds = second, _seconds_and_nanos(max(0, second) * 1_000_000_000)
        if nanos >= 1 << 28:
            low = PACK2(MORE14[nanos & 0x3FFF], MORE14[nanos >> 14 & 0x3FFF])
            return b"".join((self._seconds, b"\x10", low, LAST14[nanos >> 28]))
        return self._seconds + b"\x10" + long_varint(nanos) if nanos else self._seconds


def _seconds_and_nanos(duration_ns: int) -> bytes:
    if 1 << 14 <= duration_ns < 1 << 28:  # from 16 us to 268 ms
        return b"\x10" + long_varint(duration_ns)
    seconds, nanos = divmod(duration_ns, 1_000_000_000)
    head = b"\x08" + long_varint(seconds) if seconds else b""
    return head + b"\x10" + long_varint(nanos) if nanos else head
