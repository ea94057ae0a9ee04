# SPDX-License-Identifier: Apache-2.0
"""One batch at a time to one exporter: attempts, waits between them, halving, and what goes into the ledger.

No threads and no sleeping here: the batch span processor's worker calls attempt() and waits by itself.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from otel_distro.exporters.retry import (
    Delivered,
    Done,
    Outcome,
    Refused,
    Retry,
    Split,
    TooLarge,
    Wait,
    next_step,
)
from otel_distro.pipeline.foreign_exporter import FAILED
from otel_distro.runtime import guard, log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_distro.exporters.span_exporter import OutcomeSpanExporter
    from otel_distro.runtime.counters import DropReason, Ledger
    from otel_distro.runtime.deadline import Deadline


# attempts that reached nobody: another one a moment later would not, either
_UNREACHABLE = frozenset(
    {"connection_refused", "no_such_host", "name_resolution", "network_unreachable", "no_route_to_host"}
)
_STILL_TRUE_S = 5.0


class Batch:
    """Spans on their way. attempts: how many were made. spent_s: how long they took together."""

    __slots__ = ("attempts", "spans", "spent_s")

    def __init__(self, spans: Sequence[ReadableSpan], attempts: int = 0, spent_s: float = 0.0) -> None:
        self.spans = spans
        self.attempts = attempts
        self.spent_s = spent_s


class Delivery:
    """Sends batches in order; one that must wait holds back those behind it, which its backend would, too.

    in_flight: spans that were taken from the queue and are neither sent nor dropped.
    losses: spans that were dropped or rejected here, ever.
    trouble: the last outcome, when it was Retry; None after any other.
    ever_delivered: whether the backend has taken something.
    """

    def __init__(
        self,
        exporter: OutcomeSpanExporter,
        ledger: Ledger,
        export_timeout_s: float | None,
        clock: Callable[[], float],
    ) -> None:
        self._exporter = exporter
        self._ledger = ledger
        self._export_timeout_s = export_timeout_s
        self._clock = clock
        self._batches: list[Batch] = []
        self._failing_since_s: float | None = None
        self.ever_delivered = False
        self._given_up = False
        self._tried_at_s = 0.0
        self._lock = threading.RLock()  # between a worker that settles a batch and an exit that gives up
        self.in_flight = 0
        self.losses = 0
        self.trouble: Retry | None = None
        self.retry_at_s = 0.0

    @property
    def waiting(self) -> bool:
        """Whether the next attempt is not due yet."""
        return bool(self._batches) and self._batches[-1].attempts > 0 and self._clock() < self.retry_at_s

    @property
    def ordered_to_wait(self) -> bool:
        """Whether it was the backend that named the time of the next attempt."""
        return self.trouble is not None and self.trouble.after_s is not None

    @property
    def unreachable(self) -> bool:
        """Whether the last attempt, moments ago, found nobody to talk to."""
        return (
            self.trouble is not None
            and self.trouble.error_type in _UNREACHABLE
            and self._clock() - self._tried_at_s < _STILL_TRUE_S
        )

    @property
    def idle(self) -> bool:
        """Whether there is nothing to attempt."""
        return not self._batches

    def begin(self, spans: Sequence[ReadableSpan]) -> None:
        """Take over a new batch, while idle."""
        self._batches.append(Batch(spans))
        self.in_flight += len(spans)

    def attempt(self, deadline: Deadline) -> None:
        """Try the next batch once, before the deadline; afterwards it is gone, halved, or waiting."""
        batch = self._batches[-1]
        left_s = None if self._export_timeout_s is None else max(0.0, self._export_timeout_s - batch.spent_s)
        begun_s = self._clock()
        outcome = guard.survive(
            f"exporting to {self._exporter.destination}",
            self._exporter.export_once,
            batch.spans,
            deadline.earlier_of(left_s),
        )
        self._tried_at_s = self._clock()
        with self._lock:
            if self._given_up:
                return
            batch.spent_s += self._tried_at_s - begun_s
            batch.attempts += 1
            if outcome is None:
                self.trouble = None
                self._drop(self._batches.pop(), "exporter_failed")
                return
            self._tell(outcome, len(batch.spans), begun_s)
            self._follow(batch, outcome)

    def _follow(self, batch: Batch, outcome: Outcome) -> None:
        step = next_step(outcome, batch.attempts, len(batch.spans))
        self.trouble = outcome if isinstance(outcome, Retry) else None
        if isinstance(step, Wait):
            if self._export_timeout_s is not None and batch.spent_s >= self._export_timeout_s:
                self._drop(self._batches.pop(), "export_timeout")
            self.retry_at_s = self._clock() + step.delay_s
            return
        self._batches.pop()
        if isinstance(step, Done) and isinstance(outcome, Delivered):
            rejected = min(outcome.rejected, len(batch.spans))
            self._ledger.sent(len(batch.spans) - rejected, outcome.confirmed)
            self._ledger.drop("rejected", rejected)
            self.losses += rejected
            self.in_flight -= len(batch.spans)
        elif isinstance(step, Split):
            middle = len(batch.spans) // 2
            self._batches.append(Batch(batch.spans[middle:], 0, batch.spent_s))
            self._batches.append(Batch(batch.spans[:middle], 0, batch.spent_s))
        else:
            self._drop(batch, "too_large" if isinstance(outcome, TooLarge) else _reason_of(outcome))

    def retry_now(self) -> None:
        """Do not wait any longer before the next attempt."""
        self.retry_at_s = 0.0

    def give_up(self, reason: DropReason) -> None:
        """Drop everything that was taken over, even what another thread is sending at this moment."""
        with self._lock:
            if self.in_flight and self.trouble is None:
                self._ledger.last_trouble = "no reply in time from"
            self._given_up = True
            self._batches = []
            self._ledger.drop(reason, self.in_flight)
            self.losses += self.in_flight
            self.in_flight = 0

    def _drop(self, batch: Batch, reason: DropReason) -> None:
        count = len(batch.spans)
        self._ledger.drop(reason, count)
        self.losses += count
        self.in_flight -= count

    def _tell(self, outcome: Outcome, count: int, now_s: float) -> None:
        """One line at the first failure, one at recovery, one for what the backend refuses."""
        where = self._exporter.destination
        if isinstance(outcome, Retry):
            self._ledger.last_trouble = outcome.reason
            if self._failing_since_s is None:
                self._failing_since_s = now_s
                log.warn(f"cannot export to {where}: {outcome.reason}; spans wait", key=f"failing {where}")
            return
        if isinstance(outcome, Delivered):
            if self._failing_since_s is not None:
                log.warn(
                    f"exporting to {where} again, after {now_s - self._failing_since_s:.0f} s",
                    key=f"recovered {where}",
                )
            elif not self.ever_delivered:
                log.info(f"first {count} spans exported to {where}")
            self.ever_delivered = True
            if outcome.rejected:
                self._ledger.last_trouble = "rejected by"
                log.warn(f"{where} rejected {outcome.rejected} spans: {outcome.message}", key=f"rejected {where}")
            elif outcome.message:
                log.warn(f"{where} says: {outcome.message}", key=f"says {where}")
        else:
            self._ledger.last_trouble = outcome.reason
            if isinstance(outcome, Refused) or count == 1:
                log.warn(f"{where} refused {count} spans: {outcome.reason}", key=f"refused {where}")
        self._failing_since_s = None


def _reason_of(outcome: Outcome) -> DropReason:
    return "exporter_failed" if isinstance(outcome, Refused) and outcome.error_type == FAILED else "refused"
