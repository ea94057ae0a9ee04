# SPDX-License-Identifier: Apache-2.0
"""From ended spans to exported batches: bounds, batches, flush, shutdown, and a ledger that balances."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as context_api
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from otel_distro.exporters.retry import Delivered, Outcome, Refused, Retry
from otel_distro.exporters.span_exporter import OutcomeSpanExporter
from otel_distro.pipeline import sdk_metrics
from otel_distro.pipeline.batch_span_processor import BatchSpanProcessor
from otel_distro.pipeline.provider import TracerProvider
from otel_distro.runtime import counters
from otel_distro.settings.settings import BatchSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from otel_distro.runtime.deadline import Deadline

NEVER_S = 1000.0
BUSY = Retry("503", "503")
REFUSED = Retry("connection refused", "connection_refused")


class Scripted(OutcomeSpanExporter):
    """Answers with the next of its outcomes, the last one for ever; open: closed while it shall hang."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.destination = "http://test"
        self.outcomes = list(outcomes) or [Delivered()]
        self.batches: list[list[str]] = []
        self.sizes: list[int] = []
        self.at_s: list[float] = []
        self.open = threading.Event()
        self.open.set()
        self.interrupted = threading.Event()
        self.is_shut_down = False
        self.suppressed: object = None
        self.keeps_deadlines = True
        self.running = 0

    def export_once(self, spans: Sequence[Any], deadline: Deadline) -> Outcome:
        self.running += 1
        assert self.running == 1
        self.suppressed = context_api.get_value(_SUPPRESS_INSTRUMENTATION_KEY)
        self.at_s.append(time.monotonic())
        self.batches.append([span.name for span in spans])
        while not self.open.wait(0.01):
            if self.interrupted.is_set() or (self.keeps_deadlines and deadline.passed()):
                self.running -= 1
                return Retry("interrupted", "interrupted")
        self.running -= 1
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]

    def interrupt(self) -> None:
        self.interrupted.set()

    def shutdown(self) -> None:
        self.is_shut_down = True

    def names(self) -> list[str]:
        return [name for batch in self.batches for name in batch]


class Bench:
    """A provider with one processor, shut down at the end."""

    def __init__(self, exporter: SpanExporter, settings: BatchSettings, **options: Any) -> None:
        self.exporter: Any = exporter
        self.processor = BatchSpanProcessor(exporter, settings, **options)
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(self.processor)
        self.tracer = self.provider.get_tracer("test")
        counters.started.reset()

    def spans(self, count: int, **arguments: Any) -> None:
        for number in range(count):
            self.tracer.start_span(str(number), **arguments).end()

    def balance(self) -> counters.Balance:
        balance = self.processor.balance()
        assert balance.missing == 0, balance
        return balance


@pytest.fixture
def make() -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def make(*outcomes: Any, exporter: SpanExporter | None = None, **options: Any) -> Bench:
        own = {name: options.pop(name) for name in ("drop_policy", "elastic") if name in options}
        settings = BatchSettings(**{"schedule_delay_s": NEVER_S, **options})
        benches.append(Bench(exporter or Scripted(*outcomes), settings, **own))
        return benches[-1]

    yield make
    for bench in benches:
        if isinstance(bench.exporter, Scripted):
            bench.exporter.open.set()
        bench.provider.shutdown(1000)
        counters.close_ledger(bench.processor._ledger)


def wait_until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def test_nothing_starts_before_the_first_span(make: Callable[..., Bench]) -> None:
    """No thread for a process that makes no span, and a quick end."""
    before = threading.active_count()
    bench = make()
    bench.processor.force_flush()
    assert threading.active_count() == before
    assert bench.provider.shutdown() is True
    assert bench.exporter.is_shut_down
    assert threading.active_count() == before


def test_first_spans_are_sent_early(make: Callable[..., Bench]) -> None:
    """Within a fraction of a second, whatever the schedule delay; the next wait for it."""
    bench = make()
    bench.spans(3)
    wait_until(lambda: len(bench.exporter.names()) == 3, timeout_s=2)
    bench.spans(3)
    time.sleep(0.3)
    assert len(bench.exporter.names()) == 3


