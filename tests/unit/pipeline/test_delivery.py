# SPDX-License-Identifier: Apache-2.0
"""Attempts, waits, halving and the ledger, with a clock of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_distro.exporters.retry import Delivered, Outcome, Refused, Retry, TooLarge
from otel_distro.exporters.span_exporter import OutcomeSpanExporter
from otel_distro.pipeline.delivery import Delivery
from otel_distro.runtime import counters, log
from otel_distro.runtime.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BUSY = Retry("503 Service Unavailable", "503")
REFUSED = Retry("connection refused", "connection_refused")


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Scripted(OutcomeSpanExporter):
    """Answers as it was told; takes seconds of the test's clock for it."""

    def __init__(self, clock: Clock) -> None:
        self.destination = "http://test"
        self.clock = clock
        self.answer: Callable[[Sequence[Any]], Outcome] = lambda spans: Delivered()
        self.takes_s = 0.0
        self.calls: list[list[Any]] = []
        self.given_s: list[float | None] = []

    def export_once(self, spans: Sequence[Any], deadline: Deadline) -> Outcome:
        self.calls.append(list(spans))
        self.given_s.append(deadline.remaining_s())
        self.clock.now_s += self.takes_s
        return self.answer(spans)


class Bench:
    """A delivery with everything around it."""

    def __init__(self, export_timeout_s: float | None = 30.0) -> None:
        self.clock = Clock()
        self.exporter = Scripted(self.clock)
        self.ledger = counters.Ledger("http://test", lambda: self.delivery.in_flight)
        self.delivery = Delivery(self.exporter, self.ledger, export_timeout_s, self.clock)

    def begin(self, count: int) -> None:
        for _ in range(count):
            self.ledger.accepted.add()
        self.delivery.begin(list(range(count)))

    def attempt(self) -> None:
        self.delivery.attempt(Deadline(None, self.clock))

    def dropped(self) -> dict[str, int]:
        balance = self.ledger.balance()
        assert balance.missing == 0
        return balance.dropped


@pytest.fixture
def bench() -> Iterator[Bench]:
    log._last_said.clear()
    yield Bench()
    log._last_said.clear()


def test_delivered_spans_are_counted(bench: Bench) -> None:
    """Confirmed, unconfirmed and rejected, each for itself."""
    for outcome in (Delivered(), Delivered(confirmed=False), Delivered(rejected=2), Delivered(rejected=99)):
        bench.exporter.answer = lambda spans, outcome=outcome: outcome
        bench.begin(10)
        bench.attempt()
        assert bench.delivery.idle
    balance = bench.ledger.balance()
    assert (balance.confirmed, balance.unconfirmed, balance.dropped) == (18, 10, {"rejected": 12})
    assert balance.missing == 0
    assert bench.delivery.losses == 12


def test_a_busy_backend_is_asked_again_later(bench: Bench) -> None:
    """The same spans, not before the delay is over."""
    bench.exporter.answer = lambda spans: BUSY
    bench.begin(3)
    bench.attempt()
    assert bench.delivery.waiting
    assert bench.delivery.retry_at_s >= bench.clock.now_s + 0.5
    assert bench.delivery.in_flight == 3
    bench.clock.now_s = bench.delivery.retry_at_s
    assert not bench.delivery.waiting
    bench.exporter.answer = lambda spans: Delivered()
    bench.attempt()
    assert bench.exporter.calls == [[0, 1, 2], [0, 1, 2]]
    assert bench.delivery.idle
    assert bench.dropped() == {}


def test_what_the_backend_asks_for_is_kept(bench: Bench) -> None:
    """Retry-After: at least that long, and it is known to be an order."""
    bench.exporter.answer = lambda spans: Retry("429", "429", 60.0)
    bench.begin(1)
    bench.attempt()
    assert bench.delivery.ordered_to_wait
    assert bench.delivery.retry_at_s >= bench.clock.now_s + 60


