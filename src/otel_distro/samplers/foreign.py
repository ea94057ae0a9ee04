# SPDX-License-Identifier: Apache-2.0
"""A sampler of another package, behind the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from otel_distro.runtime import guard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes


class ForeignSampler(Sampler):
    """Asks another package's sampler; a span it fails on is not sampled, and the app never notices."""

    def __init__(self, name: str, sampler: object) -> None:
        """name: as in OTEL_TRACES_SAMPLER. Raises TypeError when sampler is none."""
        if not isinstance(sampler, Sampler):
            raise TypeError(f"made a {type(sampler).__name__}, which is no sampler")
        self._name = f"sampler {name}"
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
        """The other sampler's result. Never raises."""
        result = guard.call(
            self._name,
            self._sampler.should_sample,
            parent_context,
            trace_id,
            name,
            kind=kind,
            attributes=attributes,
            links=links,
            trace_state=trace_state,
        )
        return result if isinstance(result, SamplingResult) else SamplingResult(Decision.DROP)

    def get_description(self) -> str:
        """The other sampler's description."""
        return str(guard.call(self._name, self._sampler.get_description))
