# SPDX-License-Identifier: Apache-2.0
"""Stored bodies -> spans, as they came in."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_distro.viewer.store.packing import as_bytes
from otel_distro.wire.otlp_decode import EventFields, LinkFields, ResourceFields, ScopeFields, SpanFields

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from otel_distro.wire.otlp_decode import Attributes, SpanOrigin


def spans_of(connection: sqlite3.Connection, trace_id: bytes, bodies: list[list[Any]]) -> Iterator[SpanOrigin]:
    """The spans of one chunk's unpacked body. Raises ValueError on a damaged one, and sqlite3.Error."""
    origins: dict[int, tuple[ResourceFields, ScopeFields]] = {}
    for body in bodies:
        number = body[16]
        if number not in origins:
            row = connection.execute("SELECT text FROM origin WHERE id = ?", (number,)).fetchone()
            origins[number] = _origin(row[0] if row else "{}")
        resource, scope = origins[number]
        yield resource, scope, _span(trace_id, body)


def _span(trace_id: bytes, body: list[Any]) -> SpanFields:
    (
        span_id,
        parent,
        name,
        kind,
        start,
        end,
        attributes,
        events,
        links,
        code,
        message,
        flags,
        state,
        *dropped,
    ) = body
    return SpanFields(
        trace_id=trace_id,
        span_id=bytes.fromhex(span_id),
        parent_span_id=bytes.fromhex(parent),
        trace_state=state,
        flags=flags,
        name=name,
        kind=kind,
        start_ns=start,
        end_ns=end,
        attributes=_pairs(attributes),
        dropped_attributes=dropped[0],
        events=[EventFields(time, title, _pairs(fields), lost) for time, title, fields, lost in events],
        dropped_events=dropped[1],
        links=[
            LinkFields(bytes.fromhex(trace), bytes.fromhex(span), trace_state, _pairs(fields), lost, link_flags)
            for trace, span, trace_state, fields, lost, link_flags in links
        ],
        dropped_links=dropped[2],
        status_code=code,
        status_message=message,
    )


@lru_cache(maxsize=512)
def _origin(text: str) -> tuple[ResourceFields, ScopeFields]:
    value = json.loads(text)
    name, version, attributes, schema_url = value.get("scope", ["", "", {}, ""])
    resource = ResourceFields(_pairs(value.get("resource", {})), value.get("resource_schema", ""))
    return resource, ScopeFields(name, version, _pairs(attributes), schema_url)


def _pairs(attributes: dict[str, Any]) -> Attributes:
    return [(key, _value(value)) for key, value in attributes.items()]


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        raw = as_bytes(value)
        return raw if raw is not None else {key: _value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item) for item in value]
    return value
