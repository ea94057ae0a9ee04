# SPDX-License-Identifier: Apache-2.0
"""Thrift's compact protocol: primitives to write, and a reader.

Source: Apache Thrift, "Thrift Compact protocol encoding".
"""

from __future__ import annotations

import struct
from array import array

from otel_distro.wire.protobuf import varint
from otel_distro.wire.thrift import (
    MAX_DEPTH,
    MAX_VALUES,
    Struct,
    ThriftError,
    Value,
    cut_off,
    too_deep,
    too_many,
)

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
STOP = b"\x00"
ONE_WAY = 4

_PROTOCOL_ID = 0x82
_VERSION = 1
_MASK64 = (1 << 64) - 1
MORE14 = array("H", [n & 0x7F | 0x80 | (n >> 7 | 0x80) << 8 for n in range(1 << 14)])
"""Fourteen bits of a varint, with more to follow, as two bytes. In 32 KiB, so that it stays in the cache."""
LAST14 = tuple(map(varint, range(1 << 14)))
"""The last fourteen."""
_F64 = struct.Struct("<d")
PACK2 = struct.Struct("<2H").pack
PACK3 = struct.Struct("<3H").pack
_PACK1 = struct.Struct("<H").pack
_PACK4 = struct.Struct("<4H").pack


def long_varint(number: int) -> bytes:
    """As varint, for large numbers: ids take ten bytes, times eight. number: 0 to 2**64 - 1."""
    more = MORE14
    if number < 1 << 14:
        return LAST14[number]
    if number < 1 << 28:
        return _PACK1(more[number & 0x3FFF]) + LAST14[number >> 14]
    low, next_ = more[number & 0x3FFF], more[number >> 14 & 0x3FFF]
    if number < 1 << 42:
        return PACK2(low, next_) + LAST14[number >> 28]
    if number < 1 << 56:
        return PACK3(low, next_, more[number >> 28 & 0x3FFF]) + LAST14[number >> 42]
    return _PACK4(low, next_, more[number >> 28 & 0x3FFF], more[number >> 42 & 0x3FFF]) + LAST14[number >> 56]


def i64(number: int) -> bytes:
    """A zig-zag varint; number: -2**63 to 2**63 - 1. The same for i32 and i16."""
    if 0 <= number < 1 << 13:
        return LAST14[number << 1]
    return long_varint(number << 1 if number >= 0 else (-number << 1) - 1)


def u64(bits: int) -> bytes:
    """An i64 that has these 64 bits, such as an id; bits: 0 to 2**64 - 1."""
    number = bits << 1 if bits < 1 << 63 else (~bits & _MASK64) << 1 | 1
    if number < 1 << 56:
        return long_varint(number)
    more = MORE14
    low, next_ = more[number & 0x3FFF], more[number >> 14 & 0x3FFF]
    return _PACK4(low, next_, more[number >> 28 & 0x3FFF], more[number >> 42 & 0x3FFF]) + LAST14[number >> 56]


def binary(data: bytes) -> bytes:
    """Bytes, or text in UTF-8, behind their length."""
    return varint(len(data)) + data


def double(number: float) -> bytes:
    """Eight bytes, little end first."""
    return _F64.pack(number)


def list_header(size: int, kind: int) -> bytes:
    """What comes before the elements of a list. kind: their type."""
    return bytes((size << 4 | kind,)) if size < 15 else bytes((0xF0 | kind,)) + varint(size)


def message_header(name: bytes, kind: int = ONE_WAY) -> bytes:
    """What comes before the arguments; sequence id 0."""
    return bytes((_PROTOCOL_ID, kind << 5 | _VERSION, 0)) + binary(name)


def read_message(data: bytes) -> tuple[bytes, Struct]:
    """Name and arguments of one message. Raises ThriftError."""
    if len(data) < 4 or data[0] != _PROTOCOL_ID or data[1] & 0x1F != _VERSION:
        raise ThriftError("not a message of the compact protocol, version 1")
    reader = _Reader(data, 2)
    reader.varint()  # the sequence id
    return reader.binary(), reader.struct(0)


def read_struct(data: bytes) -> Struct:
    """One struct without a message around it. Raises ThriftError."""
    return _Reader(data, 0).struct(0)


class _Reader:
    """Declared lengths are compared with what is left before anything is taken or begun."""

    def __init__(self, data: bytes, pos: int) -> None:
        self._data = data
        self._pos = pos
        self._left = MAX_VALUES

    def varint(self) -> int:
        data, pos = self._data, self._pos
        number = shift = 0
        while pos < len(data) and shift < 70:
            byte = data[pos]
            pos += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                self._pos = pos
                return number
            shift += 7
        raise cut_off()

    def binary(self) -> bytes:
        size = self.varint()
        return self._take(size)

    def struct(self, depth: int) -> Struct:
        if depth > MAX_DEPTH:
            raise too_deep()
        fields: Struct = {}
        field_id = 0
        while True:
            head = self._byte()
            kind = head & 0x0F
            if not kind:
                return fields
            field_id = field_id + (head >> 4) if head >> 4 else self._zigzag()
            fields[field_id] = kind == TRUE if kind <= FALSE else self._value(kind, depth)

    def _value(self, kind: int, depth: int) -> Value:
        self._left -= 1
        if self._left < 0:
            raise too_many()
        if kind == BINARY:
            return self.binary()
        if kind in {I16, I32, I64}:
            return self._zigzag()
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind in {LIST, SET}:
            return self._list(depth + 1)
        if kind == DOUBLE:
            return float(_F64.unpack(self._take(8))[0])
        if kind in {TRUE, FALSE}:  # in a list; in a struct the header says it all
            return self._byte() == TRUE
        if kind == BYTE:
            byte = self._byte()
            return byte - 256 if byte > 127 else byte
        if kind == MAP:
            return self._map(depth + 1)
        raise ThriftError(f"there is no type {kind}")

    def _list(self, depth: int) -> list[Value]:
        if depth > MAX_DEPTH:
            raise too_deep()
        head = self._byte()
        size = head >> 4
        if size == 15:
            size = self.varint()
        self._check_size(size)
        kind = head & 0x0F
        return [self._value(kind, depth) for _ in range(size)]

    def _map(self, depth: int) -> list[Value]:
        if depth > MAX_DEPTH:
            raise too_deep()
        size = self.varint()
        self._check_size(size)
        if not size:
            return []
        kinds = self._byte()
        flat: list[Value] = []
        for _ in range(size):
            flat.append(self._value(kinds >> 4, depth))
            flat.append(self._value(kinds & 0x0F, depth))
        return flat

    def _zigzag(self) -> int:
        number = self.varint() & _MASK64
        return number >> 1 ^ -(number & 1)

    def _byte(self) -> int:
        pos = self._pos
        if pos >= len(self._data):
            raise cut_off()
        self._pos = pos + 1
        return self._data[pos]

    def _take(self, size: int) -> bytes:
        pos = self._pos
        self._check_size(size)
        self._pos = pos + size
        return self._data[pos : pos + size]

    def _check_size(self, size: int) -> None:
        """size: bytes, or elements, each of which takes a byte at least."""
        if size > len(self._data) - self._pos:
            raise cut_off()
