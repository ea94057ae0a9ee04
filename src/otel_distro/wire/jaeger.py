# SPDX-License-Identifier: Apache-2.0
"""Ended spans -> Jaeger's bytes; any of its formats.

Shaped like the OTLP encoder, since it is as hot: one pass, few calls per span, bytes remembered for what
repeats. A span whose fields are not what they should be is mended field by field and encoded again; if that
fails too, it is rejected alone.

Source: OpenTelemetry specification 1.31, "OpenTelemetry to Jaeger Transformation".
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_distro.runtime import guard
from otel_distro.wire.jaeger_cut import cut_lengths, cut_value, shortened
from otel_distro.wire.jaeger_formats import BOOL, LONG, STRING
from otel_distro.wire.jaeger_tags import Tags
from otel_distro.wire.otlp_mend import MendedSpan, text_of
from otel_distro.wire.protobuf import utf8

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_distro.wire.jaeger_formats import Format

SERVICE_NAME = "service.name"
UNKNOWN_SERVICE = "unknown_service"

_KINDS = (b"", b"server", b"client", b"producer", b"consumer")
_STATUS_CODES = (b"", b"OK", b"ERROR")
_ERROR = 2
_MAX_NAMES = 1024
_MAX_ORIGINS = 256
_MAX_REMEMBERED_BYTES = 192
_SHORTEST_NS = 1000  # Jaeger counts microseconds and warns about a span of none


class Group(NamedTuple):
    """Spans of one resource, which Jaeger calls a process; all encoded."""

    process: bytes
    spans: list[bytes]


class Encoded(NamedTuple):
    """groups: without empty ones. rejected: (index in the batch, reason) of the spans that are in none.
    cut: spans whose largest values were cut to make them fit."""

    groups: list[Group]
    rejected: list[tuple[int, str]]
    cut: int


class _Head(NamedTuple):
    """Tags, each behind the format's joiner; how many they are."""

    tags: bytes
    number: int


