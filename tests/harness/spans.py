# SPDX-License-Identifier: Apache-2.0
"""Ended spans for tests of encoders and exporters, made without a tracer so that every field can be odd."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

RESOURCE = Resource({"service.name": "shop"})
SCOPE = InstrumentationScope("tests", "1.0")
START_NS = 1_700_000_000_000_000_000


def context(span_id: int, trace_id: int = 0xA1, is_remote: bool = False, trace_state: Any = None) -> SpanContext:
    """A sampled span context."""
    return SpanContext(trace_id, span_id, is_remote, TraceFlags(1), trace_state)


def span(number: int = 1, **fields: Any) -> ReadableSpan:
    """An ended SDK span with the id `number`; fields go over the defaults of ReadableSpan's constructor."""
    defaults: dict[str, Any] = {
        "name": f"span {number}",
        "context": context(number),
        "resource": RESOURCE,
        "attributes": {"number": number},
        "kind": SpanKind.INTERNAL,
        "instrumentation_scope": SCOPE,
        "start_time": START_NS + number,
        "end_time": START_NS + number + 1_000_000,
    }
    return ReadableSpan(**{**defaults, **fields})


def spans(count: int, **fields: Any) -> list[ReadableSpan]:
    """Spans numbered from 1."""
    return [span(number, **fields) for number in range(1, count + 1)]