def test_too_large_batches_are_halved(bench: Bench) -> None:
    """F09: at most 2n-1 requests for n spans; a lone span that is too large is dropped as such."""
    bench.exporter.answer = lambda spans: TooLarge() if len(spans) > 1 or spans[0] == 5 else Delivered()
    bench.begin(8)
    while not bench.delivery.idle:
        bench.attempt()
    assert len(bench.exporter.calls) <= 15
    assert sorted(span for call in bench.exporter.calls if len(call) == 1 for span in call) == list(range(8))
    assert bench.dropped() == {"too_large": 1}
    assert bench.ledger.balance().confirmed == 7


def test_refused_batches_are_dropped(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    """One attempt, one line with the status, counted."""
    bench.exporter.answer = lambda spans: Refused("401 Unauthorized", "401")
    for _ in range(3):
        bench.begin(4)
        bench.attempt()
    assert len(bench.exporter.calls) == 3
    assert bench.dropped() == {"refused": 12}
    assert capfd.readouterr().err.splitlines() == ["otel-distro: http://test refused 4 spans: 401 Unauthorized"]


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_a_raising_exporter_costs_its_batch(bench: Bench, error: BaseException) -> None:
    """Whatever it raises; the next batch is exported."""

    def fail(spans: object) -> Outcome:
        raise error

    bench.exporter.answer = fail
    bench.begin(2)
    bench.attempt()
    bench.exporter.answer = lambda spans: Delivered()
    bench.begin(2)
    bench.attempt()
    assert bench.dropped() == {"exporter_failed": 2}
    assert bench.ledger.balance().confirmed == 2


def test_attempts_end_with_the_export_timeout() -> None:
    """OTEL_BSP_EXPORT_TIMEOUT bounds one attempt and all attempts of a batch; the next batch has its own."""
    bench = Bench(export_timeout_s=10.0)
    bench.exporter.takes_s = 6.0
    bench.exporter.answer = lambda spans: Retry("timed out", "timeout")
    bench.begin(2)
    bench.attempt()
    bench.delivery.retry_now()
    bench.attempt()
    assert bench.exporter.given_s == [10.0, 4.0]
    assert bench.delivery.idle
    assert bench.dropped() == {"export_timeout": 2}
    bench.begin(1)
    bench.attempt()
    assert bench.exporter.given_s[-1] == 10.0


def test_waiting_does_not_use_up_the_export_timeout() -> None:
    """Spans wait through a long outage when each attempt fails at once."""
    bench = Bench(export_timeout_s=10.0)
    bench.exporter.answer = lambda spans: REFUSED
    bench.begin(2)
    for _ in range(50):
        bench.attempt()
        bench.clock.now_s = bench.delivery.retry_at_s
    assert bench.delivery.in_flight == 2
    assert bench.dropped() == {}


def test_a_failure_and_a_recovery_are_one_line_each(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    """P30: however many attempts lie between them."""
    bench.exporter.answer = lambda spans: REFUSED
    bench.begin(2)
    for _ in range(10):
        bench.attempt()
        bench.clock.now_s += 7
    bench.exporter.answer = lambda spans: Delivered()
    bench.attempt()
    assert capfd.readouterr().err.splitlines() == [
        "otel-distro: cannot export to http://test: connection refused; spans wait",
        "otel-distro: exporting to http://test again, after 70 s",
    ]


def test_unreachable_is_remembered_for_moments(bench: Bench) -> None:
    """A refused connection says that nobody is there; an answer, or some time, makes that obsolete."""
    bench.exporter.answer = lambda spans: BUSY
    bench.begin(2)
    bench.attempt()
    assert not bench.delivery.unreachable
    bench.exporter.answer = lambda spans: REFUSED
    bench.attempt()
    assert bench.delivery.unreachable
    bench.clock.now_s += 60
    assert not bench.delivery.unreachable


def test_giving_up_counts_once(bench: Bench) -> None:
    """What is given up while an attempt runs is dropped, whatever that attempt comes to."""

    def give_up(spans: object) -> Outcome:
        bench.delivery.give_up("exit")
        return Delivered()

    bench.exporter.answer = give_up
    bench.begin(5)
    bench.attempt()
    assert bench.dropped() == {"exit": 5}
    assert bench.delivery.idle
