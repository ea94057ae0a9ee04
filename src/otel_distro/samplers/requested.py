# SPDX-License-Identifier: Apache-2.0
"""Does what a caller's headers ask of the sampler: `b3: 0`, `jaeger-debug-id`, `Sampled=?`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.context import get_value
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult
from opentelemetry.trace import INVALID_SPAN, get_current_span, set_span_in_context

from otel_distro.runtime.sampling_request import REQUEST_KEY, SamplingRequest
from otel_distro.samplers.tagging import dropped, sampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes


class RequestedSampler(Sampler):
    """The configured sampler, unless the context holds a SamplingRequest that concerns this span."""

    def __init__(self, sampler: Sampler) -> None:
        """sampler: decides when nothing is asked."""
        self._sampler = sampler

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """The requested decision for a root span; the root sampler's for a trace nobody decided on yet."""
        request = get_value(REQUEST_KEY, parent_context)
        if not isinstance(request, SamplingRequest):
            return self._sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        parent = get_current_span(parent_context).get_span_context()
        if not parent.is_valid:
            if request.sampled is True:
                return sampled(parent_context, attributes, dict(request.attributes))
            if request.sampled is False:
                return dropped(parent_context)
        elif request.sampled is None and parent.is_remote and parent.trace_id == request.trace_id:
            parent_context = set_span_in_context(INVALID_SPAN, parent_context)
        return self._sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """The configured sampler's description."""
        return self._sampler.get_description()
