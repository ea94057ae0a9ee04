# SPDX-License-Identifier: Apache-2.0
"""propagators/jaeger.py against the golden vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry.context import Context, get_value, set_value
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from otel_distro.propagators.jaeger import JaegerPropagator
from otel_distro.runtime.sampling_request import DEBUG_KEY, DebugFlags
from otel_distro.samplers.requested import RequestedSampler

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "jaeger.json").read_text())["propagation"]
T, S = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize("vector", GOLDEN["extract"], ids=lambda vector: json.dumps(vector["headers"]))
def test_extract(vector: dict[str, Any]) -> None:
    """Ids, decision, debug, baggage and what is asked of the next root span."""
    context = JaegerPropagator().extract(vector["headers"])
    span = trace.get_current_span(context).get_span_context()
    assert vector["baggage"] == dict(baggage.get_all(context))
    assert (vector["trace_id"] is not None) == span.is_valid
    if span.is_valid:
        assert (vector["trace_id"], vector["span_id"]) == (f"{span.trace_id:032x}", f"{span.span_id:016x}")
        kept = get_value(DEBUG_KEY, context)
        debug = isinstance(kept, DebugFlags) and bool(kept.flags & 2)
        assert (vector["sampled"], vector["debug"], True) == (span.trace_flags.sampled, debug, span.is_remote)
    if "next_root" in vector:
        tracer = TracerProvider(sampler=RequestedSampler(ALWAYS_OFF)).get_tracer("test")
        root = tracer.start_span("root", context)
        assert vector["next_root"]["attributes"] == dict(root.attributes)  # type: ignore[attr-defined]
        carrier: dict[str, str] = {}
        JaegerPropagator().inject(carrier, trace.set_span_in_context(root, context))
        assert carrier["uber-trace-id"].endswith(":0:3")


@pytest.mark.parametrize("vector", GOLDEN["inject"], ids=lambda vector: str(vector["headers"]))
def test_inject(vector: dict[str, Any]) -> None:
    """Only bit 1 of the W3C flags counts; debug comes from the context."""
    flags = TraceFlags(vector["w3c_flags"])
    span = NonRecordingSpan(SpanContext(int(vector["trace_id"], 16), int(vector["span_id"], 16), False, flags))
    context = trace.set_span_in_context(span, Context())
    for key, value in vector["baggage"].items():
        context = baggage.set_baggage(key, value, context)
    if vector["debug"]:
        context = set_value(DEBUG_KEY, DebugFlags(int(vector["trace_id"], 16), 2), context)
    carrier: dict[str, str] = {}
    JaegerPropagator().inject(carrier, context)
    assert vector["headers"] == carrier


@pytest.mark.parametrize(
    ("flags", "out"), [("0", "0"), ("1", "1"), ("3", "3"), ("9", "9"), ("b", "b"), ("2", "0"), ("8", "8"), ("01", "1")]
)
def test_flags_are_passed_on(flags: str, out: str) -> None:
    """Debug and firehose stay with the trace, also below a local span; debug needs sampled."""
    context = JaegerPropagator().extract({"uber-trace-id": f"{T}:{S}:0:{flags}"})
    carrier: dict[str, str] = {}
    JaegerPropagator().inject(carrier, context)
    assert f"{T}:{S}:0:{out}" == carrier["uber-trace-id"]
    child = TracerProvider().get_tracer("test").start_span("child", context)
    JaegerPropagator().inject(carrier, trace.set_span_in_context(child, context))
    assert carrier["uber-trace-id"].startswith(T)
    assert carrier["uber-trace-id"].endswith(f":0:{out}")


def test_debug_of_one_trace_is_not_anothers() -> None:
    """A new trace in the same context is not a debug trace."""
    context = JaegerPropagator().extract({"uber-trace-id": f"{T}:{S}:0:3"})
    context = JaegerPropagator().extract({"uber-trace-id": f"1:{S}:0:1"}, context)
    carrier: dict[str, str] = {}
    JaegerPropagator().inject(carrier, context)
    assert carrier["uber-trace-id"].endswith(":0:1")


def test_a_debug_id_beside_a_trace_is_ignored() -> None:
    """The trace has been decided on."""
    context = JaegerPropagator().extract({"uber-trace-id": f"{T}:{S}:0:0", "jaeger-debug-id": "x"})
    tracer = TracerProvider().get_tracer("test")
    assert not tracer.start_span("child", context).is_recording()


@pytest.mark.parametrize(("key", "value"), [("k\r\nx: y", "v"), ("k", "v\r\nset-cookie: x"), ("ü", "\ud800\0")])
def test_no_line_breaks_leave(key: str, value: str) -> None:
    """Baggage is percent-encoded, names too."""
    carrier: dict[str, str] = {}
    JaegerPropagator().inject(carrier, baggage.set_baggage(key, value, Context()))
    (name,) = carrier
    assert (name + carrier[name]).isprintable()
    assert (name + carrier[name]).isascii()


def test_baggage_out_is_bounded() -> None:
    """8 KiB and 180 items, whole items only."""
    context = Context()
    for i in range(200):
        context = baggage.set_baggage(f"k{i}", "v" * 100, context)
    carrier: dict[str, str] = {}
    JaegerPropagator().inject(carrier, context)
    assert sum(map(len, [*carrier, *carrier.values()])) <= 8192
    assert {100} == {len(value) for value in carrier.values()}