def test_full_batches_are_sent_at_once(make: Callable[..., Bench]) -> None:
    """In the order in which the spans ended, at most max_export_batch_size together."""
    bench = make(max_export_batch_size=10)
    bench.spans(1)
    wait_until(lambda: bench.exporter.batches)
    bench.spans(35)
    wait_until(lambda: len(bench.exporter.batches) == 4)
    assert [len(batch) for batch in bench.exporter.batches] == [1, 10, 10, 10]
    assert bench.provider.force_flush() is True
    assert bench.exporter.names()[1:] == [str(number) for number in range(35)]
    assert bench.balance().confirmed == 36


def test_the_rest_is_sent_on_schedule(make: Callable[..., Bench]) -> None:
    """No span waits longer than the schedule delay."""
    bench = make(schedule_delay_s=0.2)
    for _ in range(3):
        bench.spans(1)
        begun = time.monotonic()
        sent = len(bench.exporter.names())
        wait_until(lambda sent=sent: len(bench.exporter.names()) > sent, timeout_s=2)
        assert time.monotonic() - begun < 0.5


def test_without_a_delay_each_span_goes_at_once(make: Callable[..., Bench]) -> None:
    """OTEL_BSP_SCHEDULE_DELAY=0."""
    bench = make(schedule_delay_s=0.0)
    for number in range(5):
        bench.spans(1)
        wait_until(lambda number=number: len(bench.exporter.names()) == number + 1, timeout_s=0.5)


@pytest.mark.parametrize(("policy", "kept"), [("oldest", range(80, 100)), ("newest", range(20))])
def test_a_full_queue_drops(make: Callable[..., Bench], policy: str, kept: range) -> None:
    """The oldest, or by setting the newest; every one counted; on_end never waits for the exporter."""
    bench = make(max_queue_size=20, max_export_batch_size=20, drop_policy=policy)
    bench.exporter.open.clear()
    bench.tracer.start_span("in flight").end()
    wait_until(lambda: bench.exporter.batches)
    bench.spans(100)
    assert bench.balance().dropped == {"queue_full": 80}
    assert bench.balance().queued == 21
    bench.exporter.open.set()
    assert bench.provider.force_flush() is True
    assert bench.exporter.names()[1:] == [str(number) for number in kept]


def test_memory_bounds_the_queue(make: Callable[..., Bench]) -> None:
    """An elastic queue takes more than its size, and not more than its bytes."""
    bench = make(max_queue_size=10, max_queue_bytes=10_000_000, elastic=True)
    bench.exporter.open.clear()
    bench.tracer.start_span("in flight").end()
    wait_until(lambda: bench.exporter.batches)
    bench.spans(5000)
    assert bench.balance().dropped == {}
    bench.spans(200, attributes={"big": "x" * 100_000})
    lost = bench.balance().dropped["queue_full"]
    assert 5140 < lost < 5160  # half of the memory, while the backend has taken nothing
    bench.exporter.open.set()
    assert bench.provider.force_flush() is True
    assert bench.processor._bytes == 0


def test_a_span_over_the_memory_bound_is_dropped(make: Callable[..., Bench]) -> None:
    """It leaves the queue in order for the next ones."""
    bench = make(max_queue_bytes=100_000)
    bench.spans(1, attributes={"big": "x" * 200_000})
    assert bench.balance().dropped == {"queue_full": 1}
    bench.spans(2)
    assert bench.provider.force_flush() is True
    assert bench.balance().confirmed == 2


def test_spans_wait_while_the_backend_is_away(make: Callable[..., Bench]) -> None:
    """Retried spans and those that came meanwhile all arrive, in order, none doubled."""
    bench = make(REFUSED, Delivered(), schedule_delay_s=0.1)
    bench.spans(3)
    wait_until(lambda: len(bench.exporter.batches) == 1)
    bench.tracer.start_span("meanwhile").end()
    wait_until(lambda: bench.balance().confirmed == 4)
    assert bench.exporter.batches == [["0", "1", "2"], ["0", "1", "2"], ["meanwhile"]]
    assert bench.exporter.at_s[1] - bench.exporter.at_s[0] >= 0.5


