# SPDX-License-Identifier: Apache-2.0
"""wire/thrift_compact.py and wire/thrift_binary.py: what is written is read, and junk does no harm."""

from __future__ import annotations

import struct
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.wire import thrift_binary, thrift_compact
from otel_distro.wire.protobuf import varint
from otel_distro.wire.thrift import ThriftError

if TYPE_CHECKING:
    from collections.abc import Callable

I64 = st.integers(-(1 << 63), (1 << 63) - 1)
READERS = [
    thrift_compact.read_struct,
    thrift_binary.read_struct,
    thrift_compact.read_message,
    thrift_binary.read_message,
]


@given(I64)
def test_i64(number: int) -> None:
    """All 64 bits, in both protocols."""
    compact = b"\x16" + thrift_compact.i64(number) + b"\x00"
    binary = thrift_binary.field(1, thrift_binary.I64) + thrift_binary.i64(number) + b"\x00"
    assert {1: number} == thrift_compact.read_struct(compact)
    assert {1: number} == thrift_binary.read_struct(binary)


@given(st.integers(0, (1 << 64) - 1))
def test_ids_keep_their_bits(bits: int) -> None:
    """An unsigned id is the i64 of the same bits."""
    found = thrift_compact.read_struct(b"\x16" + thrift_compact.u64(bits) + b"\x00")[1]
    assert isinstance(found, int)
    assert bits == found & (1 << 64) - 1


@given(st.integers(0, (1 << 64) - 1))
def test_long_varint_is_varint(number: int) -> None:
    """The quick way gives the same bytes, at all lengths."""
    for shifted in (number >> shift for shift in range(0, 64, 7)):
        assert varint(shifted) == thrift_compact.long_varint(shifted)


@given(st.floats(), st.binary(max_size=300), st.booleans())
def test_other_values(number: float, data: bytes, flag: bool) -> None:
    """Doubles, bytes and booleans."""
    compact = thrift_compact.read_struct(
        b"\x17"
        + thrift_compact.double(number)
        + b"\x18"
        + thrift_compact.binary(data)
        + (b"\x11" if flag else b"\x12")
        + b"\x00"
    )
    binary = thrift_binary.read_struct(
        thrift_binary.field(1, thrift_binary.DOUBLE)
        + thrift_binary.double(number)
        + thrift_binary.field(2, thrift_binary.BINARY)
        + thrift_binary.binary(data)
        + thrift_binary.field(3, thrift_binary.BOOL)
        + (b"\x01" if flag else b"\x00")
        + b"\x00"
    )
    for found in (compact, binary):
        assert struct.pack(">d", number) == struct.pack(">d", found[1]) or number != number  # noqa: PLR0124 (NaN)
        assert (data, flag) == (found[2], found[3])


@given(st.lists(I64, max_size=40))
def test_lists(numbers: list[int]) -> None:
    """Below and above the fifteen that fit into the compact header."""
    compact = b"\x19" + thrift_compact.list_header(len(numbers), thrift_compact.I64)
    compact += b"".join(map(thrift_compact.i64, numbers)) + b"\x00"
    binary = thrift_binary.field(1, thrift_binary.LIST) + thrift_binary.list_header(len(numbers), thrift_binary.I64)
    binary += b"".join(map(thrift_binary.i64, numbers)) + b"\x00"
    assert {1: numbers} == thrift_compact.read_struct(compact) == thrift_binary.read_struct(binary)


def test_values_of_other_kinds_are_read_too() -> None:
    """Maps, sets, bytes, shorts and far field ids, which Jaeger does not send, do not confuse the rest."""
    compact = (
        b"\x0b\xc8\x01" + b"\x01\x83" + b"\x01k" + b"\xff"  # field 100: map of one binary to byte
        b"\x1a\x21\x01\x02" + b"\x14\x05" + b"\x1b\x00" + b"\x00"  # set of two booleans, i16 -3, empty map
    )
    assert {100: [b"k", -1], 101: [True, False], 102: -3, 103: []} == thrift_compact.read_struct(compact)
    binary = (
        b"\x0d\x00\x64\x0b\x03\x00\x00\x00\x01\x00\x00\x00\x01k\xff"
        b"\x0e\x00\x65\x02\x00\x00\x00\x02\x01\x00" + b"\x06\x00\x66\xff\xfd" + b"\x00"
    )
    assert {100: [b"k", -1], 101: [True, False], 102: -3} == thrift_binary.read_struct(binary)


