# SPDX-License-Identifier: Apache-2.0
"""F71: a million traces, one trace of 100,000 spans, ids that collide: answers stay quick, the store bounded."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from otel_distro.viewer.api import jaeger_v1, own
from otel_distro.viewer.store import traces
from otel_distro.viewer.store.store import Store
from otel_distro.wire.otlp_decode import ResourceFields, ScopeFields, SpanFields
from tests.harness.viewer_process import ViewerProcess
from tests.harness.viewer_spans import CLIENT, MS, Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_distro.wire.otlp_decode import SpanOrigin

MIB = 1024 * 1024


def one_span_traces(count: int, first: int, chance: random.Random) -> Iterator[SpanOrigin]:
    """Requests to forty routes of eight services, one every 3.6 ms."""
    scope = ScopeFields("lib", "1", [], "")
    resources = [ResourceFields([("service.name", f"service-{i}")], "") for i in range(8)]
    begin = time.time_ns() - 3600 * 10**9
    for number in range(first, first + count):
        route = chance.randrange(40)
        start = begin + number * 3_600_000
        attributes: list[tuple[str, object]] = [
            ("http.route", f"/r{route}"),
            ("url.path", f"/r{route}/{chance.randrange(100_000)}"),
            ("http.response.status_code", 200),
        ]
        yield resources[chance.randrange(8)], scope, SpanFields(
            chance.randbytes(16), chance.randbytes(8), b"", "", 1, f"GET /r{route}", 2, start,
            start + chance.randrange(300) * MS, attributes, 0, [], 0, [], 0, 2 * (chance.random() < 0.01), "",  # type: ignore[arg-type]
        )  # fmt: skip


@pytest.mark.tier2
def test_a_million_traces(tmp_path: Path) -> None:
    """The store keeps its bound, and every answer that a page needs comes in under a second."""
    bound = 1024 * MIB
    store = Store(tmp_path, bound)
    chance = random.Random(1)
    for first in range(0, 1_000_000, 2_000):
        store.add(one_span_traces(2_000, first, chance))
        store.commit()
        assert store.size_bytes() <= bound
    hour = {"start": str(time.time_ns() // 1000 - 3_600_000_000)}
    asks = {
        "list": lambda: own.trace_list(store, {}),
        "search": lambda: own.trace_list(store, {"q": "service:service-3 duration>290ms http.route=/r7"}),
        "one path": lambda: own.trace_list(store, {"q": "url.path=/r7/123"}),
        "free text": lambda: own.trace_list(store, {"q": "r7/123"}),
        "not indexed": lambda: own.trace_list(store, {"q": "no.such.key=1"}),
        "errors": lambda: own.errors(store, {}),
        "endpoints": lambda: own.endpoints(store, hour),
        "map": lambda: own.service_map(store, {}),
        "status": lambda: own.status(store, {}),
        "services": lambda: jaeger_v1.services(store),
        "jaeger search": lambda: jaeger_v1.search(store, {"service": "service-1", "limit": "20"}, []),
    }
    slow = {}
    for name, ask in asks.items():
        begun = time.monotonic()
        ask()
        if time.monotonic() - begun > 1.0:
            slow[name] = time.monotonic() - begun
    store.close()

    assert {} == slow


def test_a_trace_of_100_000_spans(tmp_path: Path) -> None:
    """Stored, summed up and shown; its first answer comes in a second or two on a busy machine."""
    trace_id = root = b""
    with ViewerProcess(tmp_path) as viewer:
        for _ in range(10):
            request = Request()
            if not root:
                trace_id, root = request.span("everything", ms=60_000)
            for number in range(10_000):
                request.span(f"step {number % 50}", trace_id=trace_id, parent=root, kind=CLIENT)
            viewer.send(request.bytes())
        begun = time.monotonic()
        answer = viewer.get(f"/api/ui/traces/{trace_id.hex()}")
        took = time.monotonic() - begun
        memory = viewer.memory_bytes(peak=True)

    assert 100_001 == sum(len(chunk["r"]) for chunk in answer["chunks"])
    assert took < 3.0
    assert memory < 256 * MIB


def test_ids_that_collide(tmp_path: Path) -> None:
    """The same span id in two traces, and twice in one with other content: no mixing, the latest counts."""
    store = Store(tmp_path)
    request = Request()
    first, _ = request.span("one", span_id=b"s" * 8)
    second, _ = request.span("other", span_id=b"s" * 8)
    request.span("latest", trace_id=first, span_id=b"s" * 8)
    store.add(request.spans())
    store.commit()
    names = [[origin[2].name for origin in traces.spans(store, one.hex())] for one in (first, second)]
    store.close()

    assert [["latest"], ["other"]] == names
