# SPDX-License-Identifier: Apache-2.0
"""The `ratelimiting` sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult

from otel_distro.samplers.rate_limiter import RateLimiter
from otel_distro.samplers.results import SAMPLER_PARAM, SAMPLER_TYPE, dropped, sampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes


class RateLimitingSampler(Sampler):
    """Samples at most so many traces a second in this process."""

    def __init__(self, per_second: float, limiter: RateLimiter | None = None) -> None:
        """per_second: 0 or more."""
        self._limiter = limiter or RateLimiter(per_second)
        self._tags = {SAMPLER_TYPE: "ratelimiting", SAMPLER_PARAM: float(per_second)}

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,  # noqa: ARG002: the rate alone decides
        name: str,  # noqa: ARG002
        kind: SpanKind | None = None,  # noqa: ARG002
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002
        trace_state: TraceState | None = None,  # noqa: ARG002
    ) -> SamplingResult:
        """Sampled while credits last. Never raises."""
        if self._limiter.take():
            return sampled(parent_context, attributes, self._tags)
        return dropped(parent_context)

    def get_description(self) -> str:
        """`RateLimitingSampler{rate}`."""
        return f"RateLimitingSampler{{{self._limiter.per_second:g}}}"
