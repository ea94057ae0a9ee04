# SPDX-License-Identifier: Apache-2.0
"""propagators/ottrace.py."""

from __future__ import annotations

import pytest
from opentelemetry import baggage, trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from otel_distro.propagators.ottrace import OtTracePropagator

T, S = "80f198ee56343ba864fe8b2a57d3eff7", "e457b5a2e4d86bd1"


def headers(trace_id: str = T, span_id: str = S, sampled: str = "true", **more: str) -> dict[str, str]:
    ids = {"ot-tracer-traceid": trace_id, "ot-tracer-spanid": span_id, "ot-tracer-sampled": sampled}
    return ids | {name.replace("_", "-"): value for name, value in more.items()}


@pytest.mark.parametrize(
    ("text", "sampled"), [("true", True), ("TRUE", True), ("1", True), ("false", False), ("", False)]
)
@pytest.mark.parametrize("trace_id", [T, T[16:]])
def test_extract(trace_id: str, text: str, sampled: bool) -> None:
    """Ids of 64 and 128 bits, and baggage in percent encoding."""
    context = OtTracePropagator().extract(
        headers(trace_id, sampled=text, ot_baggage_a="b%20c", **{"OT-Baggage-D": "e"})
    )
    span = trace.get_current_span(context).get_span_context()
    assert (int(trace_id, 16), int(S, 16), sampled) == (span.trace_id, span.span_id, span.trace_flags.sampled)
    assert {"a": "b c", "d": "e"} == dict(baggage.get_all(context))


@pytest.mark.parametrize(("flags", "text"), [(0, "false"), (1, "true"), (2, "false"), (3, "true")])
def test_inject(flags: int, text: str) -> None:
    """Only the sampled bit counts; the low 64 bits of the trace id go out."""
    span = NonRecordingSpan(SpanContext(int(T, 16), int(S, 16), False, TraceFlags(flags)))
    context = baggage.set_baggage("a", "b\r\nc", trace.set_span_in_context(span, Context()))
    carrier: dict[str, str] = {}
    OtTracePropagator().inject(carrier, context)
    assert headers(T[16:], S, text, ot_baggage_a="b%0D%0Ac") == carrier


@pytest.mark.parametrize(
    "found",
    [
        {},
        headers("x"),
        headers(T[:-1]),
        headers("0" * 32),
        headers(span_id="0" * 16),
        headers(span_id="x"),
        {"ot-baggage-a": "b"},
    ],
)
def test_invalid_headers_are_ignored(found: dict[str, str]) -> None:
    """A new trace begins; baggage needs a trace."""
    assert Context() == OtTracePropagator().extract(found)


def test_nothing_is_injected_without_a_span() -> None:
    """Baggage needs a trace here."""
    carrier: dict[str, str] = {}
    OtTracePropagator().inject(carrier, baggage.set_baggage("a", "b", Context()))
    assert {} == carrier
