# SPDX-License-Identifier: Apache-2.0
"""From ended spans to exported batches: a bounded queue that never blocks the app, and one worker thread.

The app's side is on_end: append to a deque, count, and now and then ring the worker's bell. It takes no lock.
The worker's side takes batches off the other end and hands them to Delivery; while a batch waits for its next
attempt, newer spans queue up. Everything that could be caught in the middle by a fork, by a signal handler or
by gevent's patching is made when the first span ends, and made anew in a forked child.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

from opentelemetry import context as context_api
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY
from opentelemetry.sdk.trace import SpanProcessor

from otel_distro.exporters.span_exporter import OutcomeSpanExporter
from otel_distro.pipeline.delivery import Delivery
from otel_distro.pipeline.foreign_exporter import ForeignExporter
from otel_distro.pipeline.span import Span
from otel_distro.pipeline.ticket import Ticket
from otel_distro.pipeline.worker_thread import FORK_WARNS, WorkerThread
from otel_distro.runtime import counters, fork, guard, log
from otel_distro.runtime.clock import monotonic_s
from otel_distro.runtime.deadline import Deadline
from otel_distro.settings.settings import BatchSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

FIRST_EXPORT_S = 0.15
"""How soon the first spans of a process are sent, so that somebody who waits for them sees them."""

_EAGER_BELOW_S = 0.01  # with a shorter schedule delay, each span is sent as it ends
_EAGER_DELAY_S = 1.0
# measured on CPython 3.11 with 50,000 queued spans; what is long or nested is counted on top
SPAN_BYTES = 600
ATTRIBUTE_BYTES = 25
FOREIGN_SPAN_BYTES = 4000

_INTERRUPT_GRACE_S = 0.05
_DEFAULTS = BatchSettings()
_page = fork.page


class BatchSpanProcessor(SpanProcessor):
    """Queues ended sampled spans and exports them in batches from a thread of its own."""

    def __init__(
        self,
        span_exporter: SpanExporter,
        settings: BatchSettings = _DEFAULTS,
        *,
        drop_policy: Literal["oldest", "newest"] = "oldest",
        elastic: bool = False,
        clock: Callable[[], float] = monotonic_s,
    ) -> None:
        """drop_policy: which span goes when the queue is full.

        elastic: the queue may hold more than settings.max_queue_size while its estimated memory stays below
        settings.max_queue_bytes, or half of that until the backend has taken something; for when nobody has
        set a size.
        """
        self.span_exporter = span_exporter
        self._exporter = (
            span_exporter if isinstance(span_exporter, OutcomeSpanExporter) else ForeignExporter(span_exporter)
        )
        self._clock = clock
        self._eager = settings.schedule_delay_s < _EAGER_BELOW_S
        self._delay_s = _EAGER_DELAY_S if self._eager else settings.schedule_delay_s
        self._max_size = sys.maxsize if elastic else settings.max_queue_size
        self._elastic = elastic
        self._bytes_at_most = settings.max_queue_bytes
        self._batch_size = min(settings.max_export_batch_size, settings.max_queue_size)
        self._ring_when = 1 if self._eager else max(1, min(self._batch_size, settings.max_queue_size // 2))
        self._export_timeout_s = settings.export_timeout_s
        self._drops_newest = drop_policy == "newest"
        self._closed = False
        self._ledger = counters.open_ledger(self._exporter.destination, self._queued)
        self._begin()
        fork.in_child(self._begin_child)

    def _begin(self) -> None:
        self._queue: deque[Any] = deque()
        self._bytes = 0
        self._max_bytes = self._bytes_at_most // (2 if self._elastic else 1)
        self._overflowed = False
        self._rung = False
        self._ring_at = 1  # the first span starts the worker
        self._worker = WorkerThread(f"otel-distro {self._exporter.destination}", self._work, self._after_fork)
        self._leaving = False
        self._due_s: float | None = None
        self._exporting = threading.Lock()
        self._tickets: deque[Ticket] = deque()
        self._held: list[tuple[Ticket, int]] = []
        self._closing: tuple[Ticket, Deadline] | None = None
        self._accept = self._ledger.accepted.add
        self._delivery = Delivery(self._exporter, self._ledger, self._export_timeout_s, self._clock)

    def _begin_child(self) -> None:
        """What is queued belongs to the parent."""
        self._begin()
        guard.call(f"{self._exporter.destination} after a fork", self._exporter.after_fork_in_child)

    def _queued(self) -> int:
        return len(self._queue) + self._delivery.in_flight

    def balance(self) -> counters.Balance:
        """The ledger of this processor and its exporter."""
        return self._ledger.balance()

    def in_flight(self) -> int:
        """Spans that are being exported, or wait for the next attempt."""
        return self._delivery.in_flight

    @property
    def capacity(self) -> int:
        """How many spans the queue may hold; for an elastic one, of the smallest kind."""
        return min(self._max_size, self._max_bytes // SPAN_BYTES)

    # --- the app's side

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a sampled span. Takes no lock and never waits."""
        if type(span) is Span:
            if not span._trace_flags & 1:
                return
            self._bytes += SPAN_BYTES + ATTRIBUTE_BYTES * len(span._attributes) + span._extra_bytes
        else:
            context = span.context
            if context is None or not context.trace_flags.sampled:
                return
            self._bytes += FOREIGN_SPAN_BYTES
            if not _page[0]:  # our own tracer has looked when the span began
                fork.notice()
        self._accept()
        if self._closed:
            self._ledger.drop("after_shutdown")
            return
        queue = self._queue
        queue.append(span)
        if len(queue) >= self._ring_at or self._bytes > self._max_bytes:
            if not self._rung:
                self._ring()
            if len(queue) > self._max_size or self._bytes > self._max_bytes:
                self._make_room()

    def _make_room(self) -> None:
        queue = self._queue
        take = queue.pop if self._drops_newest else queue.popleft
        while len(queue) > self._max_size or self._bytes > self._max_bytes:
            try:
                span = take()
            except IndexError:
                self._bytes = 0  # the estimate has drifted: there is nothing left
                return
            self._bytes -= _weight(span)
            self._ledger.drop("queue_full")
        if not self._overflowed:
            self._overflowed = True
            which = "newest" if self._drops_newest else "oldest"
            log.warn(
                f"spans come faster than {self._exporter.destination} takes them; the {which} are dropped",
                key=f"queue {self._exporter.destination}",
            )

    def _ring(self) -> None:
        """Wake the worker; start it for the first span. Safe in a signal handler."""
        self._rung = True
        if self._worker.running:
            self._worker.ring()
            return
        self._rung = False
        self._ring_at = self._ring_when
        if not self._worker.start():
            self._ring_at = len(self._queue) + self._ring_when  # try again later

    # --- flush and shutdown, from any thread

    def begin_flush(self) -> Ticket:
        """Ask the worker to export everything that is queued now; end_flush() waits for it."""
        ticket = Ticket()
        if self._closed or not self._queued():
            ticket.settle(not self._closed)
        else:
            self._tickets.append(ticket)
            self._ring()
        return ticket

    def end_flush(self, ticket: Ticket, deadline: Deadline) -> bool:
        """Whether everything was exported before the deadline."""
        if not self._worker.running and not ticket.done:
            self._in_this_thread(self._turn, True, deadline)
        return ticket.wait(deadline)

    def force_flush(self, timeout_millis: float | None = 30000) -> bool:
        """Export everything that is queued now. False when that failed, or took longer. Never raises.

        A backend that cannot be reached is asked once, and the answer is False; the spans stay in the queue.
        """
        deadline = Deadline(None if timeout_millis is None else timeout_millis / 1000)
        return self.end_flush(self.begin_flush(), deadline)

    def begin_shutdown(self, deadline: Deadline) -> None:
        """Accept no more spans and tell the worker to send what it has; end_shutdown() waits for it."""
        if self._closed:
            return
        self._closed = True
        self._closing = (Ticket(), deadline)
        if self._worker.running or self._queue:
            self._ring()

    def end_shutdown(self, deadline: Deadline) -> bool:
        """Whether everything was exported before the deadline; what was not is dropped and counted."""
        if self._closing is None:
            return True
        finished, _ = self._closing
        if not self._worker.running and not finished.done:
            self._in_this_thread(self._finish, finished, deadline)
        flushed = finished.wait(deadline)
        if not finished.done:
            self._drop_rest()
            guard.call("interrupting an exporter", self._exporter.interrupt)
            finished.wait(Deadline(_INTERRUPT_GRACE_S))
        return flushed

    def shutdown(self, timeout_millis: float = 30000) -> None:
        """Export what is queued, then stop. A second call does nothing. Never raises."""
        deadline = Deadline(timeout_millis / 1000)
        self.begin_shutdown(deadline)
        self.end_shutdown(deadline)

    def _drop_rest(self) -> None:
        self._delivery.give_up("exit")
        while self._queue:
            try:
                self._queue.popleft()
            except IndexError:
                break  # somebody else was faster
            self._ledger.drop("exit")

    # --- the worker's side

    def _suppressed(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call function so that our own requests are not traced."""
        token = context_api.attach(context_api.set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        guard.survive("the export worker", function, *arguments)
        context_api.detach(token)

    def _in_this_thread(self, function: Callable[..., object], *arguments: Any) -> None:
        """Do the worker's work where there is no worker, unless it has come back meanwhile."""
        if self._exporting.acquire(blocking=False):
            try:
                self._suppressed(function, *arguments)
            finally:
                self._exporting.release()

    def _work(self) -> None:
        self._suppressed(self._work_until_closed)

    def _work_until_closed(self) -> None:
        if self._due_s is None:
            self._due_s = self._clock() + min(self._delay_s, FIRST_EXPORT_S)
        while self._closing is None:
            self._sleep(self._due_s)
            if self._worker.wanted_away:
                if self._leaves():
                    return
            elif self._closing is None:
                due = self._eager or self._clock() >= self._due_s
                if due:
                    self._due_s = self._clock() + self._delay_s
                with self._exporting:
                    self._turn(due, Deadline(None, self._clock))
        with self._exporting:
            self._finish(*self._closing)

    def _leaves(self) -> bool:
        """Whether this thread must end, because the process forks."""
        if FORK_WARNS:
            self._leaving = True
            with self._exporting:
                self._turn(True, Deadline(None, self._clock))  # the fork does not wait for ever
            self._leaving = False
        return self._worker.leaves()

    def _after_fork(self) -> None:
        """In the parent: the worker has left."""
        if self._queued() or self._tickets or self._held or self._closing is not None:
            self._ring()
        else:
            self._ring_at = 1  # the next span starts it again

    def _sleep(self, due_s: float) -> None:
        """Until the next attempt or export is due, or the bell rings."""
        delivery = self._delivery
        if delivery.waiting:
            self._rung = True  # that the queue is full is no reason to wake up
            due_s = delivery.retry_at_s
        else:
            self._rung = False
            if len(self._queue) >= self._ring_at:
                return
        if self._closing is None and not self._tickets:
            self._worker.wait(due_s - self._clock())

    def _turn(self, everything: bool, deadline: Deadline) -> None:
        """Export everything there is, or only full batches; settle the flushes that this completes."""
        delivery = self._delivery
        while self._tickets:
            self._held.append((self._tickets.popleft(), delivery.losses))
            if not delivery.ordered_to_wait:
                delivery.retry_now()
        exported = self._export(everything or bool(self._held), deadline)
        if delivery.ever_delivered:
            self._max_bytes = self._bytes_at_most
        if exported or delivery.unreachable:
            held, self._held = self._held, []
            for ticket, losses in held:
                ticket.settle(exported and delivery.losses == losses)

    def _export(self, everything: bool, deadline: Deadline) -> bool:
        """Whether what was queued at the beginning is gone; not, when the backend makes us wait."""
        delivery = self._delivery
        left = len(self._queue)
        if not everything:
            left -= left % self._batch_size
        while self._closing is None and not deadline.passed():
            if self._worker.wanted_away and not self._leaving:
                return False
            if delivery.idle:
                spans = self._take(left)
                if not spans:
                    return True
                left -= len(spans)
                delivery.begin(spans)
            elif delivery.waiting:
                return False
            delivery.attempt(deadline)
        return False

    def _take(self, at_most: int) -> Sequence[Any]:
        queue = self._queue
        spans = []
        try:
            for _ in range(min(at_most, self._batch_size)):
                span = queue.popleft()
                spans.append(span)
                self._bytes -= _weight(span)
        except IndexError:
            self._bytes = 0  # nothing is left, so no estimate can have drifted
            self._overflowed = False
        return spans

    def _finish(self, finished: Ticket, deadline: Deadline) -> None:
        """Send what is left as far as the deadline allows, drop the rest, shut the exporter down."""
        if finished.done:
            return
        losses = self._delivery.losses
        sent = self._send_rest(deadline)
        if not sent:
            self._drop_rest()
        for ticket in [*self._tickets, *[ticket for ticket, _ in self._held]]:
            ticket.settle(False)
        guard.survive(f"shutting down {self._exporter.destination}", self._exporter.shutdown)
        finished.settle(sent and self._delivery.losses == losses)

    def _send_rest(self, deadline: Deadline) -> bool:
        """One attempt for each batch, and one more where a backend that answered may take it in time."""
        delivery = self._delivery
        failures = 0
        while not deadline.passed():
            if delivery.idle:
                spans = self._take(self._batch_size)
                if not spans:
                    return True
                delivery.begin(spans)
            elif delivery.waiting:
                wait_s = delivery.retry_at_s - self._clock()
                fits = wait_s < (deadline.remaining_s() or 0.0)
                if delivery.unreachable or failures > 1 or not (fits or failures == 0):
                    return False
                if fits:
                    Ticket().wait(Deadline(wait_s))  # nobody settles it: a pause
                elif delivery.ordered_to_wait:
                    return False
                delivery.retry_now()
            delivery.attempt(deadline)
            failures += delivery.trouble is not None
        return False


def _weight(span: Any) -> int:
    if type(span) is Span:
        return SPAN_BYTES + ATTRIBUTE_BYTES * len(span._attributes) + span._extra_bytes
    return FOREIGN_SPAN_BYTES
