# SPDX-License-Identifier: Apache-2.0
"""Zipkin's B3, as one header (`b3`) or as several (`X-B3-*`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_distro.propagators import remote_span
from otel_distro.propagators.carrier import CarrierT, GuardedPropagator, header
from otel_distro.runtime.sampling_request import DEBUG

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import Getter, Setter

_MAX_CHARS = 256
_SINGLE = re.compile(
    r"([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?|([01d])", re.IGNORECASE
)
_TRACE_ID = re.compile(r"(?:[0-9a-f]{16}){1,2}", re.IGNORECASE)
_SPAN_ID = re.compile(r"[0-9a-f]{16}", re.IGNORECASE)
_SAMPLED = {"1": True, "true": True, "d": True, "0": False, "false": False}


class B3Propagator(GuardedPropagator):
    """Reads either form, the single header first; writes the single header. Never raises.

    A decision without ids (`b3: 0`) is passed to the next root span, debug is kept and passed on, and a
    missing decision is left to the root sampler.
    Source: OpenTelemetry, API Propagators, "B3 Extract" and "B3 Inject"; openzipkin/b3-propagation.
    """

    name = "propagator b3"

    def read(self, carrier: CarrierT, context: Context, getter: Getter[CarrierT]) -> Context:
        """Add the caller's span, or its bare decision, to context."""
        single = header(carrier, "b3", getter, _MAX_CHARS)
        if single is not None:
            match = _SINGLE.fullmatch(single)
            if match is not None:
                trace_id, span_id, state, alone = match.groups()
                return _add(context, trace_id, span_id, (alone or state or "").lower())
        trace_id = header(carrier, "x-b3-traceid", getter, _MAX_CHARS)
        state = header(carrier, "x-b3-sampled", getter, _MAX_CHARS)
        flags = header(carrier, "x-b3-flags", getter, _MAX_CHARS)
        if trace_id is None and state is None and flags is None:
            return context
        span_id = header(carrier, "x-b3-spanid", getter, _MAX_CHARS)
        valid = trace_id and span_id and _TRACE_ID.fullmatch(trace_id) and _SPAN_ID.fullmatch(span_id)
        if trace_id is not None and not valid:
            return context
        return _add(context, trace_id, span_id, "d" if flags == "1" else (state or "").lower())

    def write(self, carrier: CarrierT, context: Context | None, setter: Setter[CarrierT]) -> None:
        """Set `b3`."""
        span = remote_span.outgoing(context)
        if span is not None:
            state = _state(span.sampled, span.debug)
            tail = f"-{state}" if state else ""
            setter.set(carrier, "b3", f"{span.trace_id:032x}-{span.span_id:016x}{tail}")
            return
        request = remote_span.asked(context)
        if request is not None:
            setter.set(carrier, "b3", _state(request.sampled, 0))

    @property
    def fields(self) -> set[str]:
        """The header inject may set."""
        return {"b3"}


class B3MultiPropagator(B3Propagator):
    """As B3Propagator, but writes several headers."""

    name = "propagator b3multi"

    def write(self, carrier: CarrierT, context: Context | None, setter: Setter[CarrierT]) -> None:
        """Set `x-b3-traceid`, `x-b3-spanid` and the decision."""
        span = remote_span.outgoing(context)
        if span is not None:
            setter.set(carrier, "x-b3-traceid", f"{span.trace_id:032x}")
            setter.set(carrier, "x-b3-spanid", f"{span.span_id:016x}")
            state = _state(span.sampled, span.debug)
        else:
            request = remote_span.asked(context)
            state = "" if request is None else _state(request.sampled, 0)
        if state == "d":
            setter.set(carrier, "x-b3-flags", "1")
        elif state:
            setter.set(carrier, "x-b3-sampled", state)

    @property
    def fields(self) -> set[str]:
        """The headers inject may set."""
        return {"x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"}


def _add(context: Context, trace_hex: str | None, span_hex: str | None, state: str) -> Context:
    sampled = _SAMPLED.get(state)
    debug = DEBUG if state == "d" else 0
    if not trace_hex or not span_hex:
        return context if sampled is None else remote_span.ask(context, sampled, debug)
    trace_id, span_id = int(trace_hex, 16), int(span_hex, 16)
    return remote_span.add(context, trace_id, span_id, sampled, debug) if trace_id and span_id else context


def _state(sampled: bool | None, debug: int) -> str:
    if sampled is None:
        return ""
    if not sampled:
        return "0"
    return "d" if debug & DEBUG else "1"
