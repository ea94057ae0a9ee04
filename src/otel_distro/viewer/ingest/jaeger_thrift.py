# SPDX-License-Identifier: Apache-2.0
"""Jaeger's Thrift batches -> spans."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from otel_distro.runtime import log
from otel_distro.viewer.ingest.jaeger_json import from_tags
from otel_distro.wire.jaeger_decode import decode_datagram, decode_http
from otel_distro.wire.otlp_decode import DecodeError, EventFields, LinkFields, ResourceFields
from otel_distro.wire.thrift import ThriftError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_distro.viewer.ingest.worker import Worker
    from otel_distro.wire.jaeger_decode import Batch, Log, Span
    from otel_distro.wire.otlp_decode import Attributes, SpanOrigin

MAX_WAITING_DATAGRAMS = 1_000


def http_batch(body: bytes) -> Iterator[SpanOrigin]:
    """The spans of a POST to /api/traces. Raises DecodeError."""
    try:
        batch = decode_http(body)
    except ThriftError as error:
        raise DecodeError(str(error)) from None
    return _spans(batch)


def datagram(message: bytes) -> Iterator[SpanOrigin]:
    """The spans of one message to an agent's port, in either protocol. Raises DecodeError."""
    try:
        batch = decode_datagram(message)
    except ThriftError as error:
        raise DecodeError(str(error)) from None
    return _spans(batch)


class Datagrams(asyncio.DatagramProtocol):
    """A UDP port: hands what arrived together to the worker together."""

    def __init__(self, worker: Worker, arrived: Callable[[], None]) -> None:
        """arrived: called for each datagram."""
        self.dropped = 0
        self._worker = worker
        self._arrived = arrived
        self._waiting: deque[bytes] = deque()
        self._submitted = False

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - all senders are alike
        """One message came."""
        self._arrived()
        if len(self._waiting) >= MAX_WAITING_DATAGRAMS:
            self.dropped += 1
            return
        self._waiting.append(data)
        if not self._submitted:
            self._submitted = True
            self._worker.submit(self._decode).add_done_callback(self._done)

    def _decode(self) -> Iterator[SpanOrigin]:
        self._submitted = False
        while self._waiting:
            data = self._waiting.popleft()
            try:
                yield from datagram(data)
            except DecodeError as error:
                log.warn(f"viewer: a Jaeger datagram was refused: {error}", key="viewer datagram")

    def _done(self, _: object) -> None:
        self._submitted = False


def _spans(batch: Batch) -> Iterator[SpanOrigin]:
    resource = ResourceFields([("service.name", batch.service), *batch.tags], "")
    for span in batch.spans:
        yield _span(resource, span)


def _span(resource: ResourceFields, span: Span) -> SpanOrigin:
    trace_id = _bytes(span.trace_id, 16)
    parent = span.parent_id
    links = []
    for reference in span.references:
        if not parent and not reference.follows_from and reference.trace_id == span.trace_id:
            parent = reference.span_id
        elif reference.span_id != parent or reference.follows_from:
            links.append(LinkFields(_bytes(reference.trace_id, 16), _bytes(reference.span_id, 8), "", [], 0, 0))
    start_ns = max(0, span.start_us) * 1000
    return from_tags(
        resource,
        list(span.tags),
        (trace_id, _bytes(span.span_id, 8), _bytes(parent, 8) if parent else b""),
        span.name,
        (start_ns, start_ns + max(0, span.duration_us) * 1000),
        (span.flags, [_event(log_entry) for log_entry in span.logs], links),
    )


def _event(entry: Log) -> EventFields:
    name = next((str(value) for key, value in entry.fields if key == "event"), "")
    attributes: Attributes = [(key, value) for key, value in entry.fields if key != "event"]
    return EventFields(max(0, entry.time_us) * 1000, name, attributes, 0)


def _bytes(number: int, size: int) -> bytes:
    return (number & ((1 << 8 * size) - 1)).to_bytes(size, "big")
