# SPDX-License-Identifier: Apache-2.0
"""Spans -> OTLP in JSON: for export, and for Jaeger's v3 API, which shows traces in this form.

Source: OTLP specification, "JSON Protobuf Encoding": hexadecimal ids, numeric enums, int64 as text.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_distro.wire.otlp_decode import (
        Attributes,
        ResourceFields,
        ScopeFields,
        SpanFields,
        SpanOrigin,
        Value,
    )


def resource_spans(spans: Iterable[SpanOrigin]) -> list[dict[str, Any]]:
    """The list under `resourceSpans`: one block per resource, one group per scope, in order of appearance."""
    blocks: list[tuple[ResourceFields, list[tuple[ScopeFields, dict[str, Any]]], dict[str, Any]]] = []
    for resource, scope, span in spans:
        block = next((found for found in blocks if found[0] == resource), None)
        if block is None:
            value: dict[str, Any] = {
                "resource": {"attributes": attributes(resource.attributes)},
                "scopeSpans": [],
            }
            if resource.schema_url:
                value["schemaUrl"] = resource.schema_url
            block = (resource, [], value)
            blocks.append(block)
        group = next((found for known, found in block[1] if known == scope), None)
        if group is None:
            group = _group(scope)
            block[1].append((scope, group))
            block[2]["scopeSpans"].append(group)
        group["spans"].append(_span(span))
    return [block[2] for block in blocks]


def attributes(pairs: Attributes) -> list[dict[str, Any]]:
    """`[{"key": ..., "value": {"stringValue": ...}}, ...]`."""
    return [{"key": key, "value": _any_value(value)} for key, value in pairs]


def _group(scope: ScopeFields) -> dict[str, Any]:
    written: dict[str, Any] = {"name": scope.name}
    if scope.version:
        written["version"] = scope.version
    if scope.attributes:
        written["attributes"] = attributes(scope.attributes)
    group: dict[str, Any] = {"scope": written, "spans": []}
    if scope.schema_url:
        group["schemaUrl"] = scope.schema_url
    return group


def _span(span: SpanFields) -> dict[str, Any]:
    status: dict[str, Any] = {}
    if span.status_code:
        status["code"] = span.status_code
    if span.status_message:
        status["message"] = span.status_message
    written: dict[str, Any] = {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_span_id.hex() if any(span.parent_span_id) else "",
        "traceState": span.trace_state,
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": attributes(span.attributes),
        "droppedAttributesCount": span.dropped_attributes,
        "events": [
            _some(
                {
                    "timeUnixNano": str(event.time_ns),
                    "name": event.name,
                    "attributes": attributes(event.attributes),
                    "droppedAttributesCount": event.dropped_attributes,
                }
            )
            for event in span.events
        ],
        "droppedEventsCount": span.dropped_events,
        "links": [
            _some(
                {
                    "traceId": link.trace_id.hex(),
                    "spanId": link.span_id.hex(),
                    "traceState": link.trace_state,
                    "attributes": attributes(link.attributes),
                    "droppedAttributesCount": link.dropped_attributes,
                    "flags": link.flags,
                }
            )
            for link in span.links
        ],
        "droppedLinksCount": span.dropped_links,
    }
    return {**_some(written), "status": status}


def _some(value: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if item not in ("", 0, [])}


def _any_value(value: Value) -> dict[str, Any]:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else _not_finite(value)}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode("ascii")}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": _any_value(item)} for key, item in value.items()]}}
    return {}


def _not_finite(value: float) -> str:
    """Protobuf's JSON names for what JSON has no number for."""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
