# SPDX-License-Identifier: Apache-2.0
"""Jaeger's third query API (`/api/v3/...`), which its own pages speak: traces are OTLP in JSON."""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from otel_distro.viewer.analysis import tree
from otel_distro.viewer.api import answers, jaeger_search
from otel_distro.viewer.ingest import otlp_write
from otel_distro.viewer.store import traces
from otel_distro.viewer.store.query import duration_ns
from otel_distro.viewer.web.http import Response, json_response

if TYPE_CHECKING:
    from otel_distro.viewer.store.search import TraceRow
    from otel_distro.viewer.store.store import Store

_FRACTION = re.compile(r"\.(\d+)")
_CAMEL = re.compile(r"_([a-z])")


def services(store: Store) -> Response:
    """GET /api/v3/services."""
    return json_response({"services": answers.services(store)})


def operations(store: Store, query: dict[str, str]) -> Response:
    """GET /api/v3/operations?service=&span_kind=."""
    names = _camel(query)
    found = answers.operations(store, names.get("service", ""), names.get("spanKind", ""))
    return json_response({"operations": [{"name": name, "spanKind": kind} for name, kind in found]})


def search(store: Store, query: dict[str, str]) -> Response:
    """GET /api/v3/traces?query.*: all spans of the traces found; 404 when there is none."""
    wanted = _wanted(query)
    if isinstance(wanted, str):
        return _error(400, wanted)
    return _result(store, [row.trace_id for row in jaeger_search.find(store, wanted)])


def trace(store: Store, trace_id: str) -> Response:
    """GET /api/v3/traces/{id}, hexadecimal or base64."""
    padded = _id(trace_id)
    return _error(400, "malformed parameter trace_id") if padded is None else _result(store, [padded])


def summaries(store: Store, query: dict[str, str]) -> Response:
    """GET /api/v3/trace-summaries?query.*: 200 also when there is none."""
    wanted = _wanted(query)
    if isinstance(wanted, str):
        return _error(400, wanted)
    return json_response({"summaries": [_summary(store, row) for row in jaeger_search.find(store, wanted)]})


def _summary(store: Store, row: TraceRow) -> dict[str, Any]:
    orphans, spans, errors = 0, row.spans, row.errors
    if row.spans <= 5_000:
        shape = tree.build(traces.span_rows(traces.chunks(store, row.trace_id)))
        orphans, spans = shape.orphans, len(shape.rows)
        errors = sum(1 for one in shape.rows if one.status == 2)
    return {
        "traceId": row.trace_id,
        "rootServiceName": row.service,
        "rootOperationName": row.name,
        "minStartTimeUnixNano": str(row.start),
        "maxEndTimeUnixNano": str(row.start + row.duration),
        "spanCount": spans,
        "errorSpanCount": errors,
        "orphanSpanCount": orphans,
        "services": [
            {"name": name, "spanCount": counts[0], "errorSpanCount": counts[1]}
            for name, counts in sorted(row.services.items())
        ],
    }


def _result(store: Store, ids: list[str]) -> Response:
    spans = [origin for one in ids for origin in traces.spans(store, one)]
    if not spans:
        return _error(404, "No traces found")
    return json_response({"result": {"resourceSpans": otlp_write.resource_spans(spans)}})


def _wanted(query: dict[str, str]) -> jaeger_search.Wanted | str:
    names = {key.removeprefix("query."): value for key, value in _camel(query).items()}
    if not names.get("startTimeMin") or not names.get("startTimeMax"):
        return "query.start_time_min and query.start_time_max are required"
    try:
        attributes = json.loads(names.get("attributes") or "{}")
        return jaeger_search.Wanted(
            service=names.get("serviceName", ""),
            operation=names.get("operationName", ""),
            tags=tuple((str(key), str(value)) for key, value in attributes.items()),
            start_ns=_time_ns(names["startTimeMin"]),
            end_ns=_time_ns(names["startTimeMax"]),
            min_ns=_duration(names.get("durationMin", "")),
            max_ns=_duration(names.get("durationMax", "")),
            limit=int(names.get("searchDepth") or names.get("numTraces") or 100),
        )
    except (ValueError, AttributeError, OverflowError) as error:
        return f"malformed parameter: {error}"


def _time_ns(text: str) -> int:
    """RFC 3339 with up to nine decimals."""
    fraction = _FRACTION.search(text)
    nanos = int(fraction.group(1).ljust(9, "0")[:9]) if fraction else 0
    plain = _FRACTION.sub("", text, count=1).replace("Z", "+00:00").replace("z", "+00:00").replace(" ", "+")
    moment = datetime.fromisoformat(plain)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return int(moment.timestamp()) * 1_000_000_000 + nanos


def _duration(text: str) -> int | None:
    if not text:
        return None
    found = duration_ns(text)
    if found is None:
        raise ValueError(f"{text[:50]} is no duration")
    return found


def _id(text: str) -> str | None:
    padded = jaeger_search.padded(text)
    if padded is not None:
        return padded
    try:
        raw = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw.hex().zfill(32) if 0 < len(raw) <= 16 else None


def _camel(query: dict[str, str]) -> dict[str, str]:
    return {_CAMEL.sub(lambda match: match.group(1).upper(), key): value for key, value in query.items()}


def _error(status: int, message: str) -> Response:
    return json_response({"error": {"httpCode": status, "message": message}}, status)
