# SPDX-License-Identifier: Apache-2.0
"""Which traces of the oldest segment are carried over before it goes: the latest of services with few elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.viewer.store.packing import unpack
from otel_distro.viewer.store.revive import spans_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from otel_distro.viewer.store.store import Segment
    from otel_distro.wire.otlp_decode import SpanOrigin

KEPT_PER_SERVICE = 100
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM posting WHERE word = ? LIMIT ?)"
_NEWEST = "SELECT tid FROM posting JOIN trace USING (tid) WHERE word = ? AND finish >= ? ORDER BY tid DESC LIMIT ?"


def worth_keeping(
    oldest: Segment, connections: list[tuple[Segment, sqlite3.Connection]], not_before_ns: int
) -> tuple[sqlite3.Connection | None, list[int]]:
    """(connection to the oldest segment, its traces to carry over, newest first). Raises sqlite3.Error."""
    elsewhere: dict[str, int] = {}
    source: sqlite3.Connection | None = None
    services: dict[str, int] = {}
    for segment, connection in connections:
        words = connection.execute("SELECT id, value FROM word WHERE key = 'service'").fetchall()
        if segment is oldest:
            source = connection
            services = {name: word for word, name in words}
            continue
        for word, name in words:
            (count,) = connection.execute(_COUNT, (word, KEPT_PER_SERVICE)).fetchone()
            elsewhere[name] = elsewhere.get(name, 0) + count
    tids: set[int] = set()
    for name, word in services.items():
        wanted = KEPT_PER_SERVICE - elsewhere.get(name, 0)
        if source is not None and wanted > 0:
            tids.update(tid for (tid,) in source.execute(_NEWEST, (word, not_before_ns, wanted)))
    return source, sorted(tids, reverse=True)


def parts_of(source: sqlite3.Connection, tid: int) -> Iterator[tuple[int, Iterator[SpanOrigin]]]:
    """(stored bytes, spans) of each chunk of a trace. Raises sqlite3.Error, zlib.error or ValueError when damaged."""
    rows = source.execute(
        "SELECT trace.trace_id, chunk.body, length(chunk.body) + length(chunk.summary)"
        " FROM chunk JOIN trace USING (tid) WHERE tid = ?",
        (tid,),
    ).fetchall()
    for trace_id, body, size in rows:
        yield size, spans_of(source, trace_id, unpack(body))
