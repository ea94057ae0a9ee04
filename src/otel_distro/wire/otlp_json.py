# SPDX-License-Identifier: Apache-2.0
"""Ended spans -> OTLP/JSON: ids in hex, enums as numbers, 64-bit numbers as strings.

For http/json and for lines on standard output. It favours being short over being fast: every span takes the
mending path, so that odd values need no second thought here.
Source: OTLP specification, "JSON Protobuf Encoding".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from otel_distro.runtime import guard
from otel_distro.wire.otlp import Encoded
from otel_distro.wire.otlp_mend import MendedContext, MendedSpan, text_of
from otel_distro.wire.protobuf import utf8

_MAX_DEPTH = 32


class Encoder:
    """The JSON counterpart of wire.otlp.Encoder."""

    def __init__(self, max_span_bytes: int = 64 * 1024 * 1024) -> None:
        """max_span_bytes: a span that takes more is rejected."""
        self._max_span_bytes = max_span_bytes

    def encode(self, spans: Any) -> Encoded:
        """Encode a sequence of spans into one ExportTraceServiceRequest. Never raises."""
        groups: dict[tuple[str, str], list[str]] = {}
        rejected: list[tuple[int, str]] = []
        for index, span in enumerate(spans):
            found = guard.call("a span could not be encoded", _encoded, span)
            if found is None:
                rejected.append((index, "it cannot be encoded"))
                continue
            origin, text = found
            if len(text) > self._max_span_bytes:
                rejected.append((index, f"it takes {len(text):,} bytes, over the limit of {self._max_span_bytes:,}"))
                continue
            groups.setdefault(origin, []).append(text)
        if not groups:
            return Encoded(b"", 0, rejected)
        parts = [
            f'{{{resource}"scopeSpans":[{{{scope}"spans":[{",".join(texts)}]}}]}}'
            for (resource, scope), texts in groups.items()
        ]
        body = f'{{"resourceSpans":[{",".join(parts)}]}}'
        return Encoded(body.encode("ascii"), sum(map(len, groups.values())), rejected)


def _encoded(span: Any) -> tuple[tuple[str, str], str]:
    clean = MendedSpan(span)
    return (_resource(clean._resource), _scope(clean._instrumentation_scope)), _text(_span(clean))


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _span(span: MendedSpan) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "traceId": f"{span._trace_id:032x}",
        "spanId": f"{span._span_id:016x}",
        "flags": span._trace_flags | (0x300 if span._parent_is_remote else 0x100),
        "name": _clean(span._name),
        "kind": span._kind._value_ + 1,
        "startTimeUnixNano": str(span._start_time),
        "endTimeUnixNano": str(span._end_time),
        "attributes": _attributes(span._attributes),
        "droppedAttributesCount": span.dropped_attributes,
        "events": [
            {
                "timeUnixNano": str(event.timestamp),
                "name": _clean(event.name),
                "attributes": _attributes(event.attributes),
                "droppedAttributesCount": event.dropped_attributes,
            }
            for event in span._events
        ],
        "droppedEventsCount": span.dropped_events,
        "links": [
            {
                **_context(link.context),
                "attributes": _attributes(link.attributes),
                "droppedAttributesCount": link.dropped_attributes,
            }
            for link in span._links
        ],
        "droppedLinksCount": span.dropped_links,
    }
    if span._parent_id:
        fields["parentSpanId"] = f"{span._parent_id:016x}"
    if span._trace_state:
        fields["traceState"] = _trace_state(span._trace_state)
    if span._status is not None and (span._status.status_code._value_ or span._status.description):
        fields["status"] = {
            "code": span._status.status_code._value_,
            "message": _clean(span._status.description),
        }
    return {name: value for name, value in fields.items() if value not in (0, []) or name == "flags"}


def _context(context: MendedContext) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "flags": context.trace_flags | (0x300 if context.is_remote else 0x100),
    }
    if context.trace_state:
        fields["traceState"] = _trace_state(context.trace_state)
    return fields


def _trace_state(state: dict[Any, Any]) -> str:
    return _clean(",".join([f"{key}={value}" for key, value in state.items()]))


def _resource(resource: Any) -> str:
    """The opening members of a ResourceSpans object."""
    text = f'"resource":{_text({"attributes": _attributes(getattr(resource, "attributes", None))})},'
    schema_url = getattr(resource, "schema_url", None)
    return f'{text}"schemaUrl":{_text(_clean(schema_url))},' if schema_url else text


def _scope(scope: Any) -> str:
    """The opening members of a ScopeSpans object."""
    if scope is None:
        return ""
    fields: dict[str, Any] = {"name": _clean(scope.name or "")}
    if scope.version:
        fields["version"] = _clean(scope.version)
    attributes = _attributes(getattr(scope, "attributes", None))
    if attributes:
        fields["attributes"] = attributes
    text = f'"scope":{_text(fields)},'
    schema_url = getattr(scope, "schema_url", None)
    return f'{text}"schemaUrl":{_text(_clean(schema_url))},' if schema_url else text


def _attributes(attributes: Any) -> list[dict[str, Any]]:
    if not attributes:
        return []
    return [{"key": _clean(key), "value": _any_value(value, 0)} for key, value in attributes.items()]


def _any_value(value: Any, depth: int) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        return {"intValue": str(int(value))}
    if isinstance(value, float):
        return {"doubleValue": _double(value)}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"bytesValue": base64.b64encode(bytes(value)).decode("ascii")}
    if depth < _MAX_DEPTH and isinstance(value, (list, tuple)):
        return {"arrayValue": {"values": [_any_value(item, depth + 1) for item in value]}}
    if depth < _MAX_DEPTH and isinstance(value, Mapping):
        pairs = [{"key": _clean(k), "value": _any_value(v, depth + 1)} for k, v in value.items()]
        return {"kvlistValue": {"values": pairs}}
    return {"stringValue": _clean(value)}


def _double(value: float) -> float | str:
    """Protobuf's JSON writes what JSON has no number for as a string."""
    if value != value:  # noqa: PLR0124 (only NaN differs from itself)
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return float(value)


def _clean(text: Any) -> str:
    return utf8(text_of(text)).decode()