class Encoder:
    """Encodes batches; remembers what repeats. For one thread at a time.

    A span is anything with the attributes of the SDK's ReadableSpan that begin with an underscore. One whose
    class has `_trace_id` carries its ids as ints, and no context object is touched.
    """

    def __init__(self, wire_format: Format, max_message_bytes: int | None = None) -> None:
        """max_message_bytes: for a message with one span; the span's largest values are cut to fit."""
        self._format = wire_format
        self._write = wire_format.span
        self._joiner = wire_format.joiner
        self._max_message_bytes = max_message_bytes
        self._tags = Tags(wire_format)
        self._names = _Names(wire_format)
        self._origins: dict[tuple[int, int], tuple[object, object, bytes, tuple[_Head, ...]]] = {}
        self._has_ids: dict[type, bool] = {}
        self._plain_status: object = None

    def encode(self, spans: Sequence[Any]) -> Encoded:
        """Encode spans. Never raises."""
        groups: dict[bytes, list[bytes]] = {}
        rejected: list[tuple[int, str]] = []
        resource = scope = heads = None
        process = b""
        parts: list[bytes] = []
        limit = None
        cut = 0
        for index, span in enumerate(spans):
            try:
                if span._resource is not resource or span._instrumentation_scope is not scope or heads is None:
                    process, heads = self._origin(span._resource, span._instrumentation_scope)
                    resource, scope = span._resource, span._instrumentation_scope
                    parts = groups.setdefault(process, [])
                    limit = self._span_limit(process)
                body = self._span(span, heads)
            except (AttributeError, TypeError, ValueError, OverflowError, LookupError, struct.error):
                mended = guard.call("a span could not be encoded", self._mended, span)
                if mended is None:
                    rejected.append((index, "it cannot be encoded"))
                    continue
                process, body = mended
                resource, scope, heads = None, None, None
                parts = groups.setdefault(process, [])
                limit = self._span_limit(process)
            if limit is not None and len(body) > limit:
                shorter = guard.call("a span could not be cut", self._cut, span, limit)
                if shorter is None:
                    rejected.append((index, f"it takes {len(body):,} bytes, and {limit:,} at most can be sent"))
                    continue
                body = shorter
                cut += 1
            parts.append(body)
        return Encoded([Group(process, parts) for process, parts in groups.items() if parts], rejected, cut)

    def _span(self, span: Any, heads: tuple[_Head, ...]) -> bytes:
        cls = type(span)
        if self._has_ids.get(cls):
            trace_id, span_id, parent_id = span._trace_id, span._span_id, span._parent_id
            flags, trace_state, dropped = span._trace_flags, span._trace_state, span._dropped
        elif cls not in self._has_ids:
            self._has_ids[cls] = hasattr(cls, "_trace_id")
            return self._span(span, heads)
        else:
            context, parent = span._context, span._parent
            trace_id, span_id = context.trace_id, context.span_id
            flags, trace_state, dropped = context.trace_flags, context.trace_state, True
            parent_id = 0 if parent is None else parent.span_id
        head, count = heads[span._kind._value_]
        if span._status is not self._plain_status:
            more = self._status(span._status)
            head, count = self._joined(head, more), count + len(more)
        attributes = span._attributes
        if attributes:
            memo = self._tags
            if type(attributes) is not dict:
                attributes = getattr(attributes, "_dict", attributes)
            count += len(attributes)
            head = self._joiner.join([head, *[memo[type(v)][k][v] for k, v in attributes.items()]])
        if trace_state or dropped:
            more = self._rare(span, trace_state)
            head, count = self._joined(head, more), count + len(more)
        start_ns = span._start_time
        duration_ns = span._end_time - start_ns
        logs: Sequence[bytes] = ()
        references: Sequence[bytes] = ()
        if span._events:
            logs = [self._event(event) for event in span._events]
        if span._links:
            references, more = self._links(span._links, 0 if parent_id else trace_id, start_ns)
            logs = [*logs, *more]
        return self._write(
            trace_id, span_id, parent_id, self._names[span._name], references, flags & 1, start_ns,
            duration_ns if duration_ns > _SHORTEST_NS else _SHORTEST_NS, count, head, logs,  # noqa: FURB136
        )  # fmt: skip

    def _joined(self, head: bytes, tags: list[bytes]) -> bytes:
        return self._joiner.join([head, *tags])

    def _mended(self, span: Any) -> tuple[bytes, bytes]:
        clean = MendedSpan(span)
        process, heads = self._origin(clean._resource, clean._instrumentation_scope)
        return process, self._span(clean, heads)

    def _status(self, status: Any) -> list[bytes]:
        if status is None:
            return []
        code, description = status.status_code._value_, status.description
        if not code and not description:
            self._plain_status = status
            return []
        tag = self._format.tag
        tags = [tag(b"otel.status_code", STRING, _STATUS_CODES[code])] if code else []
        if code == _ERROR:
            tags.append(tag(b"error", BOOL, True))
        if description:
            tags.append(tag(b"otel.status_description", STRING, utf8(text_of(description))))
        return tags

    def _rare(self, span: Any, trace_state: Mapping[str, str] | None) -> list[bytes]:
        tag = self._format.tag
        tags = []
        if trace_state:
            text = ",".join([f"{k}={v}" for k, v in trace_state.items()])
            tags.append(tag(b"w3c.tracestate", STRING, utf8(text)))
        counts = (
            (b"otel.dropped_attributes_count", span.dropped_attributes),
            (b"otel.dropped_events_count", span.dropped_events),
            (b"otel.dropped_links_count", span.dropped_links),
        )
        tags += [tag(key, LONG, count) for key, count in counts if count]
        return tags

    def _event(self, event: Any) -> bytes:
        attributes = event.attributes
        fields = self._tags.of(attributes)
        if not attributes or "event" not in attributes:
            fields.insert(0, self._tags[str]["event"][text_of(event.name)])
        return self._format.log(event.timestamp, fields)

    def _links(self, links: Any, root_of: int, start_ns: int) -> tuple[list[bytes], list[bytes]]:
        """References, and logs for links that say more. root_of: the trace the span is the root of, or 0."""
        references, logs = [], []
        for link in links:
            context, attributes = link.context, link.attributes
            trace_id, span_id = context.trace_id, context.span_id
            # Jaeger v2 takes a root span's reference into its own trace for its parent
            into_own_trace = trace_id == root_of
            if trace_id and span_id and not into_own_trace:
                references.append(self._format.reference(trace_id, span_id))
            if attributes or into_own_trace:
                strings = self._tags[str]
                fields = [
                    strings["event"]["link"],
                    strings["trace_id"][f"{trace_id:032x}"],
                    strings["span_id"][f"{span_id:016x}"],
                    *self._tags.of(attributes),
                ]
                logs.append(self._format.log(start_ns, fields))
        return references, logs

    def _origin(self, resource: Any, scope: Any) -> tuple[bytes, tuple[_Head, ...]]:
        """The process, and per span kind the tags that all spans of the scope have."""
        known = self._origins.get((id(resource), id(scope)))
        if known is not None:
            return known[2], known[3]
        if len(self._origins) >= _MAX_ORIGINS:
            self._origins.clear()
        of_scope = self._scope(scope)
        heads = tuple(
            [
                self._head([self._format.tag(b"span.kind", STRING, kind), *of_scope] if kind else of_scope)
                for kind in _KINDS
            ]
        )
        process = self._process(getattr(resource, "attributes", None) or {})
        # the objects are kept with their bytes: while they live nothing else gets their ids
        self._origins[id(resource), id(scope)] = (resource, scope, process, heads)
        return process, heads

    def _head(self, tags: list[bytes]) -> _Head:
        return _Head(self._joiner.join([b"", *tags]), len(tags))

    def _process(self, attributes: Mapping[str, Any]) -> bytes:
        service = utf8(text_of(attributes.get(SERVICE_NAME) or UNKNOWN_SERVICE))
        others = {key: value for key, value in attributes.items() if key != SERVICE_NAME}
        process = self._format.process(service, self._tags.of(others))
        limit = self._max_message_bytes
        if limit is not None and len(process) > limit // 2:
            for longest in cut_lengths():
                short = {key: cut_value(value, longest) for key, value in others.items()}
                process = self._format.process(service[:longest], self._tags.of(short))
                if len(process) <= limit // 2:
                    break
        return process

    def _scope(self, scope: Any) -> list[bytes]:
        if scope is None:
            return []
        tags = []
        for key, value in ((b"otel.scope.name", scope.name), (b"otel.scope.version", scope.version)):
            if value:
                tags.append(self._format.tag(key, STRING, utf8(text_of(value))))
        return tags + self._tags.of(getattr(scope, "attributes", None))

    def _span_limit(self, process: bytes) -> int | None:
        limit = self._max_message_bytes
        return None if limit is None else limit - self._format.frame_bytes(process)

    def _cut(self, span: Any, limit: int) -> bytes | None:
        """The span with its largest values cut as little as is needed; None when it does not fit at all."""
        clean = MendedSpan(span)
        _, heads = self._origin(clean._resource, clean._instrumentation_scope)
        for longest in cut_lengths():
            body = self._span(shortened(clean, longest), heads)
            if len(body) <= limit:
                return body
        return None


class _Names(dict[str, bytes]):
    """Span name -> its field."""

    __slots__ = ("_format",)

    def __init__(self, wire_format: Format) -> None:
        super().__init__()
        self._format = wire_format

    def __missing__(self, name: Any) -> bytes:
        encoded = self._format.name(utf8(text_of(name)))
        if len(self) < _MAX_NAMES and len(encoded) <= _MAX_REMEMBERED_BYTES and type(name) is str:
            self[name] = encoded
        return encoded
