# SPDX-License-Identifier: Apache-2.0
"""Find traces, newest first, within a time limit. What was not looked through is said."""

from __future__ import annotations

import heapq
import json
import sqlite3
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_distro.runtime.deadline import Deadline
from otel_distro.viewer.store.packing import unpack
from otel_distro.viewer.store.prepare import is_indexed
from otel_distro.viewer.store.query import NUMERIC, Query, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_distro.viewer.store.store import Segment, Store

TIME_LIMIT_S = 0.25
_RARE = 3_000
_MAX_WORDS = 400
_MAX_NS = (1 << 63) - 1
_COLUMNS = (
    "trace.start, trace.tid, trace.trace_id, trace.duration, trace.spans, trace.errors, trace.root_service,"
    " trace.root_name, trace.root_kind, trace.root_start, trace.root_duration, trace.http_status, trace.services,"
    " trace.root_rank"
)
_COLUMN_OF = {"duration": "trace.duration", "spans": "trace.spans"}


class TraceRow(NamedTuple):
    """One trace as a list shows it. Times in ns; services: name -> [spans, spans with an error]."""

    trace_id: str
    start: int
    duration: int
    spans: int
    errors: int
    service: str
    name: str
    kind: int
    root_start: int
    root_duration: int
    http_status: int
    services: dict[str, list[int]]
    root_rank: int


class Found(NamedTuple):
    """complete is False when time ran out before all was looked through; looked_back_to: ns, then."""

    traces: list[TraceRow]
    complete: bool
    looked_back_to: int


def search(
    store: Store,
    query: Query,
    start_ns: int = 0,
    end_ns: int = _MAX_NS,
    limit: int = 20,
    time_limit_s: float = TIME_LIMIT_S,
    accept: Callable[[TraceRow], bool] | None = None,
) -> Found:
    """The newest traces that match, by start. start_ns and end_ns bound a trace's start, both included.

    accept: asked last, for conditions that the language cannot express.
    """
    deadline = Deadline(time_limit_s)
    connections = store.connections()
    for _, connection in connections:
        connection.set_progress_handler(lambda: int(deadline.passed()), 20_000)
    state = _State()
    streams = [
        _stream(store, segment, connection, query, (max(0, start_ns), min(end_ns, _MAX_NS)), state, deadline)
        for segment, connection in connections
    ]
    found: dict[str, TraceRow] = {}
    try:
        for row in heapq.merge(*streams, key=lambda item: -item.start):
            if accept is not None and deadline.passed():
                state.interrupted = True
                break
            if row.trace_id not in found and (accept is None or accept(row)):
                found[row.trace_id] = row
                if len(found) >= limit:
                    break
            state.reached = row.start
    finally:
        for _, connection in connections:
            connection.set_progress_handler(None, 0)
    rows = list(found.values())
    if len(connections) > 1:
        rows = [_whole(store, row) for row in rows]
    return Found(rows, not state.interrupted, state.reached)


def trace_row(store: Store, trace_id: str) -> TraceRow | None:
    """One trace's row by its id (32 hex digits), or None."""
    whole = None
    for rows in store.each(lambda connection: _by_id(connection, trace_id)):
        for row in rows:
            whole = row if whole is None else _merge(whole, row)
    return whole


class _State:
    interrupted = False
    reached = _MAX_NS


def _stream(
    store: Store,
    segment: Segment,
    connection: sqlite3.Connection,
    query: Query,
    between: tuple[int, int],
    state: _State,
    deadline: Deadline,
) -> Iterator[TraceRow]:
    try:
        plan = _plan(connection, query)
        if plan is None:
            return
        sql, parameters, unindexed = plan
        cursor = connection.execute(sql, (*between, *parameters))
        for values in cursor:
            if unindexed:
                if deadline.passed():
                    state.interrupted = True
                    return
                if not _in_bodies(connection, values[1], unindexed):
                    continue
            yield _row(values)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "interrupted" in str(error):
            state.interrupted = True
        else:
            store.unreadable(segment, error)


def _plan(connection: sqlite3.Connection, query: Query) -> tuple[str, list[Any], list[Term]] | None:
    """SQL, its parameters after the two times, and terms that only the bodies can answer; None: no trace can match."""
    conditions = ["trace.start >= ?", "trace.start <= ?"]
    parameters: list[Any] = []
    unindexed: list[Term] = []
    rare = ""
    rare_count = _RARE
    longer = ""
    for term in query.terms:
        column = _column_condition(term)
        if column is not None:
            if term.key == "duration" and term.operator in (">", ">=") and _is_rare(connection, *column):
                longer = " INDEXED BY trace_duration"
            conditions.append(column[0])
            parameters.extend(column[1])
            continue
        if term.key not in ("service", "name") and not is_indexed(term.key):
            unindexed.append(term)
            continue
        rare, rare_count, condition = _posting(connection, _words(connection, term), rare, rare_count)
        if not condition:
            return None
        conditions.append(condition)
    for text in query.texts:
        rare, rare_count, condition = _posting(connection, _words_with(connection, text), rare, rare_count)
        if not condition:
            return None
        conditions.append(condition)
    source = f"trace{longer}"
    if rare:
        source = f"(SELECT DISTINCT tid FROM posting WHERE {rare}) AS hit CROSS JOIN trace USING (tid)"  # noqa: S608
    sql = f"SELECT {_COLUMNS} FROM {source} WHERE {' AND '.join(conditions)} ORDER BY trace.start DESC"  # noqa: S608
    return sql, parameters, unindexed


