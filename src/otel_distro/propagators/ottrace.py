# SPDX-License-Identifier: Apache-2.0
"""OpenTracing's basic tracers: `ot-tracer-*` and `ot-baggage-*`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from opentelemetry.baggage import set_baggage

from otel_distro.propagators import remote_span
from otel_distro.propagators.carrier import CarrierT, GuardedPropagator, header, prefixed
from otel_distro.propagators.jaeger import write_items

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import Getter, Setter

_TRACE_ID, _SPAN_ID, _SAMPLED = "ot-tracer-traceid", "ot-tracer-spanid", "ot-tracer-sampled"
_BAGGAGE_PREFIX = "ot-baggage-"
_MAX_CHARS = 256
_TRACE_HEX = re.compile(r"(?:[0-9a-fA-F]{16}){1,2}")
_SPAN_HEX = re.compile(r"[0-9a-fA-F]{16}")
_LOW_64_BITS = (1 << 64) - 1


class OtTracePropagator(GuardedPropagator):
    """`ot-tracer-*` and `ot-baggage-*`. Never raises.

    Writes the low 64 bits of the trace id, which is all that these tracers take. Baggage needs a trace.
    Source: OpenTelemetry, API Propagators, "OT Trace".
    """

    name = "propagator ottrace"

    def read(self, carrier: CarrierT, context: Context, getter: Getter[CarrierT]) -> Context:
        """Add the caller's span and baggage to context."""
        trace_hex = header(carrier, _TRACE_ID, getter, _MAX_CHARS)
        span_hex = header(carrier, _SPAN_ID, getter, _MAX_CHARS)
        if not trace_hex or not span_hex or not _TRACE_HEX.fullmatch(trace_hex) or not _SPAN_HEX.fullmatch(span_hex):
            return context
        trace_id, span_id = int(trace_hex, 16), int(span_hex, 16)
        if not trace_id or not span_id:
            return context
        sampled = header(carrier, _SAMPLED, getter, _MAX_CHARS)
        context = remote_span.add(context, trace_id, span_id, sampled is not None and sampled.lower() in {"true", "1"})
        for key, value in prefixed(carrier, _BAGGAGE_PREFIX, getter):
            context = set_baggage(unquote(key), unquote(value), context)
        return context

    def write(self, carrier: CarrierT, context: Context | None, setter: Setter[CarrierT]) -> None:
        """Set the headers for the current span and its baggage; nothing without a span."""
        span = remote_span.outgoing(context)
        if span is None:
            return
        setter.set(carrier, _TRACE_ID, f"{span.trace_id & _LOW_64_BITS:016x}")
        setter.set(carrier, _SPAN_ID, f"{span.span_id:016x}")
        setter.set(carrier, _SAMPLED, "false" if span.sampled is False else "true")
        write_items(carrier, context, setter, _BAGGAGE_PREFIX)

    @property
    def fields(self) -> set[str]:
        """The headers inject may set, besides those of baggage items."""
        return {_TRACE_ID, _SPAN_ID, _SAMPLED}
