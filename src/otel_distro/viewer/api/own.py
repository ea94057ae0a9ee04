# SPDX-License-Identifier: Apache-2.0
"""The API of our own pages and of the terminal (`/api/ui/...`). Times in µs, durations in ns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_distro.runtime.clock import now_ns
from otel_distro.viewer.analysis import findings
from otel_distro.viewer.api import answers, jaeger_search
from otel_distro.viewer.ingest import jaeger_json, otlp_write
from otel_distro.viewer.store import query as queries
from otel_distro.viewer.store import search, traces
from otel_distro.viewer.store.store import Look
from otel_distro.viewer.store.tallies import SLOT_NS, bucket_us
from otel_distro.viewer.web.http import BadRequestError, Response, json_response

if TYPE_CHECKING:
    from otel_distro.viewer.store.search import TraceRow
    from otel_distro.viewer.store.store import Store

MAX_LIMIT = 500
_BADGES_UP_TO = 2_000
_MAX_NS = (1 << 63) - 1
_VALUES_LIKE = "SELECT value FROM word WHERE key = ? AND value LIKE ? ESCAPE '\\' LIMIT 200"
# one step of the index per key, where DISTINCT would read every value
_KEYS_LIKE = (
    "WITH RECURSIVE names (name) AS (SELECT min(key) FROM word UNION ALL"
    " SELECT (SELECT min(key) FROM word WHERE key > name) FROM names WHERE name IS NOT NULL)"
    " SELECT name FROM names WHERE name LIKE ? ESCAPE '\\' LIMIT 200"
)


def trace_list(store: Store, query: dict[str, str]) -> Response:
    """GET /api/ui/traces?q=&start=&end=&limit=: newest first."""
    parsed = queries.parse(query.get("q", ""))
    start_ns, end_ns = _between(query)
    limit = min(MAX_LIMIT, _int(query, "limit", 50))
    found = search.search(store, parsed, start_ns, end_ns, limit)
    return json_response(
        {
            "traces": [trace_item(store, row) for row in found.traces],
            "complete": found.complete,
            "looked_back_to": found.looked_back_to // 1000 if not found.complete else None,
            "problem": parsed.problem,
            "revision": store.revision,
        }
    )


def trace_item(store: Store, row: TraceRow) -> dict[str, Any]:
    """One line of the list."""
    look = Look(row.spans, row.errors, ())
    if 1 < row.spans <= _BADGES_UP_TO:
        look = _look(store, row)
    return {
        "id": row.trace_id,
        "start": row.start // 1000,
        "duration": row.duration,
        "spans": look.spans,
        "errors": look.errors,
        "service": row.service,
        "name": row.name,
        "http_status": row.http_status,
        "complete": row.root_rank == 2,
        "services": sorted([name, *counts] for name, counts in row.services.items()),
        "badges": look.badges,
    }


def trace(store: Store, trace_id: str) -> Response:
    """GET /api/ui/traces/{id}: the line of the list and the summary rows in chunks, as they are stored."""
    row = search.trace_row(store, trace_id)
    parts = traces.chunks(store, trace_id) if row is not None else []
    if row is None or not parts:
        return json_response({"error": "there is no such trace; it may be gone, the oldest are dropped"}, 404)
    pieces = []
    for part in parts:
        head = json.dumps({"key": part.key, "offset": part.base - row.start}).encode()
        pieces.append(head[:-1] + b"," + part.text[1:])
    item = json.dumps(trace_item(store, row)).encode()
    return Response(
        200,
        b'{"trace":' + item + b',"chunks":[' + b",".join(pieces) + b"]}",
        "application/json",
        {"Cache-Control": "no-store"},
    )


def analysis(store: Store, trace_id: str) -> Response:
    """GET /api/ui/traces/{id}/analysis. Indexes count the distinct spans in order of start."""
    rows = traces.span_rows(traces.chunks(store, trace_id))
    if not rows:
        return json_response({"error": "there is no such trace"}, 404)
    result = findings.analyse(rows)
    begin = rows[0].start
    return json_response(
        {
            "count": len(rows),
            "self": result.self_times,
            "path": [[one.span, one.start - begin, one.end - begin] for one in result.critical_path],
            "findings": [finding._asdict() for finding in result.findings],
        }
    )


def span(store: Store, trace_id: str, span_id: str, chunk: str) -> Response:
    """GET /api/ui/traces/{id}/spans/{span}?chunk=: one span in full, as OTLP in JSON."""
    for origin in traces.spans(store, trace_id, chunk):
        if origin[2].span_id.hex() == span_id:
            return json_response(otlp_write.resource_spans([origin])[0])
    return json_response({"error": "there is no such span"}, 404)


def export(store: Store, trace_id: str, form: str) -> Response:
    """GET /api/ui/traces/{id}/export?format=otlp|jaeger: a file to save."""
    spans = traces.spans(store, trace_id)
    if not spans:
        return json_response({"error": "there is no such trace"}, 404)
    value: dict[str, Any]
    if form == "jaeger":
        value = {"data": [jaeger_json.trace(trace_id, spans)]}
    else:
        value = {"resourceSpans": otlp_write.resource_spans(spans)}
    name = f"trace-{trace_id}.{'jaeger' if form == 'jaeger' else 'otlp'}.json"
    return json_response(value, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def service_map(store: Store, query: dict[str, str]) -> Response:
    """GET /api/ui/map?start=&end=."""
    found = answers.calls(store, *_between(query))
    return json_response(
        {
            "services": answers.services(store),
            "edges": [
                {"parent": parent, "child": child, "kind": kind, "calls": counts[0], "errors": counts[1]}
                for (parent, child, kind), counts in sorted(found.items())
            ],
        }
    )


def endpoints(store: Store, query: dict[str, str]) -> Response:
    """GET /api/ui/endpoints?start=&end=: count, error count, mean and percentiles per service and name, in ns."""
    between = _slots(query)
    found = store.each(
        lambda connection: connection.execute(
            "SELECT service, name, calls, errors, total, buckets FROM endpoint WHERE slot BETWEEN ? AND ?", between
        ).fetchall()
    )
    buckets: dict[tuple[str, str], dict[int, int]] = {}
    sums: dict[tuple[str, str], list[int]] = {}
    for rows in found:
        for service, name, calls, errors, total, text in rows:
            counts = buckets.setdefault((service, name), {})
            for bucket, number in json.loads(text).items():
                counts[int(bucket)] = counts.get(int(bucket), 0) + number
            mine = sums.setdefault((service, name), [0, 0, 0])
            mine[0] += calls
            mine[1] += errors
            mine[2] += total
    listed: list[dict[str, Any]] = [
        {
            "service": service,
            "name": name,
            "calls": calls,
            "errors": errors,
            "total": total * 1000,
            "p50": _percentile(buckets[service, name], calls, 0.50),
            "p95": _percentile(buckets[service, name], calls, 0.95),
            "p99": _percentile(buckets[service, name], calls, 0.99),
        }
        for (service, name), (calls, errors, total) in sums.items()
    ]
    listed.sort(key=lambda item: -item["total"])
    return json_response({"endpoints": listed[:1_000], "left_out": max(0, len(listed) - 1_000)})


def errors(store: Store, query: dict[str, str]) -> Response:
    """GET /api/ui/errors?start=&end=: equal errors together, the latest first."""
    start_ns, end_ns = _between(query)
    found = store.each(
        lambda connection: connection.execute(
            "SELECT service, type, place, message, calls, first, last, trace_id, span_id, name FROM failure"
            " WHERE last >= ? AND first <= ? ORDER BY last DESC LIMIT 2000",
            (start_ns, end_ns),
        ).fetchall()
    )
    groups: dict[tuple[str, str, str], dict[str, Any]] = {}
    for rows in found:
        for service, kind, place, message, calls, first, last, trace_id, span_id, name in rows:
            group = groups.setdefault((service, kind, place), {"calls": 0, "first": first // 1000, "last": -1})
            group["calls"] += calls
            group["first"] = min(group["first"], first // 1000)
            if last // 1000 > group["last"]:
                latest = {"trace": trace_id.hex(), "span": span_id, "name": name, "message": message}
                group.update({"last": last // 1000, **latest})
    listed = [{"service": key[0], "type": key[1], "place": key[2], **group} for key, group in groups.items()]
    listed.sort(key=_last, reverse=True)
    return json_response({"errors": listed[:500], "left_out": max(0, len(listed) - 500)})


def _last(group: dict[str, Any]) -> int:
    return int(group["last"])


def suggest(store: Store, query: dict[str, str]) -> Response:
    """GET /api/ui/suggest?key=&prefix=: keys that can be searched, or values of one key; at most 30."""
    key, prefix = query.get("key", ""), query.get("prefix", "")[:100]
    pattern = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    sql = _VALUES_LIKE if key else _KEYS_LIKE
    parameters = (key, pattern) if key else (pattern,)
    found = store.each(lambda connection: connection.execute(sql, parameters).fetchall())
    values = sorted({text for rows in found for (text,) in rows}, key=lambda text: (len(text), text))
    return json_response({"values": values[:30]})


def status(store: Store, more: dict[str, Any]) -> Response:
    """GET /api/ui/status: what is stored, what was dropped, what is wrong."""
    # rows are never deleted inside a segment, so the largest number is the count
    counts = store.each(
        lambda connection: connection.execute("SELECT max(tid), (SELECT min(start) FROM trace) FROM trace").fetchone()
    )
    oldest = min((first for _, first in counts if first is not None), default=None)
    return json_response(
        {
            "traces": sum(count or 0 for count, _ in counts),
            "oldest": oldest // 1000 if oldest is not None else None,
            "now": now_ns() // 1000,
            "size_bytes": store.size_bytes(),
            "max_bytes": store.max_bytes,
            "max_age_s": store.max_age_s,
            "in_memory": store.directory is None,
            "evicted_traces": store.evicted_traces,
            "rejected_spans": store.rejected_spans,
            "stored_spans": store.stored_spans,
            "problems": sorted(store.problems.values()),
            "revision": store.revision,
            **more,
        }
    )


def trace_id_of(text: str) -> str:
    """32 hex digits, leading zeros added. Raises BadRequestError."""
    found = jaeger_search.padded(text)
    if found is None:
        raise BadRequestError(400, "a trace id is 32 hexadecimal digits")
    return found


def _look(store: Store, row: TraceRow) -> Look:
    key = (row.trace_id, row.spans)  # a trace that grew has another number of spans
    found = store.looked_at.get(key)
    if found is None:
        if len(store.looked_at) > 5_000:
            store.looked_at.clear()
        rows = traces.span_rows(traces.chunks(store, row.trace_id))
        errors = sum(1 for one in rows if one.status == 2)
        found = store.looked_at[key] = Look(len(rows), errors, tuple(findings.badges(rows)))
    return found


def _percentile(buckets: dict[int, int], calls: int, part: float) -> int:
    wanted = calls * part
    seen = 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if seen >= wanted:
            return int(bucket_us(bucket) * 1000)
    return 0


def _between(query: dict[str, str]) -> tuple[int, int]:
    start, end = _int(query, "start", 0) * 1000, _int(query, "end", _MAX_NS // 1000) * 1000
    return max(0, start), min(end, _MAX_NS)


def _slots(query: dict[str, str]) -> tuple[int, int]:
    start_ns, end_ns = _between(query)
    return start_ns // SLOT_NS, end_ns // SLOT_NS


def _int(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        raise BadRequestError(400, f"{name} is no number") from None
