# SPDX-License-Identifier: Apache-2.0
"""AWS X-Ray: `X-Amzn-Trace-Id`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opentelemetry.context import get_value, set_value

from otel_distro.propagators import remote_span
from otel_distro.propagators.carrier import CarrierT, GuardedPropagator, header

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import Getter, Setter

_HEADER = "X-Amzn-Trace-Id"
_MAX_CHARS = 1024
_ROOT = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})", re.IGNORECASE)
_PARENT = re.compile(r"[0-9a-f]{16}", re.IGNORECASE)
_LINEAGE = re.compile(r"[0-9A-Za-z:|_.\-]{1,255}")
_LOW_64_BITS = (1 << 64) - 1
_SAMPLED = {"1": True, "0": False}

_LINEAGE_KEY = "otel-distro-xray-lineage"
"""Context key: (trace id, the Lineage field as received)."""


class XRayPropagator(GuardedPropagator):
    """`Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=0|1|?`, fields in any order. Never raises.

    An undecided trace (`Sampled=?`, or none) is left to the root sampler. A load balancer sends a Root
    without a Parent: the trace goes on below a parent id made from the trace id. `Lineage` is passed on.
    Source: AWS X-Ray developer guide, "Tracing header".
    """

    name = "propagator xray"

    def read(self, carrier: CarrierT, context: Context, getter: Getter[CarrierT]) -> Context:
        """Add the caller's span to context."""
        text = header(carrier, "x-amzn-trace-id", getter, _MAX_CHARS)
        if text is None:
            return context
        fields: dict[str, str] = {}
        for part in text.split(";"):
            key, _, value = part.strip().partition("=")
            fields[key.lower()] = value
        root = _ROOT.fullmatch(fields.get("root", ""))
        parent = fields.get("parent", "")
        if root is None or (parent and not _PARENT.fullmatch(parent)):
            return context
        trace_id = int(root[1] + root[2], 16)
        span_id = int(parent, 16) if parent else (trace_id & _LOW_64_BITS) or 1
        if not trace_id or not span_id:
            return context
        context = remote_span.add(context, trace_id, span_id, _SAMPLED.get(fields.get("sampled", "")))
        lineage = fields.get("lineage", "")
        return set_value(_LINEAGE_KEY, (trace_id, lineage), context) if _LINEAGE.fullmatch(lineage) else context

    def write(self, carrier: CarrierT, context: Context | None, setter: Setter[CarrierT]) -> None:
        """Set the header for the current span."""
        span = remote_span.outgoing(context)
        if span is None:
            return
        trace_hex = f"{span.trace_id:032x}"
        sampled = "?" if span.sampled is None else str(int(span.sampled))
        text = f"Root=1-{trace_hex[:8]}-{trace_hex[8:]};Parent={span.span_id:016x};Sampled={sampled}"
        lineage = get_value(_LINEAGE_KEY, context)
        if isinstance(lineage, tuple) and lineage[0] == span.trace_id:
            text = f"{text};Lineage={lineage[1]}"
        setter.set(carrier, _HEADER, text)

    @property
    def fields(self) -> set[str]:
        """The header inject may set."""
        return {_HEADER}
