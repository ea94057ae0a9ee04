# SPDX-License-Identifier: Apache-2.0
"""OTLP trace requests in JSON -> the same plain values as protobuf.

Source: OTLP specification, "JSON Protobuf Encoding": ids in hexadecimal, 64-bit numbers as text or number, enums as
number; lowerCamelCase names. Enum names and snake_case are accepted too, since files are written by many tools.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from otel_distro.wire.otlp_decode import (
    MAX_DEPTH,
    MAX_SPANS,
    MAX_VALUES,
    DecodeError,
    EventFields,
    LinkFields,
    ResourceFields,
    ScopeFields,
    SpanFields,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_distro.wire.otlp_decode import Attributes, SpanOrigin, Value

MAX_JSON_PARTS = 800_000
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_CODES = ("unset", "ok", "error")


def load(data: bytes) -> Any:
    """The JSON value, bounded in parts and depth. Raises DecodeError."""
    if data.count(b"{") + data.count(b"[") + data.count(b",") > MAX_JSON_PARTS:
        raise DecodeError(f"more than {MAX_JSON_PARTS} values in one request")
    try:
        return json.loads(data)
    except RecursionError:
        raise DecodeError("nested too deep") from None
    except ValueError as error:
        raise DecodeError(f"no JSON: {error}") from None


def read(value: Any) -> Iterator[SpanOrigin]:
    """The spans of a loaded `{"resourceSpans": [...]}`. Raises DecodeError when its shape is another."""
    if not isinstance(value, dict):
        raise DecodeError("an OTLP request is a JSON object")
    count = 0
    for block in _list(value, "resourceSpans", "resource_spans"):
        resource = ResourceFields(_attributes(_dict(block, "resource"), [0]), _text(block, "schemaUrl", "schema_url"))
        for group in _list(block, "scopeSpans", "scope_spans", "instrumentationLibrarySpans"):
            raw = _dict(group, "scope", "instrumentationLibrary")
            scope = ScopeFields(
                _text(raw, "name"),
                _text(raw, "version"),
                _attributes(raw, [0]),
                _text(group, "schemaUrl", "schema_url"),
            )
            for item in _list(group, "spans"):
                count += 1
                if count > MAX_SPANS:
                    raise DecodeError(f"more than {MAX_SPANS} spans in one request")
                yield resource, scope, _span(item)


def _span(item: dict[str, Any]) -> SpanFields:
    seen = [0]
    status = _dict(item, "status")
    return SpanFields(
        trace_id=_id(item, "traceId", "trace_id", size=16),
        span_id=_id(item, "spanId", "span_id", size=8),
        parent_span_id=_id(item, "parentSpanId", "parent_span_id", size=8),
        trace_state=_text(item, "traceState", "trace_state"),
        flags=_number(item, "flags") & 0xFFFFFFFF,
        name=_text(item, "name"),
        kind=_enum(item, "kind", "SPAN_KIND_", _KINDS),
        start_ns=_number(item, "startTimeUnixNano", "start_time_unix_nano"),
        end_ns=_number(item, "endTimeUnixNano", "end_time_unix_nano"),
        attributes=_attributes(item, seen),
        dropped_attributes=_number(item, "droppedAttributesCount", "dropped_attributes_count"),
        events=[
            EventFields(
                _number(event, "timeUnixNano", "time_unix_nano"),
                _text(event, "name"),
                _attributes(event, seen),
                _number(event, "droppedAttributesCount", "dropped_attributes_count"),
            )
            for event in _list(item, "events")
        ],
        dropped_events=_number(item, "droppedEventsCount", "dropped_events_count"),
        links=[
            LinkFields(
                _id(link, "traceId", "trace_id", size=16),
                _id(link, "spanId", "span_id", size=8),
                _text(link, "traceState", "trace_state"),
                _attributes(link, seen),
                _number(link, "droppedAttributesCount", "dropped_attributes_count"),
                _number(link, "flags") & 0xFFFFFFFF,
            )
            for link in _list(item, "links")
        ],
        dropped_links=_number(item, "droppedLinksCount", "dropped_links_count"),
        status_code=_enum(status, "code", "STATUS_CODE_", _CODES),
        status_message=_text(status, "message"),
    )


def _attributes(item: dict[str, Any], seen: list[int]) -> Attributes:
    pairs: Attributes = []
    for pair in _list(item, "attributes"):
        seen[0] += 1
        if seen[0] > MAX_VALUES:
            raise DecodeError(f"more than {MAX_VALUES} values in one request")
        pairs.append((_text(pair, "key"), _any_value(pair.get("value"), 0)))
    return pairs


def _any_value(value: Any, depth: int) -> Value:
    if depth > MAX_DEPTH:
        raise DecodeError(f"values nested deeper than {MAX_DEPTH}")
    if not isinstance(value, dict) or not value:
        return None
    kind, inner = next(iter(value.items()))
    try:
        if kind in ("stringValue", "string_value"):
            return _clean(str(inner))
        if kind in ("boolValue", "bool_value"):
            return inner is True or inner == "true"
        if kind in ("intValue", "int_value"):
            return _int64(int(inner))
        if kind in ("doubleValue", "double_value"):
            return float(inner)
        if kind in ("bytesValue", "bytes_value"):
            return base64.b64decode(str(inner))
        if kind in ("arrayValue", "array_value"):
            return [_any_value(one, depth + 1) for one in _list(inner, "values")]
        if kind in ("kvlistValue", "kvlist_value"):
            return {_text(one, "key"): _any_value(one.get("value"), depth + 1) for one in _list(inner, "values")}
    except (ValueError, TypeError, OverflowError):
        raise DecodeError(f"{kind} holds something else") from None
    return None


def _list(item: Any, *names: str) -> list[dict[str, Any]]:
    value = _get(item, names)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise DecodeError(f"{names[0]} is no list of objects")
    return value


def _dict(item: Any, *names: str) -> dict[str, Any]:
    value = _get(item, names)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise DecodeError(f"{names[0]} is no object")
    return value


def _text(item: Any, *names: str) -> str:
    value = _get(item, names)
    return "" if value is None else _clean(str(value))


def _number(item: Any, *names: str) -> int:
    value = _get(item, names)
    if value is None:
        return 0
    try:
        return max(0, min(int(value), (1 << 64) - 1))
    except (ValueError, TypeError, OverflowError):
        raise DecodeError(f"{names[0]} is no number") from None


def _enum(item: Any, name: str, prefix: str, names: tuple[str, ...]) -> int:
    value = _get(item, (name,))
    if isinstance(value, str) and not value.isdigit():
        plain = value.removeprefix(prefix).lower()
        return names.index(plain) if plain in names else 0
    return _number(item, name)


def _id(item: Any, *names: str, size: int) -> bytes:
    """Hexadecimal, as the specification says, or base64, as a generic protobuf-JSON writer puts it."""
    value = _get(item, names)
    if not isinstance(value, str) or not value:
        return b""
    try:
        if len(value) == 4 * ((size + 2) // 3):
            return base64.b64decode(value, validate=True)
        return bytes.fromhex(value)
    except (ValueError, binascii.Error):
        raise DecodeError(f"{names[0]} is no id") from None


def _get(item: Any, names: tuple[str, ...]) -> Any:
    if not isinstance(item, dict):
        raise DecodeError("a list where an object was expected")
    for name in names:
        if name in item:
            return item[name]
    return None


def _int64(number: int) -> int:
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(number)
    return number


def _clean(text: str) -> str:
    """Without lone surrogates, which JSON can carry and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
