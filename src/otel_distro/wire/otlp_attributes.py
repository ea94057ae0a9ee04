# SPDX-License-Identifier: Apache-2.0
"""Attributes -> KeyValue messages, remembered within bounds.

Pairs()[type of the value][key][value] is the KeyValue message behind its length, without its tag; what is not
known yet is made by the `__missing__` of the dict where the look-up failed.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from otel_distro.wire.otlp_mend import text_of
from otel_distro.wire.protobuf import delimited, int64, utf8, varint

_MAX_KEYS = 1024
_MAX_VALUES_PER_KEY = 256
_MAX_VALUES = 16_384
_MAX_DEPTH = 32
MAX_REMEMBERED_BYTES = 96

_DOUBLE = struct.Struct("<Bd").pack


class Pairs(dict[type, Any]):
    """The first of the three look-ups. For one thread at a time."""

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


class _Budget:
    """How many more values may be remembered, over all keys."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = _MAX_VALUES


class _Keys(dict[Any, Any]):
    __slots__ = ("_budget", "_values")

    def __init__(self, values: type[_Values], budget: _Budget) -> None:
        super().__init__()
        self._values = values
        self._budget = budget

    def __missing__(self, key: Any) -> _Values:
        values = self._values(utf8(text_of(key)), self._budget)
        if len(self) < _MAX_KEYS and len(values.prefix) <= 2 * MAX_REMEMBERED_BYTES:
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
            if size <= MAX_REMEMBERED_BYTES:
                self._heads[size] = head
        encoded = head + text
        if size <= MAX_REMEMBERED_BYTES and len(self) < _MAX_VALUES_PER_KEY:
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
