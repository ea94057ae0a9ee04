# SPDX-License-Identifier: Apache-2.0
"""Cleaning of odd values, and what is remembered for the sake of speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import SpanLimits

from otel_distro.pipeline import span_limits
from otel_distro.pipeline.span_limits import Limits

if TYPE_CHECKING:
    import pytest

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(VALUES, st.integers(0, 20))
def test_clean_values_are_plain_and_short(value: Any, max_text: int) -> None:
    """Nothing but None, bool, int, float, str, bytes, tuple and dict of text keys; no text over the limit."""

    def check(cleaned: Any) -> None:
        assert type(cleaned) in {type(None), bool, int, float, str, bytes, tuple, dict}
        if isinstance(cleaned, str):
            assert len(cleaned) <= max_text
        elif isinstance(cleaned, tuple):
            for item in cleaned:
                check(item)
        elif isinstance(cleaned, dict):
            for key, item in cleaned.items():
                assert type(key) is str
                check(item)

    check(span_limits.clean(value, max_text))
    assert span_limits.size_of(span_limits.clean(value, max_text)) >= 0


def test_limits_of_none_are_no_limits() -> None:
    """The SDK's UNSET; yet a text is never longer than what always holds."""
    unset = SpanLimits.UNSET
    limits = Limits(SpanLimits(unset, unset, unset, unset, unset, unset, unset, unset))
    assert min(limits.attributes, limits.events, limits.links, limits.event_attributes) > 10**9
    assert (limits.text, limits.nested_text, limits.short) == (1 << 20, 1 << 20, 256)
    assert Limits(SpanLimits(max_span_attribute_length=10)).short == 10


def test_known_keys_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app that invents keys does not fill the memory; keys that are none are never learnt."""
    monkeypatch.setattr(span_limits, "known_keys", set())
    assert span_limits.learn_keys([f"key {number}" for number in range(10_000)])
    assert span_limits.learn_keys(["x" * 1_000_000])
    assert not span_limits.learn_keys([1])
    assert not span_limits.learn_keys([""])
    assert len(span_limits.known_keys) == 4096
    assert max(map(len, span_limits.known_keys)) < 257
