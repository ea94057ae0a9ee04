# SPDX-License-Identifier: Apache-2.0
"""The span that is not recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

if TYPE_CHECKING:
    from opentelemetry.trace import TraceState

FLAGS = tuple(TraceFlags(bits) for bits in range(256))
"""Every value that the flags of a span context can have."""


class UnsampledSpan(NonRecordingSpan):
    """A span that nobody records: it only carries ids to its children and to other services."""

    __slots__ = ("_made_context", "_span_id", "_trace_flags", "_trace_id", "_trace_state")

    _made_context: SpanContext | None
    _span_id: int
    _trace_flags: int
    _trace_id: int
    _trace_state: TraceState | None

    def __init__(self) -> None:
        """Its maker sets the ids."""

    @property
    def _context(self) -> SpanContext:  # type: ignore[override]
        context = self._made_context
        if context is None:
            context = SpanContext(self._trace_id, self._span_id, False, FLAGS[self._trace_flags], self._trace_state)
            self._made_context = context
        return context
