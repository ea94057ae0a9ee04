# SPDX-License-Identifier: Apache-2.0
"""Spans of the process itself, as plain values to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan


class PlainSpan(NamedTuple):
    """A finished span. parent: its parent's name among the spans taken with it, else None."""

    name: str
    kind: str
    status: str
    description: str | None
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    parent: str | None
    trace_id: int
    span_id: int
    parent_id: int | None
    start_ns: int
    end_ns: int


class Recorder:
    """A tracer provider of its own, and what it has recorded."""

    def __init__(self, **arguments: Any) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(**arguments)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def take(self) -> list[PlainSpan]:
        """The spans finished since the last call, in the order in which they ended."""
        found = self._exporter.get_finished_spans()
        self._exporter.clear()
        return plain(found)


def plain(spans: Sequence[ReadableSpan]) -> list[PlainSpan]:
    """Readable spans as plain values."""
    names = {span.get_span_context().span_id: span.name for span in spans}
    return [
        PlainSpan(
            name=span.name,
            kind=span.kind.name,
            status=span.status.status_code.name,
            description=span.status.description,
            attributes={key: list(v) if isinstance(v, tuple) else v for key, v in span.attributes.items()},
            events=[(event.name, dict(event.attributes)) for event in span.events],
            parent=names.get(span.parent.span_id) if span.parent else None,
            trace_id=span.get_span_context().trace_id,
            span_id=span.get_span_context().span_id,
            parent_id=span.parent.span_id if span.parent else None,
            start_ns=span.start_time,
            end_ns=span.end_time,
        )
        for span in spans
    ]
