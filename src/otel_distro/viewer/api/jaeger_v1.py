# SPDX-License-Identifier: Apache-2.0
"""Jaeger's first query API (`/api/...`), which Grafana's Jaeger data source and older tools speak.

Every answer is `{data, total, limit, offset, errors}`; times are µs, except endTs and lookback, which are ms.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_distro.runtime.clock import now_ns
from otel_distro.viewer.api import answers, jaeger_search
from otel_distro.viewer.ingest import jaeger_json
from otel_distro.viewer.store import traces
from otel_distro.viewer.store.query import duration_ns
from otel_distro.viewer.web.http import Response, json_response

if TYPE_CHECKING:
    from otel_distro.viewer.store.store import Store


def services(store: Store) -> Response:
    """GET /api/services."""
    return _names(answers.services(store))


def service_operations(store: Store, service: str) -> Response:
    """GET /api/services/{service}/operations."""
    return _names(sorted({name for name, _ in answers.operations(store, service)}))


def operations(store: Store, query: dict[str, str]) -> Response:
    """GET /api/operations?service=&spanKind=."""
    service = query.get("service", "")
    if not service:
        return _error(400, "parameter 'service' is required")
    found = answers.operations(store, service, query.get("spanKind", ""))
    return _names([{"name": name, "spanKind": kind} for name, kind in found])


def search(store: Store, query: dict[str, str], repeated_ids: list[str]) -> Response:
    """GET /api/traces?service=&operation=&tags=&start=&end=&minDuration=&maxDuration=&limit= or ?traceID=."""
    if repeated_ids:
        ids = [jaeger_search.padded(one) for one in repeated_ids]
        found = [trace_value(store, one) for one in ids if one]
        return _data([value for value in found if value is not None])
    wanted = _wanted(query)
    if isinstance(wanted, str):
        return _error(400, wanted)
    rows = jaeger_search.find(store, wanted)
    values = [trace_value(store, row.trace_id) for row in rows]
    return _data([value for value in values if value is not None])


def trace(store: Store, trace_id: str) -> Response:
    """GET /api/traces/{id}."""
    padded = jaeger_search.padded(trace_id)
    if padded is None:
        return _error(400, f"cannot parse traceID {trace_id[:100]}")
    value = trace_value(store, padded)
    return _error(404, "trace not found") if value is None else _data([value])


def dependencies(store: Store, query: dict[str, str]) -> Response:
    """GET /api/dependencies?endTs=&lookback= (ms)."""
    try:
        end_ms = int(query.get("endTs") or now_ns() // 1_000_000)
        lookback_ms = int(query.get("lookback") or 24 * 3600 * 1000)
    except ValueError:
        return _error(400, "endTs and lookback are milliseconds")
    found = answers.calls(store, (end_ms - lookback_ms) * 1_000_000, end_ms * 1_000_000)
    return _data(
        [
            {"parent": parent, "child": child, "callCount": counts[0]}
            for (parent, child, kind), counts in sorted(found.items())
            if kind == "call"
        ]
    )


def trace_value(store: Store, trace_id: str) -> dict[str, Any] | None:
    """One trace as Jaeger shows it, or None; ids of 64 bits have 16 digits."""
    spans = traces.spans(store, trace_id)
    if not spans:
        return None
    shown = trace_id[16:] if trace_id.startswith("0" * 16) else trace_id
    return jaeger_json.trace(shown, spans)


def _wanted(query: dict[str, str]) -> jaeger_search.Wanted | str:
    try:
        tags = json.loads(query["tags"]) if query.get("tags") else {}
        for pair in filter(None, [query.get("tag", "")]):
            key, _, value = pair.partition(":")
            tags[key] = value
        return jaeger_search.Wanted(
            service=query.get("service", ""),
            operation=query.get("operation", ""),
            tags=tuple((str(key), str(value)) for key, value in tags.items()),
            start_ns=int(query.get("start") or 0) * 1000,
            end_ns=min(int(query["end"]) * 1000, jaeger_search.MAX_NS) if query.get("end") else jaeger_search.MAX_NS,
            min_ns=_duration(query.get("minDuration", "")),
            max_ns=_duration(query.get("maxDuration", "")),
            limit=int(query.get("limit") or 100),
        )
    except (ValueError, AttributeError) as error:
        return f"a parameter cannot be read: {error}"


def _duration(text: str) -> int | None:
    if not text:
        return None
    found = duration_ns(text)
    if found is None:
        raise ValueError(f"{text[:50]} is no duration")
    return found


def _data(value: list[Any] | None, total: int = 0) -> Response:
    """total: Jaeger counts names only."""
    return json_response({"data": value, "total": total, "limit": 0, "offset": 0, "errors": None})


def _names(value: list[Any]) -> Response:
    """Jaeger says null where there is none."""
    return _data(value or None, len(value))


def _error(status: int, message: str) -> Response:
    errors = [{"code": status, "msg": message}]
    return json_response({"data": None, "total": 0, "limit": 0, "offset": 0, "errors": errors}, status)