def _is_rare(connection: sqlite3.Connection, condition: str, parameters: list[Any]) -> bool:
    """Whether so few traces match a condition on the duration that sorting them is cheaper than reading by time."""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM trace INDEXED BY trace_duration WHERE {condition} LIMIT {_RARE})"  # noqa: S608
    return int(connection.execute(sql, parameters).fetchone()[0]) < _RARE


def _posting(connection: sqlite3.Connection, words: list[int], rare: str, rare_count: int) -> tuple[str, int, str]:
    """(words to begin with, how many traces they name, condition), given the same of the terms before."""
    if not words:
        return rare, rare_count, ""
    listed = f"word IN ({','.join(map(str, words))})"
    (count,) = connection.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM posting WHERE {listed} LIMIT {_RARE})"  # noqa: S608 - our own numbers
    ).fetchone()
    if count < rare_count:
        rare, rare_count = listed, count
    return rare, rare_count, f"EXISTS (SELECT 1 FROM posting WHERE {listed} AND posting.tid = trace.tid)"  # noqa: S608


def _column_condition(term: Term) -> tuple[str, list[Any]] | None:
    key, operator, value = term
    if key in _COLUMN_OF:
        number = min(float(value), float(_MAX_NS))
        return f"{_COLUMN_OF[key]} {operator} ?", [int(number) if number.is_integer() else number]
    if key == "trace":
        try:
            return "trace.trace_id = ?", [bytes.fromhex(value)]
        except ValueError:
            return "0", []
    if key == "status":
        if value.isdigit():
            return f"trace.http_status {operator} ?", [int(value[:9])]
        if value.lower() in ("error", "ok"):
            wanted = (value.lower() == "error") == (operator != "!=")
            return ("trace.errors > 0" if wanted else "trace.errors = 0"), []
        return "0", []
    return None


def _words(connection: sqlite3.Connection, term: Term) -> list[int]:
    key, operator, value = term
    if operator in NUMERIC:
        sql, wanted = f"CAST(value AS REAL) {operator} ? AND value GLOB '[-0-9]*'", float(value)
        rows = connection.execute(f"SELECT id FROM word WHERE key = ? AND {sql} LIMIT ?", (key, wanted, _MAX_WORDS))  # noqa: S608
    elif operator == "!=":
        rows = connection.execute("SELECT id FROM word WHERE key = ? AND value <> ? LIMIT ?", (key, value, _MAX_WORDS))
    elif "*" in value:
        rows = connection.execute(
            "SELECT id FROM word WHERE key = ? AND value LIKE ? ESCAPE '\\' LIMIT ?",
            (key, _like(value).replace("*", "%"), _MAX_WORDS),
        )
    else:
        rows = connection.execute("SELECT id FROM word WHERE key = ? AND value = ?", (key, value[:200]))
    return [row[0] for row in rows]


def _words_with(connection: sqlite3.Connection, text: str) -> list[int]:
    rows = connection.execute(
        "SELECT id FROM word WHERE value LIKE ? ESCAPE '\\' LIMIT ?", (f"%{_like(text)}%", _MAX_WORDS)
    )
    return [row[0] for row in rows]


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _in_bodies(connection: sqlite3.Connection, tid: int, terms: list[Term]) -> bool:
    """Whether the trace's spans have all these attributes, each on some span."""
    missing = list(terms)
    for (blob,) in connection.execute("SELECT body FROM chunk WHERE tid = ?", (tid,)).fetchall():
        try:
            bodies = unpack(blob)
        except (zlib.error, ValueError):
            continue  # a damaged chunk matches nothing
        for body in bodies:
            missing = [term for term in missing if not _matches(body[6].get(term.key), term)]
            if not missing:
                return True
    return False


def _matches(value: Any, term: Term) -> bool:
    if value is None:
        return False
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    if term.operator in NUMERIC:
        try:
            have, want = float(text), float(term.value)
        except ValueError:
            return False
        return {">": have > want, ">=": have >= want, "<": have < want, "<=": have <= want}[term.operator]
    if term.operator == "!=":
        return text != term.value
    first, *rest = term.value.split("*")
    if not rest:
        return text == term.value
    if not text.startswith(first) or not text.endswith(rest[-1]):
        return False
    position = len(first)
    for piece in rest[:-1]:
        position = text.find(piece, position)
        if position < 0:
            return False
        position += len(piece)
    return position <= len(text) - len(rest[-1])


def _by_id(connection: sqlite3.Connection, trace_id: str) -> list[TraceRow]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM trace WHERE trace_id = ?", (bytes.fromhex(trace_id),))  # noqa: S608
    return [_row(values) for values in rows]


def _whole(store: Store, row: TraceRow) -> TraceRow:
    """A trace that was being written while segments changed has a part in each."""
    return trace_row(store, row.trace_id) or row


def _merge(one: TraceRow, other: TraceRow) -> TraceRow:
    first, second = (
        (one, other) if (one.root_rank, -one.root_start) >= (other.root_rank, -other.root_start) else (other, one)
    )
    services = {name: list(counts) for name, counts in first.services.items()}
    for name, counts in second.services.items():
        mine = services.setdefault(name, [0, 0])
        mine[0] += counts[0]
        mine[1] += counts[1]
    start = min(one.start, other.start)
    return first._replace(
        start=start,
        duration=max(one.start + one.duration, other.start + other.duration) - start,
        spans=one.spans + other.spans,
        errors=one.errors + other.errors,
        services=services,
    )


def _row(values: tuple[Any, ...]) -> TraceRow:
    start, _, trace_id, duration, spans, errors, *root = values
    service, name, kind, root_start, root_duration, status, services, rank = root
    return TraceRow(
        trace_id.hex(), start, duration, spans, errors, service, name, kind, root_start, root_duration, status,
        json.loads(services), rank,
    )  # fmt: skip
