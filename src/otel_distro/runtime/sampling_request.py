# SPDX-License-Identifier: Apache-2.0
"""What inbound headers said beyond a trace context: propagators write it, samplers and propagators read it.

The keys name values in an OpenTelemetry Context.
"""

from __future__ import annotations

from typing import NamedTuple

REQUEST_KEY = "otel-distro-sampling-request"
"""Context key of a SamplingRequest."""

DEBUG_KEY = "otel-distro-debug-flags"
"""Context key of DebugFlags."""


class SamplingRequest(NamedTuple):
    """A caller's wish about sampling that a span context cannot carry.

    sampled: True or False for the next root span, as `b3: 0` or `jaeger-debug-id` ask; None when the caller
    left the decision on its own trace to us (`Sampled=?`).
    trace_id: the trace the wish is about; 0 for the next root span.
    attributes: at most one pair, put on that root span.
    """

    sampled: bool | None
    trace_id: int = 0
    attributes: tuple[tuple[str, str], ...] = ()


class DebugFlags(NamedTuple):
    """Jaeger's flag bits above `sampled`: 2 debug, 8 firehose. trace_id: where they belong; 0 for any."""

    trace_id: int
    flags: int


DEBUG = 2
FIREHOSE = 8
