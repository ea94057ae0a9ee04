# SPDX-License-Identifier: Apache-2.0
"""Protobuf's primitives for writing: varints, lengths and text that is always valid UTF-8.

Source: Protocol Buffers, "Encoding".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ONE_BYTE = tuple(bytes((n,)) for n in range(128))
_MORE_FOLLOWS = tuple(bytes((n | 0x80,)) for n in range(128))


def varint(number: int) -> bytes:
    """number: 0 to 2**64 - 1."""
    if number < 128:
        return _ONE_BYTE[number]
    if number < 16384:
        return _MORE_FOLLOWS[number & 0x7F] + _ONE_BYTE[number >> 7]
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def int64(number: int) -> bytes:
    """A varint of a signed number, -2**63 to 2**63 - 1."""
    return varint(number & 0xFFFF_FFFF_FFFF_FFFF)


def delimited(tag: bytes, payload: bytes) -> bytes:
    """tag, the payload's length, payload."""
    return tag + varint(len(payload)) + payload


def utf8(text: str) -> bytes:
    """UTF-8; each lone surrogate becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) of each field of a small message: an int for varints, else bytes.

    Raises ValueError for what is not a message; a declared length never allocates.
    """
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise ValueError("field number 0")
        if wire_type == 0:
            value, position = _read_varint(data, position)
            yield number, value
            continue
        if wire_type == 2:
            size, position = _read_varint(data, position)
        elif wire_type in {1, 5}:
            size = 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"wire type {wire_type}")
        if size > len(data) - position:
            raise ValueError("a field is longer than its message")
        yield number, data[position : position + size]
        position += size


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ValueError("a varint is cut short")
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFF_FFFF_FFFF_FFFF, position
    raise ValueError("a varint is too long")
