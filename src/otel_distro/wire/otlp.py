# SPDX-License-Identifier: Apache-2.0
"""Ended spans -> the bytes of an OTLP ExportTraceServiceRequest, without protobuf objects.

This is the hottest code behind the app's back, so it is shaped by CPython's costs: one pass, few calls per
span. Every attribute is three dict look-ups (type, key, value) that end in ready-made bytes; what is not yet
known is made by the `__missing__` of the dict where the look-up failed. Values are remembered within bounds.
A span whose fields are not what they should be falls out of the fast path with an exception, is mended field
by field, and encoded again; if that fails too, it is rejected alone.

Source: opentelemetry-proto 1.x, trace/v1/trace.proto and common/v1/common.proto.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from otel_distro.runtime import guard
from otel_distro.wire.otlp_attributes import MAX_REMEMBERED_BYTES, Pairs
from otel_distro.wire.otlp_mend import MendedSpan, text_of
from otel_distro.wire.protobuf import delimited, utf8, varint

_MAX_NAMES = 1024
_MAX_ORIGINS = 256

_HAS_IS_REMOTE = 0x100
_IS_REMOTE = 0x200
_FROM_REMOTE = _HAS_IS_REMOTE | _IS_REMOTE

# trace_id=1, span_id=2, [parent_span_id=4,] start=7, end=8, flags=16, kind=6; tag and length in one number
_ROOT = struct.Struct("<H16sH8sBQBQHIBB").pack
_CHILD = struct.Struct("<H16sH8sH8sBQBQHIBB").pack
_FIXED64 = struct.Struct("<BQ").pack
_TRACE_AND_SPAN = struct.Struct("<H16sH8s").pack
_FLAGS32 = struct.Struct("<BI").pack


class Encoded(NamedTuple):
    """body: the request, b"" when no span was left. span_count: spans in it.
    rejected: (index in the batch, reason) of the spans that are not in it."""

    body: bytes
    span_count: int
    rejected: list[tuple[int, str]]


class Encoder:
    """Encodes batches; remembers what repeats. For one thread at a time.

    A span is anything with the attributes of the SDK's ReadableSpan that begin with an underscore. One whose
    class has `_trace_id` carries its ids as ints (`_trace_id`, `_span_id`, `_parent_id` that is 0 for a root,
    `_trace_flags`) beside `_parent_is_remote`, `_trace_state` and `_dropped` (true when one of the dropped
    counts is not 0), and no context object is touched.
    """

    def __init__(self, max_span_bytes: int = 64 * 1024 * 1024) -> None:
        """max_span_bytes: a span that takes more is rejected."""
        self._max_span_bytes = max_span_bytes
        self._pairs = Pairs()
        self._names = _Names()
        self._origins: dict[tuple[int, int], tuple[object, object, _Origin]] = {}
        self._plain_status: object = None
        self._has_ids: dict[type, bool] = {}

    def encode(self, spans: Any) -> Encoded:
        """Encode a sequence of spans. Never raises."""
        groups: dict[_Origin, list[bytes]] = {}
        rejected: list[tuple[int, str]] = []
        resource = scope = parts = None
        for index, span in enumerate(spans):
            try:
                body = self._span(span)
                if span._resource is not resource or span._instrumentation_scope is not scope or parts is None:
                    resource, scope = span._resource, span._instrumentation_scope
                    parts = groups.setdefault(self._origin(resource, scope), [])
            except (AttributeError, TypeError, ValueError, OverflowError, LookupError, RuntimeError, struct.error):
                mended = guard.call("a span could not be encoded", self._mended, span)
                if mended is None:
                    rejected.append((index, "it cannot be encoded"))
                    continue
                origin, body = mended
                resource, scope, parts = None, None, groups.setdefault(origin, [])
            if len(body) > self._max_span_bytes:
                rejected.append((index, f"it takes {len(body):,} bytes, over the limit of {self._max_span_bytes:,}"))
                continue
            parts.append(b"\x12" + varint(len(body)))
            parts.append(body)
        return Encoded(_request(groups), sum(map(len, groups.values())) // 2, rejected)

    def _span(self, span: Any) -> bytes:
        cls = type(span)
        if self._has_ids.get(cls):
            trace_id, parent_id = span._trace_id, span._parent_id
            span_id, trace_state = span._span_id, span._trace_state
            flags = span._trace_flags | (_FROM_REMOTE if span._parent_is_remote else _HAS_IS_REMOTE)
            dropped = span._dropped
        elif cls not in self._has_ids:
            self._has_ids[cls] = hasattr(cls, "_trace_id")
            return self._span(span)
        else:
            context, parent = span._context, span._parent
            trace_id, span_id, trace_state = context.trace_id, context.span_id, context.trace_state
            flags = context.trace_flags | _HAS_IS_REMOTE
            parent_id, dropped = 0, True
            if parent is not None:
                parent_id = parent.span_id
                if parent.is_remote:
                    flags |= _IS_REMOTE
        if parent_id:
            fixed = _CHILD(
                0x100A, trace_id.to_bytes(16, "big"), 0x0812, span_id.to_bytes(8, "big"),
                0x0822, parent_id.to_bytes(8, "big"), 0x39, span._start_time, 0x41, span._end_time,
                0x0185, flags, 0x30, span._kind._value_ + 1,
            )  # fmt: skip
        else:
            fixed = _ROOT(
                0x100A, trace_id.to_bytes(16, "big"), 0x0812, span_id.to_bytes(8, "big"),
                0x39, span._start_time, 0x41, span._end_time, 0x0185, flags, 0x30, span._kind._value_ + 1,
            )  # fmt: skip
        attributes = span._attributes
        if attributes:
            pairs = self._pairs
            if type(attributes) is not dict:
                attributes = getattr(attributes, "_dict", attributes)
            body = b"J".join([self._names[span._name], *[pairs[type(v)][k][v] for k, v in attributes.items()]])
        else:
            body = self._names[span._name]
        rest = b""
        if span._status is not self._plain_status:
            rest = self._status(span._status)
        if span._events:
            rest += self._events(span._events)
        if span._links:
            rest += self._links(span._links)
        if trace_state:
            rest += delimited(b"\x1a", utf8(",".join([f"{k}={v}" for k, v in trace_state.items()])))
        if dropped:
            rest += _dropped(span)
        return fixed + body + rest if rest else fixed + body

    def _mended(self, span: Any) -> tuple[_Origin, bytes]:
        clean = MendedSpan(span)
        return self._origin(clean._resource, clean._instrumentation_scope), self._span(clean)

    def _status(self, status: Any) -> bytes:
        if status is None:
            return b""
        code, description = status.status_code._value_, status.description
        if not code and not description:
            self._plain_status = status
            return b""
        body = delimited(b"\x12", utf8(text_of(description))) if description else b""
        return delimited(b"z", body + (b"\x18" + varint(code) if code else b""))

    def _attributes(self, tag: bytes, attributes: Any) -> bytes:
        if not attributes:
            return b""
        pairs = self._pairs
        return tag + tag.join([pairs[type(v)][k][v] for k, v in attributes.items()])

    def _events(self, events: Any) -> bytes:
        out = []
        for event in events:
            attributes = event.attributes
            dropped = event.dropped_attributes
            body = (
                _FIXED64(0x09, max(0, event.timestamp))
                + delimited(b"\x12", utf8(text_of(event.name)))
                + self._attributes(b"\x1a", attributes)
                + (b"\x20" + varint(dropped) if dropped else b"")
            )
            out.append(delimited(b"Z", body))
        return b"".join(out)

    def _links(self, links: Any) -> bytes:
        out = []
        for link in links:
            context, attributes = link.context, link.attributes
            dropped = link.dropped_attributes
            flags = context.trace_flags | _HAS_IS_REMOTE | (_IS_REMOTE if context.is_remote else 0)
            state = context.trace_state
            body = (
                _TRACE_AND_SPAN(
                    0x100A, context.trace_id.to_bytes(16, "big"), 0x0812, context.span_id.to_bytes(8, "big")
                )
                + (delimited(b"\x1a", utf8(",".join([f"{k}={v}" for k, v in state.items()]))) if state else b"")
                + self._attributes(b"\x22", attributes)
                + (b"\x28" + varint(dropped) if dropped else b"")
                + _FLAGS32(0x35, flags)
            )
            out.append(delimited(b"j", body))
        return b"".join(out)

    def _origin(self, resource: Any, scope: Any) -> _Origin:
        key = (id(resource), id(scope))
        known = self._origins.get(key)
        if known is not None:
            return known[2]
        if len(self._origins) >= _MAX_ORIGINS:
            self._origins.clear()
        origin = _Origin(
            delimited(b"\n", self._attributes(b"\n", getattr(resource, "attributes", None))),
            utf8(text_of(getattr(resource, "schema_url", None) or "")),
            self._scope(scope),
            utf8(text_of(getattr(scope, "schema_url", None) or "")),
        )
        # the objects are kept with their bytes: while they live nothing else gets their ids
        self._origins[key] = (resource, scope, origin)
        return origin

    def _scope(self, scope: Any) -> bytes:
        if scope is None:
            return b""
        body = delimited(b"\n", utf8(text_of(scope.name))) if scope.name else b""
        if scope.version:
            body += delimited(b"\x12", utf8(text_of(scope.version)))
        return delimited(b"\n", body + self._attributes(b"\x1a", getattr(scope, "attributes", None)))


class _Origin(NamedTuple):
    """Encoded Resource and InstrumentationScope messages and schema URLs: what spans are grouped by."""

    resource: bytes
    resource_schema_url: bytes
    scope: bytes
    scope_schema_url: bytes


def _request(groups: dict[_Origin, list[bytes]]) -> bytes:
    """The values of groups are heads and bodies of spans in turn."""
    resources: dict[tuple[bytes, bytes], list[bytes]] = {}
    for origin, parts in groups.items():
        if parts:
            spans = b"".join(parts)
            tail = delimited(b"\x1a", origin.scope_schema_url) if origin.scope_schema_url else b""
            head = b"\x12" + varint(len(origin.scope) + len(spans) + len(tail)) + origin.scope
            resources.setdefault(origin[:2], []).extend((head, spans, tail))
    out: list[bytes] = []
    for (resource, schema_url), scopes in resources.items():
        if schema_url:
            scopes.append(delimited(b"\x1a", schema_url))
        out += (b"\n" + varint(len(resource) + sum(map(len, scopes))) + resource, *scopes)
    return b"".join(out)


def _dropped(span: Any) -> bytes:
    attributes, events, links = span.dropped_attributes, span.dropped_events, span.dropped_links
    if not (attributes or events or links):
        return b""
    counts = ((b"P", attributes), (b"`", events), (b"p", links))
    return b"".join([tag + varint(min(count, 0xFFFF_FFFF)) for tag, count in counts if count])


class _Names(dict[str, bytes]):
    """Span name -> its field."""

    __slots__ = ()

    def __missing__(self, name: Any) -> bytes:
        encoded = delimited(b"*", utf8(text_of(name)))
        if len(self) < _MAX_NAMES and len(encoded) <= 2 * MAX_REMEMBERED_BYTES and type(name) is str:
            self[name] = encoded
        return encoded