def test_messages_in_the_old_form() -> None:
    """The binary protocol without version, as old clients write it."""
    assert (b"emitBatch", {}) == thrift_binary.read_message(b"\x00\x00\x00\x09emitBatch\x04\x00\x00\x00\x00\x00")
    assert (b"x", {}) == thrift_binary.read_message(thrift_binary.message_header(b"x") + b"\x00")
    assert (b"x", {}) == thrift_compact.read_message(thrift_compact.message_header(b"x") + b"\x00")


@pytest.mark.parametrize("read", READERS)
@given(data=st.binary(max_size=200))
def test_random_bytes(read: Callable[[bytes], Any], data: bytes) -> None:
    """ThriftError, or a value; nothing else."""
    try:
        read(data)
    except ThriftError:
        pass  # said in words what is wrong


HOSTILE = {
    "compact list of 2**31": (thrift_compact.read_struct, b"\x19\xf6\xff\xff\xff\xff\x07" + b"\x02" * 10),
    "compact text of 2**40": (thrift_compact.read_struct, b"\x18\xff\xff\xff\xff\xff\x1f"),
    "compact map of 2**31": (thrift_compact.read_struct, b"\x1b\xff\xff\xff\xff\x07\x66"),
    "compact endless varint": (thrift_compact.read_struct, b"\x16" + b"\xff" * 1000),
    "compact nested structs": (thrift_compact.read_struct, b"\x1c" * 5000),
    "compact nested lists": (thrift_compact.read_struct, b"\x19" + b"\x19" * 5000),
    "compact no stop": (thrift_compact.read_struct, b"\x16\x02"),
    "compact type 13": (thrift_compact.read_struct, b"\x1d\x00"),
    "compact other version": (thrift_compact.read_message, b"\x82\x82\x00\x00\x00"),
    "binary list of 2**31": (thrift_binary.read_struct, b"\x0f\x00\x01\x0a\x7f\xff\xff\xff" + b"\x02" * 10),
    "binary list of 2**32-1": (thrift_binary.read_struct, b"\x0f\x00\x01\x02\xff\xff\xff\xff" + b"\x02" * 10),
    "binary text of 2**31": (thrift_binary.read_struct, b"\x0b\x00\x01\x7f\xff\xff\xff"),
    "binary nested structs": (thrift_binary.read_struct, b"\x0c\x00\x01" * 5000),
    "binary nested lists": (thrift_binary.read_struct, b"\x0f\x00\x01" + b"\x0f\x00\x00\x00\x01" * 5000),
    "binary no stop": (thrift_binary.read_struct, b"\x0a\x00\x01" + b"\x00" * 8),
    "binary type 1": (thrift_binary.read_struct, b"\x01\x00\x01"),
    "binary other version": (thrift_binary.read_message, b"\x80\x02\x00\x01" + b"\x00" * 20),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input(name: str) -> None:
    """Refused without taking memory for what it only declares."""
    read, data = HOSTILE[name]
    tracemalloc.start()
    try:
        with pytest.raises(ThriftError):
            read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("read", "head"),
    [
        (thrift_compact.read_struct, b"\x19\xfc\x80\x80\x80\x01"),
        (thrift_binary.read_struct, b"\x0f\x00\x01\x0c\x00\x20\x00\x00"),
    ],
)
def test_a_million_empty_structs(read: Callable[[bytes], Any], head: bytes) -> None:
    """One byte each, so the number of values is bounded as well."""
    with pytest.raises(ThriftError, match="more than 500000 values"):
        read(head + b"\x00" * (1 << 21))
