# SPDX-License-Identifier: Apache-2.0
"""propagators/b3.py: what comes in, what goes out, and what the sampler is asked for."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.context import Context, get_value

from otel_distro.propagators.b3 import B3MultiPropagator, B3Propagator
from otel_distro.runtime.sampling_request import REQUEST_KEY, SamplingRequest

T, T64, S = "80f198ee56343ba864fe8b2a57d3eff7", "64fe8b2a57d3eff7", "e457b5a2e4d86bd1"
LONG, SHORT = int(T, 16), int(T64, 16)


def passed_on(headers: dict[str, str], propagator: B3Propagator | None = None) -> dict[str, str]:
    context = B3Propagator().extract(headers)
    carrier: dict[str, str] = {}
    (propagator or B3Propagator()).inject(carrier, context)
    return carrier


@pytest.mark.parametrize(
    ("value", "trace_id", "sampled", "out"),
    [
        (f"{T}-{S}-1", LONG, True, f"{T}-{S}-1"),
        (f"{T}-{S}-1-05e3ac9a4f6e3b90", LONG, True, f"{T}-{S}-1"),
        (f"{T}-{S}-0", LONG, False, f"{T}-{S}-0"),
        (f"{T}-{S}-d", LONG, True, f"{T}-{S}-d"),
        (f"{T.upper()}-{S}-1", LONG, True, f"{T}-{S}-1"),
        (f"{T64}-{S}-1", SHORT, True, f"{T64.zfill(32)}-{S}-1"),
        (f"{T}-{S}", LONG, True, f"{T}-{S}"),
    ],
)
def test_single_header(value: str, trace_id: int, sampled: bool, out: str) -> None:
    """Short ids are padded, debug stays debug, an open decision stays open, the parent id goes."""
    span = trace.get_current_span(B3Propagator().extract({"b3": value})).get_span_context()
    assert (trace_id, int(S, 16), sampled, True) == (
        span.trace_id,
        span.span_id,
        span.trace_flags.sampled,
        span.is_remote,
    )
    assert {"b3": out} == passed_on({"b3": value})


@pytest.mark.parametrize(
    ("state", "out"),
    [
        ({"x-b3-sampled": "1"}, {"x-b3-sampled": "1"}),
        ({"x-b3-sampled": "true"}, {"x-b3-sampled": "1"}),
        ({"x-b3-sampled": "0"}, {"x-b3-sampled": "0"}),
        ({"x-b3-sampled": "False"}, {"x-b3-sampled": "0"}),
        ({"x-b3-flags": "1"}, {"x-b3-flags": "1"}),
        ({"x-b3-flags": "1", "x-b3-sampled": "0"}, {"x-b3-flags": "1"}),
        ({}, {}),
    ],
)
def test_several_headers(state: dict[str, str], out: dict[str, str]) -> None:
    """As with one header; debug beats sampled."""
    ids = {"x-b3-traceid": T, "x-b3-spanid": S}
    assert ids | out == passed_on(ids | state, B3MultiPropagator())


def test_single_header_comes_first() -> None:
    """OpenTelemetry, "B3 Extract": it takes precedence; an invalid one does not."""
    several = {"x-b3-traceid": "1" * 32, "x-b3-spanid": "2" * 16, "x-b3-sampled": "0"}
    assert {"b3": f"{T}-{S}-1"} == passed_on({**several, "b3": f"{T}-{S}-1"})
    assert {"b3": f"{'1' * 32}-{'2' * 16}-0"} == passed_on({**several, "b3": "junk"})


@pytest.mark.parametrize(
    ("headers", "sampled", "out"),
    [
        ({"b3": "0"}, False, "0"),
        ({"b3": "1"}, True, "1"),
        ({"b3": "d"}, True, "1"),
        ({"x-b3-sampled": "0"}, False, "0"),
        ({"x-b3-sampled": "1"}, True, "1"),
    ],
)
def test_a_bare_decision_is_a_request(headers: dict[str, str], sampled: bool, out: str) -> None:
    """Without ids there is no parent, but the next root span is asked for or refused."""
    context = B3Propagator().extract(headers)
    request = get_value(REQUEST_KEY, context)
    assert isinstance(request, SamplingRequest)
    assert (sampled, 0) == (request.sampled, request.trace_id)
    assert not trace.get_current_span(context).get_span_context().is_valid
    assert {"b3": out} == passed_on(headers)


def test_an_open_decision_is_the_root_samplers() -> None:
    """Without a state the caller defers to us."""
    request = get_value(REQUEST_KEY, B3Propagator().extract({"b3": f"{T}-{S}"}))
    assert SamplingRequest(None, LONG) == request


@pytest.mark.parametrize(
    "headers",
    [
        *({"b3": f"{T}-{S}-x"}, {"b3": f"{T}"}, {"b3": f"{T}0-{S}-1"}, {"b3": f"{'0' * 32}-{S}-1"}, {"b3": ""}),
        *({"b3": f"{T}-{'0' * 16}-1"}, {"x-b3-traceid": T}, {"x-b3-traceid": "x", "x-b3-spanid": S}, {}),
        {"x-b3-spanid": S},
    ],
)
def test_invalid_headers_are_ignored(headers: dict[str, str]) -> None:
    """A new trace begins, and nothing is passed on."""
    assert Context() == B3Propagator().extract(headers)


def test_fields() -> None:
    """What a carrier must be cleared of before it is used again."""
    assert {"b3"} == B3Propagator().fields
    assert {"x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"} == B3MultiPropagator().fields
