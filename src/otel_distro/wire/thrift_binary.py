# SPDX-License-Identifier: Apache-2.0
"""Thrift's binary protocol: primitives to write, and a reader.

Source: Apache Thrift, "Thrift Binary protocol encoding".
"""

from __future__ import annotations

import struct

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

BOOL, BYTE, DOUBLE, I16, I32, I64, BINARY, STRUCT, MAP, SET, LIST = 2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15
STOP = b"\x00"
ONE_WAY = 4

_VERSION_1 = 0x8001_0000
_I16 = struct.Struct(">h")
_I32 = struct.Struct(">i")
_U32 = struct.Struct(">I")
_I64 = struct.Struct(">q")
_F64 = struct.Struct(">d")
_FIELD = struct.Struct(">BH")
_LIST_HEADER = struct.Struct(">BI")
_FIXED = {BYTE: struct.Struct(">b"), I16: _I16, I32: _I32, I64: _I64}
_SMALLEST = {DOUBLE: 8, I16: 2, I32: 4, I64: 8, BINARY: 4, MAP: 6, SET: 5, LIST: 5}


def field(field_id: int, kind: int) -> bytes:
    """What comes before a field's value."""
    return _FIELD.pack(kind, field_id)


def i32(number: int) -> bytes:
    """number: -2**31 to 2**31 - 1."""
    return _I32.pack(number)


def i64(number: int) -> bytes:
    """number: -2**63 to 2**63 - 1."""
    return _I64.pack(number)


def double(number: float) -> bytes:
    """Eight bytes, big end first."""
    return _F64.pack(number)


def binary(data: bytes) -> bytes:
    """Bytes, or text in UTF-8, behind their length."""
    return _U32.pack(len(data)) + data


def list_header(size: int, kind: int) -> bytes:
    """What comes before the elements of a list. kind: their type."""
    return _LIST_HEADER.pack(kind, size)


def message_header(name: bytes, kind: int = ONE_WAY) -> bytes:
    """What comes before the arguments, in the strict form; sequence id 0."""
    return _U32.pack(_VERSION_1 | kind) + binary(name) + _U32.pack(0)


def read_message(data: bytes) -> tuple[bytes, Struct]:
    """Name and arguments of one message, in the strict or the old form. Raises ThriftError."""
    reader = _Reader(data)
    first = reader.unsigned()
    if first & 0x8000_0000:
        if first & 0xFFFF_0000 != _VERSION_1:
            raise ThriftError("not a message of the binary protocol, version 1")
        name = reader.binary()
    else:
        name = reader.take(first)
        reader.take(1)  # the message type
    reader.take(4)  # the sequence id
    return name, reader.struct(0)


def read_struct(data: bytes) -> Struct:
    """One struct without a message around it. Raises ThriftError."""
    return _Reader(data).struct(0)


class _Reader:
    """Declared lengths are compared with what is left before anything is taken or begun."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pos = 0
        self._left = MAX_VALUES

    def unsigned(self) -> int:
        return int(_U32.unpack(self.take(4))[0])

    def binary(self) -> bytes:
        return self.take(self.unsigned())

    def take(self, size: int) -> bytes:
        pos = self._pos
        if size > len(self._data) - pos:
            raise cut_off()
        self._pos = pos + size
        return self._data[pos : pos + size]

    def struct(self, depth: int) -> Struct:
        if depth > MAX_DEPTH:
            raise too_deep()
        fields: Struct = {}
        while True:
            kind = self.take(1)[0]
            if not kind:
                return fields
            field_id = int(_I16.unpack(self.take(2))[0])
            fields[field_id] = self._value(kind, depth)

    def _value(self, kind: int, depth: int) -> Value:
        self._left -= 1
        if self._left < 0:
            raise too_many()
        if kind == BINARY:
            return self.binary()
        fixed = _FIXED.get(kind)
        if fixed is not None:
            return int(fixed.unpack(self.take(fixed.size))[0])
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind in {LIST, SET}:
            kinds = tuple(self.take(1))
        elif kind == MAP:
            kinds = tuple(self.take(2))
        elif kind == BOOL:
            return self.take(1) != b"\x00"
        elif kind == DOUBLE:
            return float(_F64.unpack(self.take(8))[0])
        else:
            raise ThriftError(f"there is no type {kind}")
        return self._collection(kinds, depth + 1)

    def _collection(self, kinds: tuple[int, ...], depth: int) -> list[Value]:
        if depth > MAX_DEPTH:
            raise too_deep()
        size = self.unsigned()
        smallest = sum(_SMALLEST.get(kind, 1) for kind in kinds)
        if size * smallest > len(self._data) - self._pos:
            raise cut_off()
        return [self._value(kind, depth) for _ in range(size) for kind in kinds]
