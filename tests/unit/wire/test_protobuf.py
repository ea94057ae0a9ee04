# SPDX-License-Identifier: Apache-2.0
"""Protobuf's primitives."""

from __future__ import annotations

import pytest
from google.protobuf.internal.encoder import _EncodeVarint
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.wire.protobuf import delimited, fields, int64, utf8, varint


@given(st.integers(0, 2**64 - 1))
def test_varint_is_googles(number: int) -> None:
    expected: list[bytes] = []
    _EncodeVarint(expected.append, number)
    assert b"".join(expected) == varint(number)
    assert [(1, number)] == list(fields(b"\x08" + varint(number)))


def test_a_negative_number_takes_ten_bytes() -> None:
    assert int64(-1) == b"\xff" * 9 + b"\x01"


@given(st.text(st.characters()))
def test_text_is_always_utf8(text: str) -> None:
    decoded = utf8(text).decode()
    assert [c if not "\ud800" <= c <= "\udfff" else "?" for c in decoded] == list(decoded)


def test_two_halves_of_a_pair_become_their_character() -> None:
    assert utf8("\ud83d\ude00").decode() == "\U0001f600"


@given(st.binary())
def test_reading_what_is_not_protobuf_raises_only_value_error(data: bytes) -> None:
    try:
        list(fields(data))
    except ValueError:
        pass  # the one error that is promised


def test_a_declared_length_is_checked_before_it_is_used() -> None:
    with pytest.raises(ValueError, match="longer than its message"):
        list(fields(b"\x0a" + varint(2**60)))


def test_a_field_is_tag_length_payload() -> None:
    assert delimited(b"\x0a", b"abc") == b"\x0a\x03abc"
    assert list(fields(b"\x0a\x03abc\x11\0\0\0\0\0\0\xf0?")) == [(1, b"abc"), (2, b"\0\0\0\0\0\0\xf0?")]
