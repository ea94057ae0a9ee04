# SPDX-License-Identifier: Apache-2.0
"""The `ratelimiting` sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.samplers.rate_limiter import RateLimiter
from otel_distro.samplers.tagging import TaggingSampler, sampler_tags

if TYPE_CHECKING:
    from otel_distro.samplers.tagging import Tags


class RateLimitingSampler(TaggingSampler):
    """Samples at most so many traces a second in this process."""

    def __init__(self, per_second: float, limiter: RateLimiter | None = None) -> None:
        """per_second: 0 or more. limiter: made from it unless given."""
        self._limiter = limiter or RateLimiter(per_second)
        self._tags = sampler_tags("ratelimiting", per_second)

    def decide(self, trace_id: int, name: str) -> Tags | None:  # noqa: ARG002
        """Sampled while credits last."""
        return self._tags if self._limiter.take() else None

    def get_description(self) -> str:
        """`RateLimitingSampler{rate}`."""
        return f"RateLimitingSampler{{{self._limiter.per_second:g}}}"
