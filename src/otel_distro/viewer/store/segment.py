# SPDX-License-Identifier: Apache-2.0
"""Writing into one segment. One thread; the caller begins and ends the transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_distro.viewer.store.packing import pack

if TYPE_CHECKING:
    import sqlite3

    from otel_distro.viewer.store.prepare import Part
    from otel_distro.viewer.store.tallies import Endpoint, Tallies

_MAX_CACHED = 50_000
_WIDE_ABOVE = 24

_FIND = (
    "SELECT tid, start, finish, spans, errors, root_rank, root_service, root_name, root_kind, root_start,"
    " root_duration, root_error, http_status, services FROM trace WHERE trace_id = ?"
)
_INSERT = (
    "INSERT INTO trace (trace_id, start, finish, duration, spans, errors, root_rank, root_service, root_name,"
    " root_kind, root_start, root_duration, root_error, http_status, services)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE = (
    "UPDATE trace SET start = ?, finish = ?, duration = ?, spans = ?, errors = ?, root_rank = ?, root_service = ?,"
    " root_name = ?, root_kind = ?, root_start = ?, root_duration = ?, root_error = ?, http_status = ?,"
    " services = ? WHERE tid = ?"
)
_ADD_EDGE = (
    "INSERT INTO edge (parent, child, kind, slot, calls, errors) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (parent, child, kind, slot) DO UPDATE"
    " SET calls = calls + excluded.calls, errors = errors + excluded.errors"
)
_ADD_FAILURE = (
    "INSERT INTO failure (service, type, place, message, calls, first, last, trace_id, span_id, name)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (service, type, place, message) DO UPDATE"
    " SET calls = calls + excluded.calls, first = min(first, excluded.first),"
    " trace_id = CASE WHEN excluded.last >= last THEN excluded.trace_id ELSE trace_id END,"
    " span_id = CASE WHEN excluded.last >= last THEN excluded.span_id ELSE span_id END,"
    " name = CASE WHEN excluded.last >= last THEN excluded.name ELSE name END,"
    " last = max(last, excluded.last)"
)


class SegmentWriter:
    """Puts parts of traces into the tables and remembers the ids of words and origins."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._words: dict[tuple[str, str], int] = {}
        self._origins: dict[str, int] = {}
        self._operations: set[tuple[str, str, int]] = set()

    def forget(self) -> None:
        """After a rollback: what was remembered may not be there."""
        self._words.clear()
        self._origins.clear()
        self._operations.clear()

    def origin(self, text: str) -> int:
        """The number of a resource and scope, given as JSON."""
        found = self._origins.get(text)
        if found is None:
            if len(self._origins) > 1000:
                self._origins.clear()
            row = self.connection.execute("SELECT id FROM origin WHERE text = ?", (text,)).fetchone()
            if row is None:
                found = self.connection.execute("INSERT INTO origin (text) VALUES (?)", (text,)).lastrowid or 0
            else:
                found = int(row[0])
            self._origins[text] = found
        return found

    def write(self, part: Part) -> None:
        """Add what came for one trace."""
        base = part.base_ns
        for row in part.rows:
            row[5] -= base
        tid = self._trace(part)
        wide = len(part.rows) > _WIDE_ABOVE
        self.connection.execute(
            "INSERT INTO chunk (tid, base, spans, summary, body) VALUES (?, ?, ?, ?, ?)",
            (
                tid,
                base,
                len(part.rows),
                pack({"s": part.strings, "r": part.rows}, wide),
                pack(part.bodies, wide),
            ),
        )
        words = self._words
        ids = []
        for word in part.words:
            found = words.get(word)
            ids.append((self._word(word) if found is None else found, tid))
        self.connection.executemany("INSERT OR IGNORE INTO posting (word, tid) VALUES (?, ?)", ids)
        for row in part.rows:
            operation = (part.strings[row[3]], part.strings[row[2]], row[4])
            if operation not in self._operations:
                self._operation(operation)

    def write_tallies(self, tallies: Tallies) -> None:
        """Add the counts and forget them."""
        run = self.connection.executemany
        run(_ADD_EDGE, [(*key, *counts) for key, counts in tallies.edges.items()])
        for key, counts in tallies.endpoints.items():
            self._endpoint(key, counts)
        run(_ADD_FAILURE, [(*key, *failure) for key, failure in tallies.failures.items()])
        tallies.forget()

    def _endpoint(self, key: tuple[str, str, int], counts: Endpoint) -> None:
        old = self.connection.execute(
            "SELECT calls, errors, total, buckets FROM endpoint WHERE service = ? AND name = ? AND slot = ?", key
        ).fetchone()
        buckets = counts.buckets
        calls, errors, total = counts.calls, counts.errors, counts.total_us
        if old is not None:
            calls, errors, total = calls + old[0], errors + old[1], total + old[2]
            for text, number in json.loads(old[3]).items():
                buckets[int(text)] = buckets.get(int(text), 0) + number
        self.connection.execute(
            "INSERT OR REPLACE INTO endpoint (service, name, slot, calls, errors, total, buckets)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*key, calls, errors, total, json.dumps(buckets)),
        )

    def _trace(self, part: Part) -> int:
        old = self.connection.execute(_FIND, (part.trace_id,)).fetchone()
        start, finish, spans, errors = part.base_ns, part.end_ns, len(part.rows), part.errors
        rank, root, services = part.root_rank, part.root, part.services
        if old is None:
            values = _values(start, finish, spans, errors, rank, root, services)
            return self.connection.execute(_INSERT, (part.trace_id, *values)).lastrowid or 0
        for service, counts in json.loads(old[13]).items():
            mine = services.setdefault(service, [0, 0])
            mine[0] += counts[0]
            mine[1] += counts[1]
        if old[5] > rank or (old[5] == rank and old[9] <= root[3]):
            rank, root = old[5], tuple(old[6:13])
        values = _values(min(start, old[1]), max(finish, old[2]), spans + old[3], errors + old[4], rank, root, services)
        self.connection.execute(_UPDATE, (*values, old[0]))
        return int(old[0])

    def _word(self, word: tuple[str, str]) -> int:
        if len(self._words) > _MAX_CACHED:
            self._words.clear()
        cursor = self.connection.execute("INSERT OR IGNORE INTO word (key, value) VALUES (?, ?)", word)
        if cursor.rowcount == 1:
            found = cursor.lastrowid or 0
        else:
            row = self.connection.execute("SELECT id FROM word WHERE key = ? AND value = ?", word).fetchone()
            found = int(row[0])
        self._words[word] = found
        return found

    def _operation(self, operation: tuple[str, str, int]) -> None:
        if len(self._operations) > _MAX_CACHED:
            self._operations.clear()
        self.connection.execute("INSERT OR IGNORE INTO operation (service, name, kind) VALUES (?, ?, ?)", operation)
        self._operations.add(operation)


def _values(
    start: int,
    finish: int,
    spans: int,
    errors: int,
    rank: int,
    root: tuple[Any, ...],
    services: dict[str, list[int]],
) -> tuple[Any, ...]:
    return (start, finish, max(0, finish - start), spans, errors, rank, *root, json.dumps(services))
