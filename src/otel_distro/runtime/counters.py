# SPDX-License-Identifier: Apache-2.0
"""The ledger: what happened to every span of this process, and what the guard swallowed.

For each exporter, and exact at any moment at which no thread is between two steps:

    started  = live + accepted
    accepted = queued + confirmed + unconfirmed + dropped, by reason

A forked child begins at zero; what the parent had queued stays in the parent's ledger.
"""

from __future__ import annotations

import itertools
from _thread import RLock
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

DropReason: TypeAlias = Literal[
    "queue_full",  # the queue was at its bound; which span went is the drop policy's choice
    "rejected",  # the backend took the request and refused these spans, or they could not be encoded
    "refused",  # the backend refused the request for good: 400, 401, 404 ...
    "too_large",  # a single span that the backend finds too large
    "export_timeout",  # the attempts for its batch took OTEL_BSP_EXPORT_TIMEOUT in total
    "exporter_failed",  # the exporter raised an exception, or said no more than failure
    "exit",  # still unsent when the time at exit or shutdown was over
    "after_shutdown",  # ended after the processor was shut down
]

_guarded: dict[str, int] = {}
_lock = RLock()  # reentrant, because a signal handler may come in between
_ledgers: list[Ledger] = []


class Tally:
    """A counter that any thread may advance without a lock: add() is one atomic step of CPython."""

    __slots__ = ("_not_counted", "add")

    def __init__(self) -> None:
        self.add: Callable[[], int] = itertools.count().__next__
        self._not_counted = 0

    def value(self) -> int:
        """How often add() was called."""
        with _lock:
            value = self.add() - self._not_counted
            self._not_counted += 1  # reading was a step, too
            return value

    def reset(self) -> None:
        """Begin at zero again."""
        with _lock:
            value = self.value()
            self._not_counted += value


class Balance(NamedTuple):
    """One exporter's ledger at one moment, in spans.

    destination: where they go, for people. live: started and not yet ended. queued: includes the batch in
    flight. confirmed, unconfirmed: sent; unconfirmed when the reply was not OTLP. dropped: by DropReason.
    """

    destination: str
    started: int
    live: int
    queued: int
    confirmed: int
    unconfirmed: int
    dropped: dict[str, int]

    @property
    def accepted(self) -> int:
        """Sampled spans that ended."""
        return self.started - self.live

    @property
    def exported(self) -> int:
        """Spans that a backend took."""
        return self.confirmed + self.unconfirmed

    @property
    def lost(self) -> int:
        """Spans that were dropped, for whatever reason."""
        return sum(self.dropped.values())

    @property
    def missing(self) -> int:
        """Spans that the ledger cannot account for: 0, or there is a bug."""
        return self.accepted - self.queued - self.exported - self.lost


class Ledger:
    """One exporter's book. accepted.add() may come from any thread, sent() from the worker only."""

    def __init__(self, destination: str, queued: Callable[[], int]) -> None:
        """queued: counts the spans that wait or are in flight."""
        self.destination = destination
        self.accepted = Tally()
        self.last_trouble = ""
        self._queued = queued
        self._confirmed = 0
        self._unconfirmed = 0
        self._dropped: dict[str, int] = {}

    def sent(self, count: int, confirmed: bool) -> None:
        """The backend took count spans."""
        if confirmed:
            self._confirmed += count
        else:
            self._unconfirmed += count

    def drop(self, reason: DropReason, count: int = 1) -> None:
        """Count spans were lost, and why."""
        if count:
            with _lock:
                self._dropped[reason] = self._dropped.get(reason, 0) + count

    def balance(self) -> Balance:
        """The book as it stands."""
        with _lock:
            accepted, begun = self.accepted.value(), started.value()
            return Balance(
                destination=self.destination,
                started=max(begun, accepted),  # spans of other tracer providers are counted only when they end
                live=max(begun, accepted) - accepted,
                queued=self._queued(),
                confirmed=self._confirmed,
                unconfirmed=self._unconfirmed,
                dropped=dict(self._dropped),
            )

    def summary(self) -> str | None:
        """The line for a person at exit; None when nothing was lost."""
        balance = self.balance()
        if not balance.lost:
            return None
        reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(balance.dropped.items()))
        why = f"{self.last_trouble} {self.destination}" if self.last_trouble else f"{reasons}; {self.destination}"
        return f"spans made {balance.accepted}, sent {balance.exported}, dropped {balance.lost} ({why})"

    def reset(self) -> None:
        """Begin at zero, as a forked child does."""
        self.accepted.reset()
        self.last_trouble = ""
        self._confirmed = self._unconfirmed = 0
        self._dropped = {}


started = Tally()
"""Sampled spans that began in this process."""


def open_ledger(destination: str, queued: Callable[[], int]) -> Ledger:
    """A new ledger for one exporter, kept for the life of the process."""
    ledger = Ledger(destination, queued)
    with _lock:
        _ledgers.append(ledger)
    return ledger


def close_ledger(ledger: Ledger) -> None:
    """Forget a ledger whose exporter is gone."""
    with _lock:
        if ledger in _ledgers:
            _ledgers.remove(ledger)


def balances() -> list[Balance]:
    """The books of all exporters."""
    return [ledger.balance() for ledger in list(_ledgers)]


def summaries() -> list[str]:
    """One line for each exporter that lost spans."""
    return [line for line in (ledger.summary() for ledger in list(_ledgers)) if line]


def begin_child() -> None:
    """In a forked child: a lock that nobody holds, and all books at zero."""
    global _lock
    _lock = RLock()
    started.reset()
    for ledger in _ledgers:
        ledger.reset()


def count_guarded(what: str) -> None:
    """Count one failure that the guard kept away from the app."""
    _guarded[what] = _guarded.get(what, 0) + 1


def guarded() -> dict[str, int]:
    """Failures by the place that raised them."""
    return dict(_guarded)