def test_waiting_for_a_retry_costs_nothing(make: Callable[..., Bench]) -> None:
    """Spans that end meanwhile do not wake the worker."""
    bench = make(Retry("429", "429", 60.0), max_export_batch_size=5)
    bench.spans(1)
    wait_until(lambda: bench.processor._delivery.waiting)
    time.sleep(0.02)
    bench.spans(1000)
    assert bench.processor._rung
    assert len(bench.exporter.batches) == 1


def test_one_slow_exporter_holds_nobody_back() -> None:
    """Each exporter has its own queue, worker and ledger."""
    slow, quick = Scripted(), Scripted()
    slow.open.clear()
    provider = TracerProvider(shutdown_on_exit=False)
    processors = [BatchSpanProcessor(exporter, BatchSettings()) for exporter in (slow, quick)]
    for processor in processors:
        provider.add_span_processor(processor)
    provider.get_tracer("x").start_span("y").end()
    wait_until(lambda: quick.batches)
    assert [processor.balance().confirmed for processor in processors] == [0, 1]
    assert [processor.balance().queued for processor in processors] == [1, 0]
    begun = time.monotonic()
    assert provider.shutdown(200) is False
    assert time.monotonic() - begun < 0.6
    assert [processor.balance().dropped for processor in processors] == [{"exit": 1}, {}]
    for processor in processors:
        counters.close_ledger(processor._ledger)


def test_only_sampled_spans_are_exported(make: Callable[..., Bench]) -> None:
    """RECORD_ONLY spans reach the processors and not the backend, and the ledger does not know them."""

    class RecordOnly(Sampler):
        def should_sample(self, *_: Any, **__: Any) -> SamplingResult:
            return SamplingResult(Decision.RECORD_ONLY)

        def get_description(self) -> str:
            return "RecordOnly"

    bench = make()
    bench.tracer.sampler = RecordOnly()
    bench.spans(5)
    assert bench.balance().started == bench.balance().accepted == 0


def test_spans_of_the_sdks_own_tracer_are_exported(make: Callable[..., Bench]) -> None:
    """OTEL_DISTRO_SPAN_CORE=sdk: the same processor behind upstream's provider."""
    bench = make()
    provider = SdkTracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(bench.processor)
    with provider.get_tracer("x").start_as_current_span("y"):
        pass
    assert provider.force_flush() is True
    assert bench.exporter.names() == ["y"]
    assert bench.balance().confirmed == 1


def test_our_own_requests_are_not_traced(make: Callable[..., Bench]) -> None:
    """Exports run with instrumentation suppressed; the app's context is not touched."""
    bench = make()
    bench.spans(1)
    bench.provider.force_flush()
    assert bench.exporter.suppressed is True
    assert context_api.get_value(_SUPPRESS_INSTRUMENTATION_KEY) is None


@pytest.mark.parametrize(
    ("outcomes", "flushed"),
    [
        ([Delivered()], True),
        ([Delivered(confirmed=False)], True),
        ([Delivered(rejected=1)], False),
        ([Refused("401", "401")], False),
        ([REFUSED], False),
        ([BUSY, Delivered()], True),
        ([BUSY], False),
    ],
    ids=str,
)
def test_flush_tells_the_truth(make: Callable[..., Bench], outcomes: list[Outcome], flushed: bool) -> None:
    """True when every span was exported within the time; a backend that is away is asked once."""
    bench = make(*outcomes)
    bench.spans(2)
    begun = time.monotonic()
    assert bench.provider.force_flush(1500) is flushed
    assert time.monotonic() - begun < 1.8
    bench.balance()


def test_flush_keeps_its_deadline(make: Callable[..., Bench]) -> None:
    """A silent backend: False after the time; the spans stay and arrive when it speaks."""
    bench = make()
    bench.exporter.open.clear()
    bench.spans(2)
    begun = time.monotonic()
    assert bench.provider.force_flush(200) is False
    assert time.monotonic() - begun < 0.6
    assert bench.balance().queued == 2
    bench.exporter.open.set()
    assert bench.provider.force_flush(2000) is True


