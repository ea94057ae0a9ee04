# SPDX-License-Identifier: Apache-2.0
"""All segments together: one thread writes the newest, any thread reads all, the oldest is dropped whole.

Dropping a file costs a millisecond, needs no free space and leaves no holes, which deleting rows does not. So that
a noisy service does not push a quiet one out, its latest traces are carried over from a segment that goes.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
import threading
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from otel_distro.runtime import log
from otel_distro.runtime.clock import now_ns
from otel_distro.viewer.store import room, salvage, schema
from otel_distro.viewer.store.prepare import Part, add_span, clean, service_of, valid
from otel_distro.viewer.store.segment import SegmentWriter
from otel_distro.viewer.store.tallies import Tallies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from otel_distro.wire.otlp_decode import ResourceFields, ScopeFields, SpanOrigin

T = TypeVar("T")
SEGMENTS = 12
DEFAULT_MAX_BYTES = 256 * 1024 * 1024
DEFAULT_MAX_AGE_S = 7 * 24 * 3600.0
_SLICE_SPANS = 2_000
_SLICE_VALUES = 50_000
_DAMAGED = "a part of the stored traces was damaged and set aside; what could be read is shown"
_names = itertools.count()


class Added(NamedTuple):
    """What became of one request's spans."""

    accepted: int
    rejected: int


class Look(NamedTuple):
    """What reading a whole trace adds to its row: distinct spans and errors (a batch may come twice), and badges."""

    spans: int
    errors: int
    badges: tuple[str, ...]


class Segment:
    """One database. number grows with time; written_ns is when the last spans came."""

    def __init__(self, number: int, path: Path | None, memory_name: str = "", written_ns: int = 0) -> None:
        self.number = number
        self.written_ns = written_ns
        self.path = path
        self.memory_name = memory_name
        self.dead = False

    def open(self, cache_kib: int, read_only: bool = False) -> sqlite3.Connection:
        """A new connection. Raises sqlite3.Error."""
        where = self.memory_name if self.path is None else self.path
        return schema.open_segment(where, cache_kib, memory=self.path is None, read_only=read_only)


