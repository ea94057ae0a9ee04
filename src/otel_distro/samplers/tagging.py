# SPDX-License-Identifier: Apache-2.0
"""Samplers that say on a root span why it was sampled."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeAlias

from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import get_current_span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes, AttributeValue

    Tags: TypeAlias = Mapping[str, AttributeValue]

_DROPPED_ROOT = SamplingResult(Decision.DROP)


def sampler_tags(kind: str, param: float) -> Tags:
    """What Jaeger's adaptive sampling reads on root spans: `sampler.type` and `sampler.param`."""
    return {"sampler.type": kind, "sampler.param": float(param)}


class TaggingSampler(Sampler):
    """Decides by trace id and span name; a sampled root span gets tags besides its own attributes."""

    @abstractmethod
    def decide(self, trace_id: int, name: str) -> Tags | None:
        """The tags of a sampled root span, at most two; None when the span is not sampled."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,  # noqa: ARG002
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002
        trace_state: TraceState | None = None,  # noqa: ARG002
    ) -> SamplingResult:
        """The decision; the parent's tracestate goes on. Never raises."""
        tags = self.decide(trace_id, name)
        return dropped(parent_context) if tags is None else sampled(parent_context, attributes, tags)


def dropped(parent_context: Context | None) -> SamplingResult:
    """Not sampled."""
    parent = get_current_span(parent_context).get_span_context()
    return SamplingResult(Decision.DROP, None, parent.trace_state) if parent.is_valid else _DROPPED_ROOT


def sampled(parent_context: Context | None, attributes: Attributes, tags: Tags) -> SamplingResult:
    """Sampled; with tags if the span is a root."""
    parent = get_current_span(parent_context).get_span_context()
    if parent.is_valid:
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, parent.trace_state)
    return SamplingResult(Decision.RECORD_AND_SAMPLE, {**attributes, **tags} if attributes else tags)
