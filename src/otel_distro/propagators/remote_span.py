# SPDX-License-Identifier: Apache-2.0
"""A caller's span in a Context, with what B3, Jaeger and X-Ray say and a W3C span context cannot hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.context import get_value, set_value
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from otel_distro.runtime.sampling_request import DEBUG_KEY, REQUEST_KEY, DebugFlags, SamplingRequest

if TYPE_CHECKING:
    from opentelemetry.context import Context

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NOT_SAMPLED = TraceFlags(TraceFlags.DEFAULT)


class Outgoing(NamedTuple):
    """The current span as a header tells it. sampled: None while undecided. debug: DebugFlags.flags."""

    trace_id: int
    span_id: int
    sampled: bool | None
    debug: int


def add(context: Context, trace_id: int, span_id: int, sampled: bool | None, debug: int = 0) -> Context:
    """Put a caller's span into context; ids are non-zero.

    sampled None leaves the decision to the root sampler; where none is asked, it counts as sampled.
    """
    flags = _NOT_SAMPLED if sampled is False else _SAMPLED
    context = set_span_in_context(NonRecordingSpan(SpanContext(trace_id, span_id, True, flags)), context)
    if sampled is None:
        context = set_value(REQUEST_KEY, SamplingRequest(None, trace_id), context)
    if debug:
        context = set_value(DEBUG_KEY, DebugFlags(trace_id, debug), context)
    return context


def ask(context: Context, sampled: bool, debug: int = 0, attributes: tuple[tuple[str, str], ...] = ()) -> Context:
    """Put a wish about the next root span into context, for headers that carry no ids."""
    context = set_value(REQUEST_KEY, SamplingRequest(sampled, 0, attributes), context)
    return set_value(DEBUG_KEY, DebugFlags(0, debug), context) if debug else context


def outgoing(context: Context | None) -> Outgoing | None:
    """The current span of context (None: of the current one); None when there is no valid span."""
    span_context = get_current_span(context).get_span_context()
    if not span_context.is_valid:
        return None
    trace_id = span_context.trace_id
    sampled: bool | None = bool(span_context.trace_flags & TraceFlags.SAMPLED)
    kept = get_value(DEBUG_KEY, context)
    debug = kept.flags if isinstance(kept, DebugFlags) and kept.trace_id in {0, trace_id} else 0
    if span_context.is_remote:
        request = get_value(REQUEST_KEY, context)
        if isinstance(request, SamplingRequest) and request.sampled is None and request.trace_id == trace_id:
            sampled = None
    return Outgoing(trace_id, span_context.span_id, sampled, debug)


def asked(context: Context | None) -> SamplingRequest | None:
    """The wish about the next root span, if there is one."""
    request = get_value(REQUEST_KEY, context)
    return request if isinstance(request, SamplingRequest) and request.sampled is not None else None
