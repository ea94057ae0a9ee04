# SPDX-License-Identifier: Apache-2.0
"""The one thread that decodes and writes. What is waiting is bounded; what came together is committed together."""

from __future__ import annotations

import queue
import sqlite3
import threading
import zlib
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

from otel_distro.runtime import guard, log
from otel_distro.viewer.store.store import Added
from otel_distro.wire.otlp_decode import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_distro.viewer.store.store import Store
    from otel_distro.wire.otlp_decode import SpanOrigin

MAX_WAITING = 64
_TOGETHER = 16


class Refused(NamedTuple):
    """Why spans were not stored. status: the HTTP status to answer with; 503 may be tried again."""

    status: int
    reason: str


class _Job(NamedTuple):
    decode: Callable[[], Iterable[SpanOrigin]]
    done: Future[Added | Refused]


class Worker:
    """Owns the store for writing."""

    def __init__(self, store: Store, changed: Callable[[], None] = lambda: None) -> None:
        """changed: called from this thread after each commit."""
        self.store = store
        self.dropped = 0
        self._changed = changed
        self._jobs: queue.Queue[_Job | None] = queue.Queue(MAX_WAITING)
        self._thread = threading.Thread(target=self._run, name="otel-distro-ingest", daemon=True)
        self._thread.start()

    def submit(self, decode: Callable[[], Iterable[SpanOrigin]]) -> Future[Added | Refused]:
        """Have spans stored. decode runs in the worker's thread and may raise DecodeError. Never blocks."""
        done: Future[Added | Refused] = Future()
        try:
            self._jobs.put_nowait(_Job(decode, done))
        except queue.Full:
            self.dropped += 1
            done.set_result(Refused(503, "more spans arrive than can be stored; try again in a second"))
        return done

    def clear(self) -> Future[Added | Refused]:
        """Forget all traces."""
        return self.submit(self._clear)

    def close(self, timeout_s: float = 5.0) -> None:
        """Store what waits, then end."""
        self._jobs.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        running = True
        while running:
            jobs = [self._jobs.get()]
            while len(jobs) < _TOGETHER:
                try:
                    jobs.append(self._jobs.get_nowait())
                except queue.Empty:
                    break
            running = None not in jobs
            wanted = [job for job in jobs if job is not None]
            guard.call("viewer: storing spans", self._store, wanted)
            for job in wanted:
                if not job.done.done():
                    job.done.set_result(Refused(503, "not stored; the viewer's log says why"))
        self.store.close()

    def _store(self, jobs: list[_Job]) -> None:
        results: list[Added | Refused] = []
        for job in jobs:
            result = self._one(job)
            if isinstance(result, Refused) and result.status == 503:  # the transaction is gone with all in it
                results = [result if isinstance(earlier, Added) else earlier for earlier in results]
            results.append(result)
        try:
            self.store.commit()
        except sqlite3.Error as error:
            refused = self._failed(error)
            results = [refused if isinstance(result, Added) else result for result in results]
        for job, result in zip(jobs, results, strict=True):
            job.done.set_result(result)
        self._changed()

    def _one(self, job: _Job) -> Added | Refused:
        try:
            return self.store.add(job.decode())
        except DecodeError as error:
            return Refused(400, str(error))
        except sqlite3.Error as error:
            return self._failed(error)
        except (ValueError, TypeError, OverflowError, RecursionError, MemoryError, zlib.error) as error:
            # a value that nothing before has refused must not end the thread that all spans go through
            log.warn(f"viewer: spans refused: {type(error).__name__}: {error}", key="viewer spans refused")
            return Refused(400, f"not stored: {type(error).__name__}")

    def _clear(self) -> list[SpanOrigin]:
        """Runs as a decoder, in the thread that may write; brings no spans."""
        self.store.clear()
        return []

    def _failed(self, error: sqlite3.Error) -> Refused:
        text = str(error)
        self.store.rollback()
        if "full" in text:
            log.warn(f"viewer: {text}; the oldest traces are dropped to make room", key="viewer disk full")
            self.store.make_room_now()
            return Refused(503, "the disk is full; the oldest traces were dropped to make room")
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            self.store.damaged(self.store.segments[-1], error)
            guard.call("viewer: repairing the store", self.store.repair)
        log.warn(f"viewer: spans not stored: {text}", key="viewer not stored")
        self.store.problems["write"] = f"spans could not be stored: {text}"
        return Refused(503, f"not stored: {text}")