def test_flush_does_not_hurry_a_backend_that_asked_for_time(make: Callable[..., Bench]) -> None:
    """Retry-After holds, whoever asks for a flush."""
    bench = make(Retry("429", "429", 60.0), Delivered())
    bench.spans(1)
    wait_until(lambda: bench.exporter.batches)
    assert bench.provider.force_flush(100) is False
    assert len(bench.exporter.batches) == 1


def test_flush_ends_while_others_go_on(make: Callable[..., Bench]) -> None:
    """A flush covers what was queued when it began, not what a busy app adds all the time."""
    bench = make(max_export_batch_size=50)
    stop = threading.Event()

    def keep_busy() -> None:
        while not stop.is_set():
            bench.spans(1)
            time.sleep(0.0005)

    threads = [threading.Thread(target=keep_busy) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            assert bench.provider.force_flush(3000) is True
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_shutdown_sends_everything(make: Callable[..., Bench]) -> None:
    """All batches, then the exporter is shut down; later spans are counted as such."""
    bench = make(max_export_batch_size=10)
    late = bench.tracer.start_span("late")
    bench.spans(95)
    assert bench.provider.shutdown() is True
    late.end()
    assert len(bench.exporter.names()) == 95
    assert bench.exporter.is_shut_down
    assert bench.balance().dropped == {"after_shutdown": 1}
    wait_until(lambda: not bench.processor._worker.running)
    bench.processor.shutdown()
    assert bench.provider.force_flush() is False


@pytest.mark.parametrize(
    ("outcome", "attempts", "longest_s"),
    [(REFUSED, 1, 0.3), (BUSY, 2, 2.0), (Retry("429", "429", 60.0), 1, 0.3), (Refused("401", "401"), 4, 0.3)],
    ids=str,
)
def test_shutdown_does_not_insist(
    make: Callable[..., Bench], outcome: Outcome, attempts: int, longest_s: float
) -> None:
    """P2: nobody there: one attempt; busy: one more if there is time; told to wait: none. All is counted."""
    bench = make(outcome, max_export_batch_size=10, max_queue_size=1000)
    bench.processor._ring_at = 1000  # the worker starts with the shutdown
    bench.spans(40)
    begun = time.monotonic()
    assert bench.provider.shutdown(2000) is False
    assert time.monotonic() - begun < longest_s
    assert len(bench.exporter.batches) == attempts
    assert bench.balance().lost == 40


def test_shutdown_right_after_a_refusal_does_not_ask_again(make: Callable[..., Bench]) -> None:
    """P2: no attempt at exit when the last one, moments ago, was refused."""
    bench = make(REFUSED)
    bench.spans(2)
    wait_until(lambda: bench.processor._delivery.waiting)
    assert bench.provider.shutdown(2000) is False
    assert len(bench.exporter.batches) == 1
    assert bench.balance().dropped == {"exit": 2}


def test_shutdown_waits_for_a_retry_that_is_near(make: Callable[..., Bench]) -> None:
    """F05: 503, then well: all delivered, and not before its time."""
    bench = make(BUSY, Delivered())
    bench.spans(2)
    wait_until(lambda: bench.processor._delivery.waiting)
    assert bench.provider.shutdown(2000) is True
    assert bench.exporter.at_s[1] - bench.exporter.at_s[0] >= 0.5
    assert bench.balance().confirmed == 2


def test_shutdown_keeps_its_deadline(make: Callable[..., Bench]) -> None:
    """An attempt that hangs is interrupted when the time is over, and its spans are counted as lost."""
    bench = make()
    bench.exporter.open.clear()
    bench.exporter.keeps_deadlines = False
    bench.spans(700)
    begun = time.monotonic()
    assert bench.provider.shutdown(300) is False
    assert time.monotonic() - begun < 0.7
    assert bench.exporter.interrupted.is_set()
    assert bench.balance().dropped == {"exit": 700}
    assert "no reply in time from http://test" in (bench.processor._ledger.summary() or "")


def test_foreign_exporters_work(make: Callable[..., Bench]) -> None:
    """Any SpanExporter: success, failure, exceptions of all kinds; the worker survives them."""

    answers: list[Any] = [
        SpanExportResult.SUCCESS, SpanExportResult.FAILURE, ValueError("x"), SystemExit(1), None,
        SpanExportResult.SUCCESS,
    ]  # fmt: skip

    class Foreign(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            answer = answers.pop(0)
            if isinstance(answer, BaseException):
                raise answer
            return answer  # type: ignore[no-any-return]

        def shutdown(self) -> None:
            raise RuntimeError("even here")

    bench = make(exporter=Foreign())
    flushed = []
    for _ in range(6):
        bench.spans(2)
        flushed.append(bench.provider.force_flush())
    assert flushed == [True, False, False, False, False, True]
    assert bench.balance().destination == "Foreign"
    assert bench.balance().dropped == {"exporter_failed": 8}
    assert bench.balance().confirmed == 4


def test_eight_threads_lose_nothing(make: Callable[..., Bench]) -> None:
    """F59 in small: 8 threads end 2,500 spans each as fast as they can; sent and dropped add up exactly."""
    bench = make(max_queue_size=500, max_export_batch_size=100)
    threads = [threading.Thread(target=bench.spans, args=(2500,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bench.provider.force_flush()
    balance = bench.balance()
    assert balance.started == balance.accepted == 20_000
    assert balance.confirmed == len(bench.exporter.names())
    assert balance.confirmed + balance.lost == 20_000


def test_an_ended_span_of_the_parent_is_not_the_childs(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A span that was open at a fork is exported by the parent alone."""
    from otel_distro.runtime import fork

    bench = make()
    span = bench.tracer.start_span("open at the fork")
    monkeypatch.setattr(fork, "generation", fork.generation + 1)
    span.end()
    assert not span.is_recording()
    assert bench.processor.balance().accepted == 0


def test_a_child_starts_clean(make: Callable[..., Bench]) -> None:
    """After a fork: empty queue, no worker, no count; the exporter is told."""
    told = []

    class Told(Scripted):
        def after_fork_in_child(self) -> None:
            told.append(True)

    bench = make(exporter=Told())
    bench.processor._ring_at = 100
    bench.spans(5)
    counters.started.reset()
    bench.processor._ledger.reset()
    bench.processor._begin_child()
    assert told == [True]
    assert bench.balance() == counters.Balance("http://test", 0, 0, 0, 0, 0, {})
    bench.spans(2)
    assert bench.provider.force_flush() is True
    assert bench.exporter.names() == ["0", "1"]


def test_sdk_metrics_are_read_from_the_ledger(make: Callable[..., Bench]) -> None:
    """Processed and exported, failures with their error.type; size, capacity and in flight."""
    bench = make(Refused("401", "401"), Delivered(), max_queue_size=10, max_export_batch_size=10)
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader])
    sdk_metrics.observe(bench.processor, meters, "otlp_http_span_exporter")
    bench.spans(2)
    bench.provider.force_flush()
    bench.processor._ring_at = 100
    bench.spans(3)
    bench.provider.force_flush()
    data: Any = reader.get_metrics_data()
    found = {
        (metric.name, point.attributes.get("error.type")): point.value
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
        for point in metric.data.data_points
    }
    assert found == {
        ("otel.sdk.processor.span.processed", None): 5,
        ("otel.sdk.exporter.span.exported", None): 3,
        ("otel.sdk.exporter.span.exported", "refused"): 2,
        ("otel.sdk.processor.span.queue.size", None): 0,
        ("otel.sdk.processor.span.queue.capacity", None): 10,
        ("otel.sdk.exporter.span.inflight", None): 0,
    }
    meters.shutdown()


def test_in_memory_exporter_gets_readable_spans(make: Callable[..., Bench]) -> None:
    """What upstream's own exporter for tests shows."""
    bench = make(exporter=InMemorySpanExporter())
    with bench.tracer.start_as_current_span("a", attributes={"k": "v"}):
        pass
    assert bench.provider.force_flush() is True
    (span,) = bench.exporter.get_finished_spans()
    assert (span.name, dict(span.attributes)) == ("a", {"k": "v"})
