# SPDX-License-Identifier: Apache-2.0
"""The disk is full: senders are told, old traces make room, and storing goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otel_distro.viewer.ingest.worker import Refused, Worker
from otel_distro.viewer.store.query import parse
from otel_distro.viewer.store.search import search
from otel_distro.viewer.store.store import Added, Store
from tests.harness.viewer_spans import Request, new_id

if TYPE_CHECKING:
    from pathlib import Path


def bulky(count: int) -> Request:
    """Spans that take room."""
    request = Request()
    for _ in range(count):
        request.span("bulk", attributes={"blob": new_id(1500).hex()}, start=time.time_ns())
    return request


def test_a_full_disk_is_told_and_survived(tmp_path: Path) -> None:
    """SQLite itself says it is full, since the pages it may use are limited; then the limit is lifted."""
    store = Store(tmp_path, max_bytes=6 * 1024 * 1024)
    worker = Worker(store)
    for _ in range(4):
        assert isinstance(worker.submit(lambda: bulky(200).spans()).result(20), Added)
    segments = len(store.segments)
    connection = store.writing_connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages + 2}")

    refused = worker.submit(lambda: bulky(200).spans()).result(20)

    assert isinstance(refused, Refused)
    assert 503 == refused.status
    assert "full" in store.problems["disk"]
    assert len(store.segments) == segments - 1
    connection.execute("PRAGMA max_page_count=1000000")
    assert isinstance(worker.submit(lambda: bulky(20).spans()).result(20), Added)
    assert "disk" not in store.problems
    assert 20 <= len(search(store, parse(""), limit=500).traces)
    worker.close()
