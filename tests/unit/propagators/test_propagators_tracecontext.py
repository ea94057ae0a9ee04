# SPDX-License-Identifier: Apache-2.0
"""propagators/tracecontext.py against the W3C Recommendation."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.span import TraceState

from otel_distro.propagators.tracecontext import TraceContextPropagator

T, S = "12345678901234567890123456789012", "1234567890123456"
VALID = f"00-{T}-{S}-01"


def extracted(headers: dict[str, str | list[str]]) -> SpanContext:
    return trace.get_current_span(TraceContextPropagator().extract(headers)).get_span_context()


@pytest.mark.parametrize(
    "value",
    [
        VALID,
        f"\t {VALID} \t",
        f"cc-{T}-{S}-01",
        f"cc-{T}-{S}-01-what-the-future-will-be-like",
        f"00-{T}-{S}-ff",
    ],
)
def test_valid_traceparent(value: str) -> None:
    """Blanks around it and later versions are taken."""
    found = extracted({"traceparent": value})
    assert (int(T, 16), int(S, 16), True) == (found.trace_id, found.span_id, found.is_remote)


@pytest.mark.parametrize(
    "value",
    [
        *(f"ff-{T}-{S}-01", f"00-{T}-{S}-01.", f"00-{T}-{S}-01-x", f"cc-{T}-{S}-01.x", f".0-{T}-{S}-01"),
        *(f"0-{T}-{S}-01", f"000-{T}-{S}-01", f"00-{'0' * 32}-{S}-01", f"00-{T}-{'0' * 16}-01"),
        *(f"00-{T[:-1]}-{S}-01", f"00-{T}1-{S}-01", f"00-{T[:-1]}.-{S}-01", f"00-{T}-{S[:-1]}-01"),
        *(f"00-{T}-{S}-1", f"00-{T}-{S}-001", f"00-{T}-{S}-0.", f"00-{T.replace('9', 'A')}-{S}-01", "", VALID + "\n"),
        f"{VALID},{VALID}",
    ],
)
def test_invalid_traceparent_starts_a_new_trace(value: str) -> None:
    """Section 3.2.2: no part of it is used."""
    assert not extracted({"traceparent": value, "tracestate": "a=1"}).is_valid


def test_two_traceparents_start_a_new_trace() -> None:
    """Which one is true cannot be known."""
    assert not extracted({"traceparent": [VALID, VALID]}).is_valid


def test_only_known_flags_are_kept() -> None:
    """Level 2 knows sampled and random; others must be zero on the way out."""
    assert 3 == extracted({"traceparent": f"00-{T}-{S}-ff"}).trace_flags
    assert 2 == extracted({"traceparent": f"00-{T}-{S}-fe"}).trace_flags


KEY_CHARS = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["foo=1,bar=2"], {"foo": "1", "bar": "2"}),
        (["foo=1 \t , \t bar=2, \t baz=3"], {"foo": "1", "bar": "2", "baz": "3"}),
        (["foo=1", "", "bar=2"], {"foo": "1", "bar": "2"}),
        (["foo=1", "z" * 256 + "=1"], {"foo": "1", "z" * 256: "1"}),
        (["t" * 241 + "@" + "v" * 14 + "=1"], {"t" * 241 + "@" + "v" * 14: "1"}),
        ([KEY_CHARS + "= !x"], {KEY_CHARS: " !x"}),
        (["0" + KEY_CHARS + "@a=1"], {"0" + KEY_CHARS + "@a": "1"}),
        (["a=" + "v" * 256], {"a": "v" * 256}),
        ([",".join(f"bar{i:02}={i}" for i in range(32))], {f"bar{i:02}": str(i) for i in range(32)}),
    ],
)
def test_valid_tracestate(headers: list[str], expected: dict[str, str]) -> None:
    """Members of all headers, in their order."""
    state = extracted({"traceparent": VALID, "tracestate": headers}).trace_state
    assert list(expected.items()) == list(state.items())


@pytest.mark.parametrize(
    "headers",
    [
        *(["foo=1,foo=1"], ["foo=1,foo=2"], ["foo=1", "foo=2"], ["foo =1"], ["FOO=1"], ["foo.bar=1"]),
        *(["foo@=1,bar=2"], ["@foo=1,bar=2"], ["foo@@bar=1,bar=2"], ["foo@bar@baz=1,bar=2"]),
        *(["foo=1", "z" * 257 + "=1"], ["foo=1", "t" * 242 + "@v=1"], ["foo=1", "t@" + "v" * 15 + "=1"]),
        *(["foo=bar=baz"], ["foo=,bar=3"], ["a=" + "v" * 257], ["0a=1"], ["a=ü"], ["a=1\r\nx: y"], ["a"]),
        [",".join(f"bar{i:02}={i}" for i in range(33))],
        [",".join(f"bar{i:02}={'x' * 255}" for i in range(32))],
    ],
)
def test_invalid_tracestate_is_dropped_alone(headers: list[str]) -> None:
    """Section 3.3.1: the traceparent stays."""
    found = extracted({"traceparent": VALID, "tracestate": headers})
    assert (int(T, 16), {}) == (found.trace_id, dict(found.trace_state))


def injected(flags: int, state: TraceState | None = None) -> dict[str, str]:
    span = NonRecordingSpan(SpanContext(int(T, 16), int(S, 16), False, TraceFlags(flags), state))
    carrier: dict[str, str] = {}
    TraceContextPropagator().inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier


@pytest.mark.parametrize(("flags", "text"), [(0, "00"), (1, "01"), (3, "03"), (0xFF, "03")])
def test_inject(flags: int, text: str) -> None:
    """Version 00, 55 characters."""
    assert {"traceparent": f"00-{T}-{S}-{text}"} == injected(flags)


def test_nothing_is_injected_without_a_span() -> None:
    """No span, no header."""
    carrier: dict[str, str] = {}
    TraceContextPropagator().inject(carrier, Context())
    assert {} == carrier


def test_large_members_leave_first() -> None:
    """Section 3.3.1.5: over the limit, members over 128 characters go, the others stay whole."""
    large = [(f"{'k' * 100}{i:02}", "v" * 256) for i in range(31)]
    assert "small=1" == injected(1, TraceState([*large, ("small", "1")]))["tracestate"]
    assert 20 == len(injected(1, TraceState(large[:20]))["tracestate"].split(","))
