# SPDX-License-Identifier: Apache-2.0
"""Sampling results as all our samplers give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.sampling import Decision, SamplingResult
from opentelemetry.trace import get_current_span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.util.types import Attributes, AttributeValue

_DROPPED_ROOT = SamplingResult(Decision.DROP)

SAMPLER_TYPE = "sampler.type"
SAMPLER_PARAM = "sampler.param"


def dropped(parent_context: Context | None) -> SamplingResult:
    """Not sampled; the parent's tracestate goes on."""
    parent = get_current_span(parent_context).get_span_context()
    return SamplingResult(Decision.DROP, None, parent.trace_state) if parent.is_valid else _DROPPED_ROOT


def sampled(
    parent_context: Context | None, attributes: Attributes, tags: Mapping[str, AttributeValue]
) -> SamplingResult:
    """Sampled; the parent's tracestate goes on, and a root span gets tags besides its own attributes.

    tags: at most two; Jaeger's adaptive sampling reads `sampler.type` and `sampler.param` on root spans.
    """
    parent = get_current_span(parent_context).get_span_context()
    if parent.is_valid:
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, parent.trace_state)
    return SamplingResult(Decision.RECORD_AND_SAMPLE, {**attributes, **tags} if attributes else tags)
