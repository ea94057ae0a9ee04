# SPDX-License-Identifier: Apache-2.0
"""Protobuf's primitives for writing: varints, lengths and text that is always valid UTF-8.

Source: Protocol Buffers, "Encoding".
"""

from __future__ import annotations

_ONE_BYTE = tuple(bytes((n,)) for n in range(128))
_TWO_BYTES = tuple(bytes((n & 0x7F | 0x80, n >> 7)) for n in range(128, 16384))


def varint(number: int) -> bytes:
    """number: 0 to 2**64 - 1."""
    if number < 128:
        return _ONE_BYTE[number]
    if number < 16384:
        return _TWO_BYTES[number - 128]
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
