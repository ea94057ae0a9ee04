# SPDX-License-Identifier: Apache-2.0
"""Jaeger's own headers: `uber-trace-id`, `uberctx-*`, `jaeger-baggage`, `jaeger-debug-id`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from opentelemetry.baggage import get_all, set_baggage

from otel_distro.propagators import remote_span
from otel_distro.propagators.baggage import encode
from otel_distro.propagators.carrier import (
    MAX_BYTES,
    MAX_ITEMS,
    CarrierT,
    GuardedPropagator,
    header,
    prefixed,
)
from otel_distro.runtime.sampling_request import DEBUG, FIREHOSE

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import Getter, Setter

_TRACE = "uber-trace-id"
_BAGGAGE_PREFIX = "uberctx-"
_BAGGAGE = "jaeger-baggage"
_DEBUG_ID = "jaeger-debug-id"
_TRACE_CHARS = 256
_DEBUG_ID_CHARS = 1024
_HEX = r"[0-9a-fA-F]"
_VALUE = re.compile(rf"({_HEX}{{1,32}}):({_HEX}{{1,16}}):{_HEX}{{0,16}}:({_HEX}{{1,2}})")
_NAME_CHARS = "!#$&'*+-.^_`|~"
_SAMPLED = 1


class JaegerPropagator(GuardedPropagator):
    """Jaeger's headers, read and written as jaeger-client and Jaeger do. Never raises.

    The debug and firehose flags stay with the trace and are written again; the W3C random bit never is.
    Baggage is read with or without a trace. `jaeger-debug-id` without a trace asks for a sampled, tagged one.
    Source: Jaeger, "Propagation Format" of its client libraries.
    """

    name = "propagator jaeger"

    def read(self, carrier: CarrierT, context: Context, getter: Getter[CarrierT]) -> Context:
        """Add the caller's span, its baggage or its wish for a debug trace to context."""
        text = header(carrier, _TRACE, getter, _TRACE_CHARS)
        found = None if text is None else _parse(text)
        if found is not None:
            trace_id, span_id, flags = found
            sampled = bool(flags & _SAMPLED)
            kept = flags & (DEBUG | FIREHOSE) if sampled else flags & FIREHOSE
            context = remote_span.add(context, trace_id, span_id, sampled, kept)
        else:
            debug_id = header(carrier, _DEBUG_ID, getter, _DEBUG_ID_CHARS)
            if debug_id is not None:
                context = remote_span.ask(context, True, DEBUG, ((_DEBUG_ID, debug_id),))
        manual = header(carrier, _BAGGAGE, getter)
        if manual is not None:
            for item in manual.split(",", MAX_ITEMS)[:MAX_ITEMS]:
                key, equals, value = item.partition("=")
                if equals and key.strip():
                    context = set_baggage(key.strip(), value.strip(), context)
        for key, value in prefixed(carrier, _BAGGAGE_PREFIX, getter):
            context = set_baggage(unquote(key), unquote(value), context)
        return context

    def write(self, carrier: CarrierT, context: Context | None, setter: Setter[CarrierT]) -> None:
        """Set `uber-trace-id` for the current span and `uberctx-*` for its baggage."""
        span = remote_span.outgoing(context)
        if span is not None:
            flags = span.debug | _SAMPLED if span.sampled is not False else span.debug & FIREHOSE
            setter.set(carrier, _TRACE, f"{span.trace_id:032x}:{span.span_id:016x}:0:{flags:x}")
        write_items(carrier, context, setter, _BAGGAGE_PREFIX)

    @property
    def fields(self) -> set[str]:
        """The header inject may set, besides those of baggage items."""
        return {_TRACE}


def write_items(carrier: CarrierT, context: Context | None, setter: Setter[CarrierT], prefix: str) -> None:
    """One header per baggage item, percent-encoded: MAX_ITEMS, and MAX_BYTES together, at most."""
    size = count = 0
    for key, value in get_all(context).items():
        if not key or not isinstance(key, str):
            continue
        name, text = prefix + encode(key, _NAME_CHARS), encode(value)
        if size + len(name) + len(text) <= MAX_BYTES:
            setter.set(carrier, name, text)
            size += len(name) + len(text)
            count += 1
            if count == MAX_ITEMS:
                return


def _parse(text: str) -> tuple[int, int, int] | None:
    match = _VALUE.fullmatch(unquote(text) if "%" in text else text)
    if match is None:
        return None
    trace_id, span_id = int(match[1], 16), int(match[2], 16)
    return (trace_id, span_id, int(match[3], 16)) if trace_id and span_id else None
