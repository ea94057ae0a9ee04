# SPDX-License-Identifier: Apache-2.0
"""What is whole in a damaged segment: its chunks are read one by one, and those that cannot be read are passed over."""

from __future__ import annotations

import sqlite3
import zlib
from typing import TYPE_CHECKING

from otel_distro.viewer.store.packing import unpack
from otel_distro.viewer.store.revive import spans_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_distro.wire.otlp_decode import SpanOrigin

_GIVE_UP_AFTER = 2_000
_NEXT = "SELECT chunk.id, trace_id, body FROM chunk JOIN trace USING (tid) WHERE chunk.id = ?"


def readable(connection: sqlite3.Connection) -> Iterator[list[SpanOrigin]]:
    """The spans of each chunk that can still be read. Never raises; ends after 2,000 unreadable ones in a row."""
    try:
        last = int(connection.execute("SELECT max(id) FROM chunk").fetchone()[0] or 0)
    except sqlite3.DatabaseError:
        last = 1 << 31  # the end cannot be read; the limit below ends the search
    failures = 0
    number = 0
    while number < last and failures < _GIVE_UP_AFTER:
        number += 1
        try:
            row = connection.execute(_NEXT, (number,)).fetchone()
            spans = list(spans_of(connection, row[1], unpack(row[2]))) if row else []
        except (sqlite3.DatabaseError, zlib.error, ValueError, TypeError, IndexError):
            failures += 1
            continue
        failures = failures + 1 if row is None else 0
        if spans:
            yield spans