class Store:
    """See the module. add, commit and close belong to the writing thread; the rest to any thread."""

    def __init__(
        self,
        directory: Path | None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        max_age_s: float = DEFAULT_MAX_AGE_S,
        clock_ns: Callable[[], int] = now_ns,
    ) -> None:
        """directory: None keeps everything in memory. Raises OSError or sqlite3.Error if it cannot be used."""
        self.directory = directory
        self.max_bytes = max_bytes
        self.max_age_s = max_age_s
        self.problems: dict[str, str] = {}
        self.looked_at: dict[tuple[str, int], Look] = {}
        self.evicted_traces = 0
        self.stored_spans = 0
        self.rejected_spans = 0
        self.revision = 0
        self._clock_ns = clock_ns
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []  # of all threads, to be closed at the end
        self._anchors: dict[int, sqlite3.Connection] = {}
        self._tallies = Tallies()
        self._parts: dict[bytes, Part] = {}
        self._held = 0
        self._carrying = False  # while old traces are written again, nothing else is begun
        self._counting = True  # what is carried over has been counted before
        self._to_salvage: list[Path] = []
        self.segments: list[Segment] = []
        if directory is not None:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.segments = sorted(self._found(directory), key=lambda segment: segment.number)
        if self.segments and self._size(self.segments[-1]) < max_bytes // SEGMENTS:
            self._write_to(self.segments[-1])
        else:
            self._begin_segment()
        self._take_over_damaged()

    # -- writing ---------------------------------------------------------------------------------------------

    def add(self, spans: Iterable[SpanOrigin]) -> Added:
        """Put one request's spans into the open transaction: all or, when iterating raises, none of them.

        Raises what iterating raises, and sqlite3.Error.
        """
        connection = self._writer.connection
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
        connection.execute("SAVEPOINT request")
        try:
            added = self._add(spans)
            self._flush()
            self._writer.write_tallies(self._tallies)
        except BaseException:
            self._parts.clear()
            self._tallies.forget()
            self._writer.forget()
            if connection.in_transaction:
                connection.execute("ROLLBACK TO request")
                connection.execute("RELEASE request")
            raise
        connection.execute("RELEASE request")
        self.stored_spans += added.accepted
        self.rejected_spans += added.rejected
        return added

    def commit(self) -> None:
        """Make what was added visible and safe; then make room. Raises sqlite3.Error, e.g. when the disk is full."""
        connection = self._writer.connection
        if connection.in_transaction:
            try:
                connection.execute("COMMIT")
            except sqlite3.Error:
                self.rollback()
                raise
            self.segments[-1].written_ns = self._clock_ns()
            self.problems.pop("disk", None)
            self.problems.pop("write", None)
        self.revision += 1
        if not self._carrying:
            self._tidy()

    def rollback(self) -> None:
        """Forget what was added since the last commit."""
        self._parts.clear()
        self._tallies.forget()
        self._writer.forget()
        if self._writer.connection.in_transaction:
            self._writer.connection.execute("ROLLBACK")

    def repair(self) -> None:
        """Set damaged segments aside and take over what is whole in them. Raises sqlite3.Error."""
        dead = [segment for segment in self.segments if segment.dead]
        if not dead:
            return
        if self.segments[-1].dead:
            self._begin_segment()
        self.segments = [segment for segment in self.segments if not segment.dead]
        for segment in dead:
            self._close_reader(segment.number)
            if segment.path is not None:
                self._set_aside(segment.path)
        self._take_over_damaged()

    def clear(self) -> None:
        """Drop every trace."""
        self.commit()
        self._begin_segment()
        for segment in self.segments[:-1]:
            self._drop(segment)
        self.looked_at.clear()
        self.evicted_traces = 0

    def make_room_now(self) -> bool:
        """The disk is full: drop the oldest segment, whatever its age. Whether there was one to drop."""
        self.problems["disk"] = "the disk is full: the oldest traces were dropped to make room"
        if len(self.segments) < 2:
            return False
        self._drop(self.segments[0])
        return True

    def close(self) -> None:
        """Write what is open and close all files. No other thread may be reading."""
        with contextlib.suppress(sqlite3.Error):  # the process ends; what was committed is safe
            self.commit()
        for connection in (*self._anchors.values(), *self._readers):
            connection.close()
        self._anchors.clear()
        self._readers.clear()

    @property
    def writing_connection(self) -> sqlite3.Connection:
        """The connection to the newest segment, for the writing thread."""
        return self._writer.connection

    # -- reading ---------------------------------------------------------------------------------------------

    def each(self, read: Callable[[sqlite3.Connection], T]) -> list[T]:
        """What read returns for each segment, newest first. Segments that turn out damaged are set aside.

        Raises sqlite3.OperationalError when read was interrupted.
        """
        found = []
        for segment, connection in self.connections():
            try:
                found.append(read(connection))
            except sqlite3.DatabaseError as error:
                self.unreadable(segment, error)
        return found

    def connections(self) -> list[tuple[Segment, sqlite3.Connection]]:
        """This thread's read connection to each segment, newest first; hand errors to unreadable()."""
        mine = self._connections()
        segments = [segment for segment in self.segments if not segment.dead]
        for number in [n for n in mine if all(segment.number != n for segment in segments)]:
            self._close_reader(number)
        found = []
        for segment in reversed(segments):
            try:
                if segment.number not in mine:
                    mine[segment.number] = segment.open(1000, read_only=True)
                    self._readers.append(mine[segment.number])
                found.append((segment, mine[segment.number]))
            except sqlite3.DatabaseError as error:
                self.unreadable(segment, error)
        return found

    def unreadable(self, segment: Segment, error: sqlite3.DatabaseError) -> None:
        """Go on without a segment that raised while it was read. Raises the error again when it is an interruption."""
        if isinstance(error, sqlite3.OperationalError):
            if "interrupted" in str(error):
                raise error
            log.warn(f"viewer: cannot read {segment.path or 'memory'}: {error}")
        else:
            self.damaged(segment, error)

    def size_bytes(self) -> int:
        """Bytes on disk, or of the databases in memory."""
        return sum(self._size(segment) for segment in list(self.segments))

    def damaged(self, segment: Segment, error: Exception) -> None:
        """Take a segment that cannot be read out of use. Any thread; the writing one repairs it at its next commit."""
        if not segment.dead:
            segment.dead = True
            self.problems["damaged"] = _DAMAGED
            log.warn(f"viewer: {segment.path or 'memory'} is damaged ({error}); the rest is used")

    # -- inside ----------------------------------------------------------------------------------------------

    def _add(self, spans: Iterable[SpanOrigin]) -> Added:
        accepted = rejected = 0
        last_resource: ResourceFields | None = None
        last_scope: ScopeFields | None = None
        service = ""
        origin = 0
        values_at_flush = 0
        parts = self._parts
        tallies = self._tallies if self._counting else None
        for resource, scope, span in spans:
            if resource is not last_resource or scope is not last_scope:
                last_resource, last_scope = resource, scope
                service = service_of(resource)
                origin = self._writer.origin(_origin_text(resource, scope))
            if not valid(span):
                rejected += 1
                continue
            part = parts.get(span.trace_id)
            if part is None:
                part = parts[span.trace_id] = Part(span.trace_id)
            attributes = add_span(part, span, service, origin)
            if tallies is not None:
                tallies.add(span, service, attributes)
            accepted += 1
            self._held += 1
            values = getattr(spans, "values", 0)
            if self._held >= _SLICE_SPANS or values - values_at_flush > _SLICE_VALUES:
                values_at_flush = values
                self._flush()
        return Added(accepted, rejected)

    def _flush(self) -> None:
        for part in self._parts.values():
            self._writer.write(part)
        self._parts.clear()
        self._held = 0

    def _begin_segment(self) -> None:
        number = self.segments[-1].number + 1 if self.segments else 1
        if self.directory is None:
            segment = Segment(number, None, f"otel-distro-{os.getpid()}-{next(_names)}")
        else:
            segment = Segment(number, self.directory / f"{number:08d}.db")
        if segment.path is not None:  # SQLite gives its companion files the same mode
            os.close(os.open(segment.path, os.O_RDWR | os.O_CREAT, 0o600))
        self.segments = [*self.segments, segment]
        self._write_to(segment)

    def _write_to(self, segment: Segment) -> None:
        connection = segment.open(8000)
        if self.directory is not None:
            for old in self._anchors.values():
                with contextlib.suppress(sqlite3.Error):  # its log stays beside it, and is read with it
                    old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                old.close()
            self._anchors.clear()
        self._anchors[segment.number] = connection
        self._writer = SegmentWriter(connection)
        self._begun_ns = self._clock_ns()

    def _is_full(self) -> bool:
        segment = self.segments[-1]
        if segment.dead or self._size(segment) >= self.max_bytes // SEGMENTS:
            return True
        return self._clock_ns() - self._begun_ns > self.max_age_s * 1e9 / SEGMENTS and self.stored_spans > 0

    def _make_room(self) -> None:
        oldest_ns = self._clock_ns() - int(self.max_age_s * 1e9)
        while len(self.segments) > 1:
            oldest = self.segments[0]
            too_big = self.size_bytes() > self.max_bytes - self.max_bytes // SEGMENTS
            if not too_big and oldest.written_ns >= oldest_ns:
                return
            if too_big:
                self._carry_over(oldest, oldest_ns)
            self._drop(oldest)

    def _carry_over(self, segment: Segment, oldest_ns: int) -> None:
        """Write the latest traces of services that have few elsewhere into the newest segment."""
        left = self.max_bytes // SEGMENTS // 4
        self._carrying, self._counting = True, False
        try:
            source, tids = room.worth_keeping(segment, self.connections(), oldest_ns)
            for tid in tids:
                if source is None or left < 0:
                    break
                for size, spans in room.parts_of(source, tid):
                    self.add(spans)
                    left -= size
            self.commit()
        except (sqlite3.Error, zlib.error, ValueError) as error:
            log.warn(f"viewer: traces of the oldest segment were not kept: {error}")
            self.rollback()
        finally:
            self._carrying, self._counting = False, True

    def _tidy(self) -> None:
        """After a commit: repair, begin another segment, make room. What fails here has no part in what was stored."""
        try:
            self.repair()
            if self._is_full():
                self._begin_segment()
                self._make_room()
        except sqlite3.Error as error:
            log.warn(f"viewer: old traces could not be tidied: {error}", key="viewer tidy")
            self.rollback()

    def _take_over_damaged(self) -> None:
        """Read what is whole in the files that were set aside, then remove them."""
        while self._to_salvage:
            path = self._to_salvage.pop()
            self._salvage(path)
            with contextlib.suppress(OSError):  # it is out of use in either case
                path.unlink()

    def _salvage(self, path: Path) -> None:
        """Take over what can be read from a file that was set aside."""
        spans = 0
        try:
            connection = schema.open_segment(path, 1000, read_only=True)
        except sqlite3.Error:
            return  # not even the first page can be read
        self._carrying = True
        try:
            for chunk in salvage.readable(connection):
                spans += self.add(chunk).accepted
            self.commit()
        except sqlite3.Error as error:
            log.warn(f"viewer: {path} could not be taken over: {error}")
            self.rollback()
        finally:
            self._carrying = False
            connection.close()
        log.info(f"viewer: {spans} spans were read from the damaged {path.name}")

    def _drop(self, segment: Segment) -> None:
        for found, connection in self.connections():
            if found is segment:
                with contextlib.suppress(sqlite3.Error):  # only the count is lost
                    self.evicted_traces += connection.execute("SELECT max(tid) FROM trace").fetchone()[0] or 0
        self._close_reader(segment.number)
        self.segments = [other for other in self.segments if other is not segment]
        segment.dead = True
        anchor = self._anchors.pop(segment.number, None)
        if anchor is not None:
            anchor.close()
        if segment.path is not None:
            for path in (segment.path, *_companions(segment.path)):
                with contextlib.suppress(OSError):  # not there, or (on Windows) still open: found at the next start
                    path.unlink()

    def _close_reader(self, number: int) -> None:
        connection = self._connections().pop(number, None)
        if connection is not None:
            connection.close()
            self._readers.remove(connection)

    def _size(self, segment: Segment) -> int:
        if segment.path is None:
            anchor = self._anchors.get(segment.number)
            return anchor.execute("PRAGMA page_count").fetchone()[0] * 4096 if anchor is not None else 0
        size = 0
        for path in (segment.path, *_companions(segment.path)):
            with contextlib.suppress(OSError):  # the companions come and go
                size += path.stat().st_size
        return size

    def _found(self, directory: Path) -> Iterator[Segment]:
        for path in directory.glob("*.db"):
            if not path.stem.isdigit():
                continue
            segment = Segment(int(path.stem), path, written_ns=path.stat().st_mtime_ns)
            try:
                connection = segment.open(1000)
                version = schema.version_of(connection)
                connection.close()
            except sqlite3.Error as error:
                log.warn(f"viewer: {path} is damaged ({error}); it is set aside, the rest is used")
                self.problems["damaged"] = _DAMAGED
                self._set_aside(path)
                continue
            if version == schema.VERSION:
                yield segment
            else:
                log.warn(f"viewer: {path} was written by another version and is removed")
                self._drop(segment)

    def _set_aside(self, path: Path) -> None:
        """A damaged file is kept as *.damaged until it has been read for what is whole."""
        aside = path.with_suffix(".damaged")
        with contextlib.suppress(OSError):  # it is out of use in either case
            os.replace(path, aside)
            for companion in _companions(path):
                companion.unlink(missing_ok=True)
            self._to_salvage.append(aside)

    def _connections(self) -> dict[int, sqlite3.Connection]:
        if not hasattr(self._local, "connections"):
            self._local.connections = {}
        found: dict[int, sqlite3.Connection] = self._local.connections
        return found


def _companions(path: Path) -> tuple[Path, Path]:
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


def _origin_text(resource: ResourceFields, scope: ScopeFields) -> str:
    value: dict[str, Any] = {
        "resource": clean(resource.attributes),
        "resource_schema": resource.schema_url,
        "scope": [scope.name, scope.version, clean(scope.attributes), scope.schema_url],
    }
    return json.dumps(value, default=repr)
