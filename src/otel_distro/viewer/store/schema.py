# SPDX-License-Identifier: Apache-2.0
"""What is inside a segment, and how one is opened.

All times are ns since the epoch. A trace's row is kept current at insert, so that a list is one read.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1

TABLES = """
CREATE TABLE trace (
  tid INTEGER PRIMARY KEY,
  trace_id BLOB NOT NULL UNIQUE,
  start INTEGER NOT NULL, finish INTEGER NOT NULL, duration INTEGER NOT NULL,
  spans INTEGER NOT NULL, errors INTEGER NOT NULL,
  root_rank INTEGER NOT NULL, root_service TEXT NOT NULL, root_name TEXT NOT NULL, root_kind INTEGER NOT NULL,
  root_start INTEGER NOT NULL, root_duration INTEGER NOT NULL, root_error INTEGER NOT NULL,
  http_status INTEGER NOT NULL,
  services TEXT NOT NULL
);
CREATE INDEX trace_start ON trace (start, duration, errors, http_status);
CREATE INDEX trace_duration ON trace (duration);
CREATE INDEX trace_failed ON trace (start) WHERE errors > 0;
CREATE TABLE chunk (
  id INTEGER PRIMARY KEY, tid INTEGER NOT NULL, base INTEGER NOT NULL, spans INTEGER NOT NULL,
  summary BLOB NOT NULL, body BLOB NOT NULL
);
CREATE INDEX chunk_tid ON chunk (tid);
CREATE TABLE origin (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE word (id INTEGER PRIMARY KEY, key TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (key, value));
CREATE TABLE posting (word INTEGER, tid INTEGER, PRIMARY KEY (word, tid)) WITHOUT ROWID;
CREATE TABLE operation (service TEXT, name TEXT, kind INTEGER, PRIMARY KEY (service, name, kind)) WITHOUT ROWID;
CREATE TABLE edge (
  parent TEXT, child TEXT, kind TEXT, slot INTEGER, calls INTEGER NOT NULL, errors INTEGER NOT NULL,
  PRIMARY KEY (parent, child, kind, slot)
) WITHOUT ROWID;
CREATE TABLE endpoint (
  service TEXT, name TEXT, slot INTEGER, calls INTEGER NOT NULL, errors INTEGER NOT NULL, total INTEGER NOT NULL,
  buckets TEXT NOT NULL, PRIMARY KEY (service, name, slot)
) WITHOUT ROWID;
CREATE TABLE failure (
  service TEXT, type TEXT, place TEXT, message TEXT, calls INTEGER NOT NULL, first INTEGER NOT NULL,
  last INTEGER NOT NULL, trace_id BLOB NOT NULL, span_id TEXT NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY (service, type, place, message)
) WITHOUT ROWID;
"""


def open_segment(path: Path | str, cache_kib: int, memory: bool = False, read_only: bool = False) -> sqlite3.Connection:
    """A connection to a segment, made if it is not there (unless read_only). Raises sqlite3.Error.

    memory: path is the name of a shared database in memory.
    """
    if memory:
        address = f"file:{path}?mode=memory&cache=shared"
    else:
        address = f"file:{_escape(str(path))}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(
        address, uri=True, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=10.0
    )
    try:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute(f"PRAGMA cache_size=-{cache_kib}")
        if memory:
            connection.execute("PRAGMA read_uncommitted=ON")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
        else:
            _prepare(connection, memory)
        return connection
    except sqlite3.Error:
        connection.close()
        raise


def version_of(connection: sqlite3.Connection) -> int:
    """The schema's version, 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _prepare(connection: sqlite3.Connection, memory: bool) -> None:
    if not memory:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA journal_size_limit=4194304")
    if version_of(connection) == 0:
        connection.execute("BEGIN IMMEDIATE")
        for statement in TABLES.split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")


def _escape(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
