# SPDX-License-Identifier: Apache-2.0
"""W3C Trace Context: `traceparent` and `tracestate`, to the letter of the Recommendation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.span import TraceState

from otel_distro.propagators.carrier import MAX_BYTES, CarrierT, GuardedPropagator, values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import Getter, Setter

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_TRACEPARENT_CHARS = 512  # version 00 has 55; later versions may append fields
_KNOWN_FLAGS = 0x03  # sampled and random; the others must be set to zero on the way out
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16

_MAX_MEMBERS = 32
_LARGE_MEMBER = 128
_REST = r"[a-z0-9_\-*/]"
_MEMBER = re.compile(
    rf"([a-z]{_REST}{{0,255}}|[a-z0-9]{_REST}{{0,240}}@[a-z]{_REST}{{0,13}})"
    r"=([\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])"
)


class TraceContextPropagator(GuardedPropagator):
    """`traceparent` and `tracestate`. Never raises.

    An invalid or repeated traceparent starts a new trace; an invalid tracestate is dropped alone.
    Source: W3C Trace Context, sections 3.2 and 3.3.
    """

    name = "propagator tracecontext"

    def read(self, carrier: CarrierT, context: Context, getter: Getter[CarrierT]) -> Context:
        """Add the remote span to context."""
        found = values(carrier, "traceparent", getter)
        if not found:
            return context
        parsed = _parse_traceparent(found)
        if parsed is None:
            return context
        trace_id, span_id, flags = parsed
        state = values(carrier, "tracestate", getter)
        span_context = SpanContext(
            trace_id, span_id, True, TraceFlags(flags), parse_tracestate(state) if state else None
        )
        return set_span_in_context(NonRecordingSpan(span_context), context)

    def write(self, carrier: CarrierT, context: Context | None, setter: Setter[CarrierT]) -> None:
        """Set both headers for the current span; nothing without one."""
        span_context = get_current_span(context).get_span_context()
        if not span_context.is_valid:
            return
        trace_id, span_id, flags = span_context.trace_id, span_context.span_id, span_context.trace_flags
        setter.set(carrier, "traceparent", f"00-{trace_id:032x}-{span_id:016x}-{flags & _KNOWN_FLAGS:02x}")
        if span_context.trace_state:
            setter.set(carrier, "tracestate", _fit(span_context.trace_state))

    @property
    def fields(self) -> set[str]:
        """The headers inject may set."""
        return {"traceparent", "tracestate"}


def _parse_traceparent(found: Sequence[str]) -> tuple[int, int, int] | None:
    text = found[0]
    if len(found) > 1 or len(text) > _TRACEPARENT_CHARS:
        return None
    match = _TRACEPARENT.fullmatch(text.strip(" \t"))
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == "ff" or (rest and version == "00") or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return int(trace_id, 16), int(span_id, 16), int(flags, 16) & _KNOWN_FLAGS


def parse_tracestate(headers: Sequence[str]) -> TraceState | None:
    """Members of all headers in order; None when one is outside the grammar, repeated, or there are over 32.

    headers: more than 8 KiB together count as invalid. Source: W3C Trace Context, section 3.3.
    """
    if sum(map(len, headers)) > MAX_BYTES:
        return None
    members: dict[str, str] = {}
    for member in ",".join(headers).split(","):
        text = member.strip(" \t")
        if not text:
            continue
        match = _MEMBER.fullmatch(text)
        if match is None or match[1] in members or len(members) == _MAX_MEMBERS:
            return None
        members[match[1]] = match[2]
    return TraceState(list(members.items())) if members else None


def _fit(state: TraceState) -> str:
    """As a header of at most 8 KiB: members over 128 characters go first (section 3.3.1.5)."""
    text = state.to_header()
    if len(text) <= MAX_BYTES:
        return text
    members = [member for member in text.split(",") if len(member) <= _LARGE_MEMBER]
    return ",".join(members)  # 32 members of 128 characters are below the limit
