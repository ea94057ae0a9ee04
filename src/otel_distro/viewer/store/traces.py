# SPDX-License-Identifier: Apache-2.0
"""One whole trace: its summary as stored text for the page, as rows for analysis, or its spans in full."""

from __future__ import annotations

import json
import sqlite3
import zlib
from typing import TYPE_CHECKING, NamedTuple

from otel_distro.runtime import log
from otel_distro.viewer.store.packing import unpack, unpack_text
from otel_distro.viewer.store.revive import spans_of

if TYPE_CHECKING:
    from otel_distro.viewer.store.store import Store
    from otel_distro.wire.otlp_decode import SpanOrigin


class SpanRow(NamedTuple):
    """A span as analysis needs it; the summary row of store.prepare with its text. Times in ns."""

    span_id: str
    parent_id: str
    name: str
    service: str
    kind: int
    start: int
    duration: int
    status: int
    http_status: int
    group: str
    exact: str
    place: str
    exception: str

    @property
    def end(self) -> int:
        """When it ended, ns."""
        return self.start + self.duration


class Chunk(NamedTuple):
    """Summary rows as JSON text `{"s":[...],"r":[...]}`; key names the chunk, base is ns since the epoch."""

    key: str
    base: int
    text: bytes


def chunks(store: Store, trace_id: str) -> list[Chunk]:
    """The parts of a trace, oldest first; empty when there is no such trace. Damaged parts are left out."""
    found: list[Chunk] = []
    for segment, connection in reversed(store.connections()):
        try:
            rows = connection.execute(
                "SELECT chunk.id, base, summary FROM trace JOIN chunk USING (tid) WHERE trace_id = ? ORDER BY chunk.id",
                (bytes.fromhex(trace_id),),
            ).fetchall()
        except sqlite3.DatabaseError as error:
            store.unreadable(segment, error)
            continue
        for number, base, blob in rows:
            try:
                found.append(Chunk(f"{segment.number}.{number}", base, unpack_text(blob)))
            except zlib.error as error:
                log.warn(f"viewer: a part of trace {trace_id} is damaged: {error}")
    return found


def span_rows(parts: list[Chunk]) -> list[SpanRow]:
    """All spans of a trace by start; a span that came twice counts once."""
    found: dict[str, SpanRow] = {}
    for part in parts:
        value = json.loads(part.text)
        strings = value["s"]
        base = part.base
        for row in value["r"]:
            found[row[0]] = SpanRow(
                row[0], row[1], strings[row[2]], strings[row[3]], row[4], base + row[5], row[6], row[7], row[8],
                strings[row[9]], strings[row[10]], strings[row[11]], strings[row[12]],
            )  # fmt: skip
    return sorted(found.values(), key=lambda row: row.start)


def spans(store: Store, trace_id: str, chunk_key: str = "") -> list[SpanOrigin]:
    """All spans of a trace in full, or those of one chunk; a span that came twice is there once."""
    found: dict[bytes, SpanOrigin] = {}
    raw_id = bytes.fromhex(trace_id)
    wanted_segment, _, wanted_chunk = chunk_key.partition(".")
    for segment, connection in reversed(store.connections()):
        if chunk_key and str(segment.number) != wanted_segment:
            continue
        try:
            rows = connection.execute(
                "SELECT chunk.id, body FROM trace JOIN chunk USING (tid) WHERE trace_id = ? ORDER BY chunk.id",
                (raw_id,),
            ).fetchall()
            for number, blob in rows:
                if chunk_key and str(number) != wanted_chunk:
                    continue
                for origin in spans_of(connection, raw_id, unpack(blob)):
                    found[origin[2].span_id] = origin
        except sqlite3.DatabaseError as error:
            store.unreadable(segment, error)
        except (zlib.error, ValueError) as error:
            log.warn(f"viewer: a part of trace {trace_id} is damaged: {error}")
    return list(found.values())
