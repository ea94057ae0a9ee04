# SPDX-License-Identifier: Apache-2.0
"""Attributes -> Jaeger tags, remembering those that repeat.

Every attribute is three dict look-ups (type, key, value) that end in ready-made bytes; what is not yet known
is made by the `__missing__` of the dict where the look-up failed. Values are remembered within bounds.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from otel_distro.wire.jaeger_formats import BINARY, BOOL, DOUBLE, LONG, STRING
from otel_distro.wire.otlp_mend import text_of
from otel_distro.wire.protobuf import utf8

if TYPE_CHECKING:
    from otel_distro.wire.jaeger_formats import Format

_MAX_KEYS = 1024
_MAX_VALUES_PER_KEY = 256
_MAX_VALUES = 16_384
_MAX_REMEMBERED_BYTES = 96
_MIN_I64, _MAX_I64 = -(1 << 63), (1 << 63) - 1


class Tags(dict[type, Any]):
    """`tags[type(value)][key][value]` is the tag, as Format.tag gives it."""

    __slots__ = ("_format", "left")

    def __init__(self, wire_format: Format) -> None:
        super().__init__()
        self._format = wire_format
        self.left = _MAX_VALUES
        self[str] = _Keys(_Strings, wire_format, self)
        self[int] = _Keys(_Integers, wire_format, self)
        self[bool] = _Keys(_Booleans, wire_format, self)
        self[float] = _Keys(_Doubles, wire_format, self)

    def __missing__(self, cls: type) -> _Other:
        return _Other(self._format)

    def of(self, attributes: Mapping[Any, Any] | None) -> list[bytes]:
        """A tag for each attribute. Raises what odd keys and values raise."""
        return [self[type(v)][k][v] for k, v in attributes.items()] if attributes else []


class _Keys(dict[Any, Any]):
    __slots__ = ("_format", "_tags", "_values")

    def __init__(self, values: type[_Values], wire_format: Format, tags: Tags) -> None:
        super().__init__()
        self._values = values
        self._format = wire_format
        self._tags = tags

    def __missing__(self, key: Any) -> _Values:
        values = self._values(utf8(text_of(key)), self._format, self._tags)
        if len(self) < _MAX_KEYS and len(values.key) <= 2 * _MAX_REMEMBERED_BYTES:
            self[key] = values
        return values


class _Values(dict[Any, bytes]):
    """All tags with one key and one kind of value."""

    __slots__ = ("_tags", "format", "heads", "key", "tail")
    kind = STRING

    def __init__(self, key: bytes, wire_format: Format, tags: Tags) -> None:
        super().__init__()
        self.key = key
        self.format = wire_format
        self.tail = wire_format.tail
        self._tags = tags
        self.heads: dict[int, bytes] = {}  # all that comes before a payload of so many bytes

    def head(self, size: int) -> bytes:
        head = self.format.head(self.key, self.kind, size)
        if size <= _MAX_REMEMBERED_BYTES:
            self.heads[size] = head
        return head

    def remember(self, value: Any, tag: bytes) -> None:
        if self._tags.left > 0:
            self._tags.left -= 1
            self[value] = tag


class _Strings(_Values):
    __slots__ = ()

    def __missing__(self, value: str) -> bytes:
        try:
            text = value.encode()
        except UnicodeEncodeError:
            text = utf8(value)
        size = len(text)
        tag = (self.heads.get(size) or self.head(size)) + text + self.tail
        if len(self) < _MAX_VALUES_PER_KEY and size <= _MAX_REMEMBERED_BYTES:
            self.remember(value, tag)
        return tag


class _Integers(_Values):
    __slots__ = ()
    kind = LONG

    def __missing__(self, value: int) -> bytes:
        if not _MIN_I64 <= value <= _MAX_I64:
            return _integer(self.format, self.key, value)
        payload = self.format.long(value)
        size = len(payload)
        tag = (self.heads.get(size) or self.head(size)) + payload + self.tail
        if len(self) < _MAX_VALUES_PER_KEY:
            self.remember(value, tag)
        return tag


class _Booleans(_Values):
    __slots__ = ()
    kind = BOOL

    def __missing__(self, value: bool) -> bytes:
        self[value] = tag = self.format.tag(self.key, BOOL, value)
        return tag


class _Doubles(_Values):
    """Not remembered: 0.0 equals -0.0, and measured values hardly repeat."""

    __slots__ = ()
    kind = DOUBLE

    def __missing__(self, value: float) -> bytes:
        payload = self.format.double(value)
        size = len(payload)
        return (self.heads.get(size) or self.head(size)) + payload + self.tail


class _Other:
    """Values of all other types: made anew each time."""

    __slots__ = ("_format",)

    def __init__(self, wire_format: Format) -> None:
        self._format = wire_format

    def __getitem__(self, key: Any) -> _OtherValue:
        return _OtherValue(self._format, utf8(text_of(key)))


class _OtherValue:
    __slots__ = ("_format", "_key")

    def __init__(self, wire_format: Format, key: bytes) -> None:
        self._format = wire_format
        self._key = key

    def __getitem__(self, value: Any) -> bytes:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._format.tag(self._key, BINARY, bytes(value))
        if isinstance(value, str):
            return self._format.tag(self._key, STRING, utf8(value))
        if isinstance(value, int):
            return _integer(self._format, self._key, value)
        if isinstance(value, float):
            return self._format.tag(self._key, DOUBLE, value)
        return self._format.tag(self._key, STRING, utf8(as_text(value)))


def _integer(wire_format: Format, key: bytes, value: int) -> bytes:
    if _MIN_I64 <= value <= _MAX_I64:
        return wire_format.tag(key, LONG, value)
    return wire_format.tag(key, STRING, text_of(value).encode())  # too long for int64: its decimal digits


def as_text(value: Any) -> str:
    """Arrays and mappings as JSON, None as nothing, anything else as its own text."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple, Mapping)):
        try:
            plain = dict(value) if isinstance(value, Mapping) else value
            return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), default=_plain)
        except (TypeError, ValueError, RecursionError):
            return text_of(value)  # keys that JSON has no form for, or a value that holds itself
    return text_of(value)


def _plain(value: Any) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode("ascii")
    return text_of(value)
