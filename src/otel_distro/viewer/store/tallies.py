# SPDX-License-Identifier: Apache-2.0
"""Counts kept while spans arrive, so that no page has to read them again: calls between services, endpoints, errors.

A slot is five minutes. An endpoint's durations go into buckets 4.4 % wide, so a percentile is right within 2.2 %.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from otel_distro.viewer.store.prepare import error_place

if TYPE_CHECKING:
    from otel_distro.wire.otlp_decode import SpanFields, Value

SLOT_NS = 300 * 1_000_000_000
BUCKETS_PER_OCTAVE = 16
_REMEMBERED = 50_000
_SERVER, _CLIENT, _PRODUCER, _CONSUMER = 2, 3, 4, 5

T = TypeVar("T")
EdgeKey = tuple[str, str, str, int]


class Failure(NamedTuple):
    """Equal errors; trace_id, span_id and name are those of the latest."""

    calls: int
    first_ns: int
    last_ns: int
    trace_id: bytes
    span_id: str
    name: str


class Endpoint:
    """Calls of one endpoint: how many, how long in all, and how many of each length."""

    __slots__ = ("buckets", "calls", "errors", "total_us")

    def __init__(self) -> None:
        self.calls = self.errors = self.total_us = 0
        self.buckets: dict[int, int] = {}

    def add(self, duration_ns: int, failed: bool) -> None:
        """Count one call."""
        self.calls += 1
        self.errors += failed
        self.total_us += duration_ns // 1000
        bucket = bucket_of(duration_ns)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1


class Tallies:
    """What the spans since the last drain() add to the tables of a segment. One thread."""

    def __init__(self) -> None:
        self.edges: dict[EdgeKey, list[int]] = {}
        self.endpoints: dict[tuple[str, str, int], Endpoint] = {}
        self.failures: dict[tuple[str, str, str, str], Failure] = {}
        self._service_of: dict[bytes, str] = {}
        self._outside: dict[bytes, EdgeKey] = {}
        self._waiting: dict[bytes, list[tuple[str, bool, int]]] = {}

    def add(self, span: SpanFields, service: str, attributes: dict[str, Value]) -> None:
        """Count one span. Spans of one trace may come in any order."""
        kind = span.kind
        failed = span.status_code == 2
        slot = min(span.start_ns, 1 << 62) // SLOT_NS
        parent = span.parent_span_id
        if kind in (_CLIENT, _PRODUCER):
            self._outgoing(span.span_id, service, attributes, failed, slot)
        elif any(parent):
            caller = self._service_of.get(parent)
            if caller is None:
                _bounded(self._waiting).setdefault(parent, []).append((service, failed, slot))
            elif caller != service:
                self._call(parent, caller, service, failed, slot)
        _bounded(self._service_of)[span.span_id] = service
        for child, child_failed, child_slot in self._waiting.pop(span.span_id, ()):
            if child != service:
                self._call(span.span_id, service, child, child_failed, child_slot)
        if kind in (_SERVER, _CONSUMER) or not any(parent):
            duration = max(0, span.end_ns - span.start_ns)
            key = (service, span.name[:200], slot)
            counts = self.endpoints.get(key)
            if counts is None:
                counts = self.endpoints[key] = Endpoint()
            counts.add(duration, failed)
        if failed:
            self._failure(span, service, attributes)

    def forget(self) -> None:
        """Drop what was counted since the last drain: its spans were not stored."""
        self.edges, self.endpoints, self.failures = {}, {}, {}

    def _outgoing(self, span_id: bytes, service: str, attributes: dict[str, Value], failed: bool, slot: int) -> None:
        target, kind = _target(attributes)
        if target:
            key = (service, target, kind, slot)
            self._count(key, 1, failed)
            if kind != "db":
                _bounded(self._outside)[span_id] = key

    def _call(self, span_id: bytes, caller: str, service: str, failed: bool, slot: int) -> None:
        self._count((caller, service, "call", slot), 1, failed)
        outside = self._outside.pop(span_id, None)
        if outside is not None:  # the address is a service that reports itself
            self._count(outside, -1, False)

    def _count(self, key: EdgeKey, calls: int, failed: bool) -> None:
        counts = self.edges.setdefault(key, [0, 0])
        counts[0] += calls
        counts[1] += failed

    def _failure(self, span: SpanFields, service: str, attributes: dict[str, Value]) -> None:
        kind, message, place = error_place(span, attributes)
        start = min(span.start_ns, (1 << 63) - 1)
        key = (service, kind, place, message)
        found = self.failures.get(key)
        calls, first, last = (found.calls, found.first_ns, found.last_ns) if found else (0, start, -1)
        if start >= last or found is None:
            self.failures[key] = Failure(
                calls + 1, min(first, start), start, span.trace_id, span.span_id.hex(), span.name[:200]
            )
        else:
            self.failures[key] = found._replace(calls=calls + 1, first_ns=min(first, start))


def bucket_of(duration_ns: int) -> int:
    """The bucket of a duration; bucket_us() gives its middle."""
    return round(math.log2(max(duration_ns, 1000) / 1000) * BUCKETS_PER_OCTAVE)


def bucket_us(bucket: int) -> float:
    """The middle of a bucket, in microseconds."""
    return float(2 ** (bucket / BUCKETS_PER_OCTAVE))


def _target(attributes: dict[str, Value]) -> tuple[str, str]:
    system = attributes.get("db.system.name") or attributes.get("db.system")
    if system:
        namespace = attributes.get("db.namespace") or attributes.get("db.name")
        name = str(namespace).rpartition("/")[2] if namespace else ""
        return " ".join(filter(None, (str(system), name)))[:200], "db"
    messaging = attributes.get("messaging.system")
    if messaging:
        destination = attributes.get("messaging.destination.name") or attributes.get("messaging.destination") or ""
        return f"{messaging!s} {destination!s}".strip()[:200], "messaging"
    if "http.request.method" in attributes or "http.method" in attributes:
        host = attributes.get("server.address") or attributes.get("net.peer.name") or "?"
        return str(host)[:200], "http"
    return "", ""


def _bounded(table: dict[bytes, T]) -> dict[bytes, T]:
    if len(table) >= _REMEMBERED:
        del table[next(iter(table))]
    return table
