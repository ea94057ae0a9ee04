# SPDX-License-Identifier: Apache-2.0
"""Jaeger's JSON, as its v1 API answers and its UI saves: spans -> JSON, and JSON -> spans for import.

Times are integer µs, 64-bit integers stay numbers as in Jaeger's memory storage, bytes are base64. A span's
kind, status and scope become tags as jaeger.md, section 3, says, and are read back from them.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import TYPE_CHECKING, Any

from otel_distro.wire.otlp_decode import (
    DecodeError,
    EventFields,
    LinkFields,
    ResourceFields,
    ScopeFields,
    SpanFields,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_distro.wire.otlp_decode import Attributes, SpanOrigin, Value

KINDS = ("", "internal", "server", "client", "producer", "consumer")
_SAFE_INTEGER = (1 << 53) - 1


def trace(trace_id: str, spans: Iterable[SpanOrigin]) -> dict[str, Any]:
    """One element of `data`: {traceID, spans, processes, warnings}."""
    processes: dict[str, dict[str, Any]] = {}
    names: dict[str, str] = {}
    written = []
    for resource, scope, span in spans:
        process = _process(resource)
        key = json.dumps(process, sort_keys=True)
        name = names.get(key)
        if name is None:
            name = names[key] = f"p{len(names) + 1}"
            processes[name] = process
        written.append(_span(trace_id, scope, span, name))
    return {"traceID": trace_id, "spans": written, "processes": processes, "warnings": None}


def read(value: Any) -> Iterator[SpanOrigin]:
    """The spans of `{"data": [trace, ...]}`. Raises DecodeError when its shape is another."""
    try:
        for one in value["data"]:
            processes = {
                name: ResourceFields(
                    [
                        ("service.name", str(process.get("serviceName", ""))),
                        *_pairs(process.get("tags") or []),
                    ],
                    "",
                )
                for name, process in one["processes"].items()
            }
            for span in one["spans"]:
                yield _read_span(span, processes)
    except (KeyError, TypeError, AttributeError, ValueError, binascii.Error) as error:
        raise DecodeError(f"no Jaeger trace: {type(error).__name__} {error}") from None


def tags(pairs: Attributes) -> list[dict[str, Any]]:
    """`[{"key", "type", "value"}, ...]`."""
    return [_tag(key, value) for key, value in pairs]


def from_tags(
    resource: ResourceFields,
    pairs: Attributes,
    ids: tuple[bytes, bytes, bytes],
    name: str,
    times: tuple[int, int],
    rest: tuple[int, list[EventFields], list[LinkFields]],
) -> SpanOrigin:
    """A span of Jaeger's model: what was a tag becomes kind, status, scope and trace state again.

    ids: trace, span, parent. times: start and end, ns. rest: flags, events, links.
    """
    kind = code = 0
    scope_name = scope_version = message = state = ""
    error = False
    attributes: Attributes = []
    for key, value in pairs:
        if key == "span.kind":
            kind = KINDS.index(value) if isinstance(value, str) and value in KINDS else 0
        elif key == "otel.status_code":
            code = {"OK": 1, "ERROR": 2}.get(str(value), 0)
        elif key == "otel.status_description":
            message = str(value)
        elif key == "error" and isinstance(value, bool):
            error = value
        elif key in ("otel.scope.name", "otel.library.name"):
            scope_name = str(value)
        elif key in ("otel.scope.version", "otel.library.version"):
            scope_version = str(value)
        elif key == "w3c.tracestate":
            state = str(value)
        elif key != "internal.span.format":
            attributes.append((key, value))
    flags, events, links = rest
    span = SpanFields(
        *ids, state, flags & 1, name, kind, *times, attributes, 0, events, 0, links, 0,
        code or (2 if error else 0), message,
    )  # fmt: skip
    return resource, ScopeFields(scope_name, scope_version, [], ""), span


def _process(resource: ResourceFields) -> dict[str, Any]:
    service = next((value for key, value in resource.attributes if key == "service.name"), "") or "unknown_service"
    rest = [(key, value) for key, value in resource.attributes if key != "service.name"]
    return {"serviceName": service, "tags": tags(rest)}


def _span(trace_id: str, scope: ScopeFields, span: SpanFields, process: str) -> dict[str, Any]:
    references = []
    if any(span.parent_span_id):
        references.append(_reference("CHILD_OF", trace_id, span.parent_span_id.hex()))
    references.extend(_reference("FOLLOWS_FROM", link.trace_id.hex(), link.span_id.hex()) for link in span.links)
    return {
        "traceID": trace_id,
        "spanID": span.span_id.hex(),
        "operationName": span.name,
        "references": references,
        "startTime": span.start_ns // 1000,
        "duration": max(0, span.end_ns - span.start_ns) // 1000,
        "tags": tags([*_leading_tags(scope, span), *span.attributes, *_trailing_tags(scope, span)]),
        "logs": [_log(event) for event in span.events],
        "processID": process,
        "warnings": None,
    }


def _leading_tags(scope: ScopeFields, span: SpanFields) -> Attributes:
    found: Attributes = []
    if scope.name:
        found.append(("otel.scope.name", scope.name))
    if scope.version:
        found.append(("otel.scope.version", scope.version))
    if span.kind > 1:
        found.append(("span.kind", KINDS[span.kind]))
    elif span.kind == 1:
        found.append(("span.kind", "internal"))
    return found


def _trailing_tags(scope: ScopeFields, span: SpanFields) -> Attributes:
    found: Attributes = list(scope.attributes)
    if span.status_code == 2:
        found += [("otel.status_code", "ERROR"), ("error", True)]
    elif span.status_code == 1:
        found.append(("otel.status_code", "OK"))
    if span.status_message:
        found.append(("otel.status_description", span.status_message))
    if span.trace_state:
        found.append(("w3c.tracestate", span.trace_state))
    return found


def _reference(kind: str, trace_id: str, span_id: str) -> dict[str, str]:
    return {"refType": kind, "traceID": trace_id, "spanID": span_id}


def _log(event: EventFields) -> dict[str, Any]:
    fields = tags(event.attributes)
    if event.name and all(key != "event" for key, _ in event.attributes):
        fields.insert(0, _tag("event", event.name))
    return {"timestamp": event.time_ns // 1000, "fields": fields}


def _tag(key: str, value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": key, "type": "bool", "value": value}
    if isinstance(value, int):
        return {"key": key, "type": "int64", "value": value if abs(value) <= _SAFE_INTEGER else str(value)}
    if isinstance(value, float):
        return {"key": key, "type": "float64", "value": value if math.isfinite(value) else str(value)}
    if isinstance(value, bytes):
        return {"key": key, "type": "binary", "value": base64.b64encode(value).decode("ascii")}
    if isinstance(value, str):
        return {"key": key, "type": "string", "value": value}
    return {
        "key": key,
        "type": "string",
        "value": json.dumps(value, default=_bytes_text, separators=(",", ":")),
    }


def _bytes_text(value: object) -> str:
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else str(value)


def _read_span(span: dict[str, Any], processes: dict[str, ResourceFields]) -> SpanOrigin:
    parent = b""
    links = []
    for reference in span.get("references") or []:
        trace_id, span_id = _hex(reference["traceID"], 16), _hex(reference["spanID"], 8)
        if reference.get("refType") == "CHILD_OF" and not parent:
            parent = span_id
        else:
            links.append(LinkFields(trace_id, span_id, "", [], 0, 0))
    events = []
    for entry in span.get("logs") or []:
        fields = _pairs(entry.get("fields") or [])
        name = next((str(value) for key, value in fields if key == "event"), "")
        kept = [(key, value) for key, value in fields if key != "event"]
        events.append(EventFields(int(entry["timestamp"]) * 1000, name, kept, 0))
    start = int(span["startTime"]) * 1000
    process = span.get("processID")
    resource = processes.get(process) if isinstance(process, str) else None
    return from_tags(
        resource or ResourceFields([], ""),
        _pairs(span.get("tags") or []),
        (_hex(span["traceID"], 16), _hex(span["spanID"], 8), parent),
        str(span.get("operationName", "")),
        (start, start + int(span.get("duration", 0)) * 1000),
        (int(span.get("flags") or 0), events, links),
    )


def _pairs(written: list[dict[str, Any]]) -> Attributes:
    pairs: Attributes = []
    for tag in written:
        kind, value = tag.get("type"), tag.get("value")
        if kind == "binary":
            value = base64.b64decode(str(value))
        elif kind == "int64":
            value = int(str(value))
        elif kind == "float64":
            value = float(str(value))
        elif not isinstance(value, (str, bool, int, float)):
            value = json.dumps(value)
        if isinstance(value, str):
            value = value.encode("utf-8", "replace").decode("utf-8")
        pairs.append((str(tag["key"]), value))
    return pairs


def _hex(text: str, size: int) -> bytes:
    """Jaeger leaves out leading zeros."""
    return bytes.fromhex(text.zfill(2 * size)[-2 * size :])
