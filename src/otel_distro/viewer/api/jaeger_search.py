# SPDX-License-Identifier: Apache-2.0
"""The search that Jaeger's v1 and v3 APIs share: one span must have all that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_distro.viewer.ingest.jaeger_json import KINDS
from otel_distro.viewer.store import search, traces
from otel_distro.viewer.store.prepare import is_indexed, service_of
from otel_distro.viewer.store.query import Query, Term

if TYPE_CHECKING:
    from otel_distro.viewer.store.search import TraceRow
    from otel_distro.viewer.store.store import Store
    from otel_distro.wire.otlp_decode import SpanOrigin

TIME_LIMIT_S = 2.0
MAX_LIMIT = 1_500
MAX_NS = (1 << 63) - 1


class Wanted(NamedTuple):
    """Empty and None mean any. Times in ns. tags: as text."""

    service: str = ""
    operation: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    start_ns: int = 0
    end_ns: int = MAX_NS
    min_ns: int | None = None
    max_ns: int | None = None
    limit: int = 100


def find(store: Store, wanted: Wanted) -> list[TraceRow]:
    """The newest matching traces, newest first."""
    terms = []
    if wanted.service:
        terms.append(Term("service", "=", wanted.service))
    if wanted.operation:
        terms.append(Term("name", "=", wanted.operation))
    if wanted.min_ns is not None:
        terms.append(Term("duration", ">=", str(wanted.min_ns)))
    terms += [Term(key, "=", value) for key, value in wanted.tags if is_indexed(key) and "*" not in value]
    simple = not wanted.tags and wanted.min_ns is None and wanted.max_ns is None and not wanted.operation
    found = search.search(
        store,
        Query(tuple(terms)),
        wanted.start_ns,
        wanted.end_ns,
        max(1, min(wanted.limit, MAX_LIMIT)),
        TIME_LIMIT_S,
        None if simple else lambda row: _has_span(store, row, wanted),
    )
    return found.traces


def padded(trace_id: str) -> str | None:
    """32 hex digits of an id that may lack leading zeros; None if it is no id."""
    text = trace_id.strip().lower()
    if not text or len(text) > 32 or text.strip("0123456789abcdef"):
        return None
    return text.zfill(32)


def _has_span(store: Store, row: TraceRow, wanted: Wanted) -> bool:
    return any(_matches(origin, wanted) for origin in traces.spans(store, row.trace_id))


def _matches(origin: SpanOrigin, wanted: Wanted) -> bool:
    resource, scope, span = origin
    if wanted.service and service_of(resource) != wanted.service:
        return False
    if wanted.operation and span.name != wanted.operation:
        return False
    duration = span.end_ns - span.start_ns
    if wanted.min_ns is not None and duration < wanted.min_ns:
        return False
    if wanted.max_ns is not None and duration > wanted.max_ns:
        return False
    if not wanted.tags:
        return True
    have = {(key, _text(value)) for key, value in [*resource.attributes, *span.attributes, *scope.attributes]}
    have |= {(key, _text(value)) for event in span.events for key, value in event.attributes}
    have |= {("span.kind", KINDS[span.kind]), ("otel.scope.name", scope.name)}
    if span.status_code == 2:
        have |= {("error", "true"), ("otel.status_code", "ERROR")}
    elif span.status_code == 1:
        have.add(("otel.status_code", "OK"))
    return all(tag in have for tag in wanted.tags)


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
