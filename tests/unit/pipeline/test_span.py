# SPDX-License-Identifier: Apache-2.0
"""What a span holds, within its limits, and that no method raises into the app."""

from __future__ import annotations

import copy
import gc
import math
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, Status, StatusCode

from otel_distro.pipeline.provider import TracerProvider
from otel_distro.pipeline.span import Span
from otel_distro.runtime import counters, log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_distro.pipeline.tracer import Tracer

CONTEXT = SpanContext(1, 2, False)


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> Iterator[Tracer]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider.get_tracer("x")
    provider.shutdown()


def limited(**limits: int) -> Span:
    span = TracerProvider(span_limits=SpanLimits(**limits), shutdown_on_exit=False).get_tracer("x").start_span("x")
    assert isinstance(span, Span)
    return span


class Mute:
    """Has no text of its own."""


class Raising:
    """Cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__
    __len__ = __iter__ = __hash__ = __str__  # type: ignore[assignment]


class RaisingError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_over_the_limit_the_new_attribute_goes() -> None:
    """The first stay; a known key may still change; what goes is counted."""
    span = limited(max_span_attributes=2)
    for number, key in enumerate("abca"):
        span.set_attribute(key, number)
    span.set_attributes({"d": 1, "b": "changed"})
    assert dict(span.attributes or {}) == {"a": 3, "b": "changed"}
    assert span.dropped_attributes == 2


def test_attributes_given_at_the_start_are_limited() -> None:
    """By count and by length, as those set later."""
    provider = TracerProvider(
        span_limits=SpanLimits(max_span_attributes=2, max_span_attribute_length=3), shutdown_on_exit=False
    )
    span = provider.get_tracer("x").start_span("x", attributes={"a": "12345", "b": 1, "c": 2})
    assert isinstance(span, Span)
    assert dict(span.attributes or {}) == {"a": "123", "b": 1}
    assert span.dropped_attributes == 1


def test_a_limit_of_zero_holds() -> None:
    """No attribute, event or link at all."""
    span = limited(max_span_attributes=0, max_events=0, max_links=0)
    span.set_attribute("a", 1)
    span.add_event("e")
    span.add_link(CONTEXT)
    assert (dict(span.attributes or {}), span.events, span.links) == ({}, (), ())
    assert (span.dropped_attributes, span.dropped_events, span.dropped_links) == (1, 1, 1)


def test_one_line_per_span_about_limits(capfd: pytest.CaptureFixture[str]) -> None:
    """However much is dropped."""
    log.set_level("debug")
    span = limited(max_span_attributes=1)
    for number in range(1000):
        span.set_attribute(f"key {number}", number)
    log.set_level("warn")
    assert capfd.readouterr().err.count("limit") == 1


def test_events_and_links_are_limited() -> None:
    """The first stay, the rest is counted; so are the attributes inside."""
    span = limited(max_events=2, max_links=1, max_event_attributes=1, max_link_attributes=1)
    for number in range(4):
        span.add_event(f"event {number}", {"a": 1, "b": 2})
        span.add_link(SpanContext(1, number + 1, False), {"a": 1, "b": 2})
    assert [event.name for event in span.events] == ["event 0", "event 1"]
    assert [link.context.span_id for link in span.links] == [1]
    assert (span.dropped_events, span.dropped_links) == (2, 3)
    assert (span.events[0].dropped_attributes, span.links[0].dropped_attributes) == (1, 1)


def test_huge_values_are_cut_without_any_limit_set(tracer: Tracer) -> None:
    """100 MB become 1 Mi characters, 10,000 attributes 128, a name of 1 MB 4,096 characters."""
    span: Any = tracer.start_span("n" * 1_000_000, attributes={"big": "x" * 100_000_000})
    span.set_attributes({f"key {number}": number for number in range(10_000)})
    span.set_attribute("big", "y" * 100_000_000)
    span.update_name("m" * 1_000_000)
    span.set_attribute("key 1", list(range(1_000_000)))
    span.set_status(StatusCode.ERROR, "w" * 1_000_000)
    span.add_event("e" * 1_000_000, {"big": "z" * 10_000_000})
    assert len(span.attributes["big"]) == 1 << 20
    assert len(span.attributes["key 1"]) == 10_000
    assert len(span.attributes) == 128
    assert span.dropped_attributes == 10_000 - 127
    assert len(span.name) == 4096
    assert len(span.status.description) == 1 << 16
    assert len(span.events[0].name) == 4096
    assert len(span.events[0].attributes["big"]) == 1 << 20


@pytest.mark.parametrize("key", [None, "", 0, 1, b"bytes", ("a",), Raising(), Mute()], ids=lambda k: type(k).__name__)
def test_bad_keys_are_dropped(tracer: Tracer, key: Any) -> None:
    """Set one by one; the others arrive."""
    span: Any = tracer.start_span("x", attributes={"a": 1})
    span.set_attribute(key, 1)
    span.set_attribute("b", 2)
    assert dict(span.attributes) == {"a": 1, "b": 2}
    assert span.dropped_attributes == 1


@pytest.mark.parametrize("value", [Raising(), Mute(), [Raising()], {"a": Raising()}], ids=lambda v: type(v).__name__)
def test_values_without_a_text_are_dropped(tracer: Tracer, value: Any) -> None:
    """A value that raises when shown, or that would be shown as a memory address, costs itself."""
    span: Any = tracer.start_span("x", attributes={"bad": value, "a": 1})
    span.set_attribute("bad", value)
    span.add_event("e", {"bad": value, "a": 1})
    assert dict(span.attributes) == {"a": 1}
    assert dict(span.events[0].attributes) == {"a": 1}
    assert span.events[0].dropped_attributes == 1


def test_cyclic_values_end(tracer: Tracer) -> None:
    """A list that contains itself."""
    cyclic: list[Any] = [1]
    cyclic.append(cyclic)
    span: Any = tracer.start_span("x", attributes={"cyclic": cyclic})
    assert span.attributes["cyclic"][0] == 1
    span.end()


def test_subclasses_become_plain_values(tracer: Tracer) -> None:
    """An enumeration member or a marked-safe text is recorded by its value, and not kept alive."""
    import enum

    class Colour(str, enum.Enum):
        RED = "red"

    class Number(enum.IntEnum):
        ONE = 1

    span: Any = tracer.start_span("x", attributes={"colour": Colour.RED, "number": Number.ONE})
    assert [type(value) for value in span.attributes.values()] == [str, int]
    assert dict(span.attributes) == {"colour": "red", "number": 1}


JUNK: list[Any] = [None, 1, "text", [1], object(), Raising(), {1: 2}]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: type(junk).__name__)
def test_no_method_raises(tracer: Tracer, exporter: InMemorySpanExporter, junk: Any) -> None:
    """Whatever it is given; the span still arrives, once."""
    span = tracer.start_span("x")
    span.set_attribute("a", junk)
    span.set_attribute(junk, junk)
    span.set_attributes(junk)
    span.add_event(junk, junk, junk)
    span.add_event("e", attributes=junk)
    span.add_link(junk, junk)
    span.add_link(CONTEXT, junk)
    span.update_name(junk)
    span.set_status(junk)
    span.set_status(StatusCode.ERROR, junk)
    span.set_status(Status(StatusCode.ERROR), junk)
    span.record_exception(junk, junk, junk)
    span.record_exception(ValueError("x"), junk, junk, junk)
    span.end(junk)
    (arrived,) = exporter.get_finished_spans()
    assert isinstance(arrived.name, str)
    assert isinstance(arrived.end_time, int)


def test_links_that_are_none(tracer: Tracer) -> None:
    """Only real links with something in them are kept."""
    span: Any = tracer.start_span(
        "x", links=[1, None, "x", trace.Link(CONTEXT), trace.Link(trace.INVALID_SPAN_CONTEXT)]
    )
    assert [link.context for link in span.links] == [CONTEXT]


def test_an_apps_link_is_left_alone(tracer: Tracer) -> None:
    """We copy; the app's object and its attributes are as they were."""
    given = {"a": [1]}
    link = trace.Link(CONTEXT, given)
    tracer.start_span("x", links=[link])
    assert link.attributes is given


def test_exception_without_text_is_still_the_apps(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    """The app's own exception comes out of the block, and a span that says so arrives."""
    with pytest.raises(RaisingError), tracer.start_as_current_span("x"):
        raise RaisingError
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "RaisingError: <no text>"
    assert span.events[0].attributes["exception.type"].endswith("RaisingError")


def test_an_exception_is_recorded_once(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    """One that the app has recorded itself is not recorded again on its way out; another one is."""
    for other in (False, True):
        with pytest.raises(ValueError, match="boo"), tracer.start_as_current_span("x") as span:  # noqa: PT012
            error = ValueError("boo")
            span.record_exception(error, {"mine": 1})
            raise ValueError("boo 2") if other else error
    once, twice = exporter.get_finished_spans()
    assert [event.attributes.get("mine") for event in once.events] == [1]
    assert len(twice.events) == 2


def test_exceptions_are_not_kept(tracer: Tracer) -> None:
    """A recorded exception, and with it every frame of its traceback, is free to go."""

    class Local(Exception):
        pass

    with pytest.raises(Local), tracer.start_as_current_span("x") as span:
        raise Local
    reference = weakref.ref(Local)
    del Local
    gc.collect()
    assert span is not None
    assert reference() is None


def test_only_one_end_wins(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    """8 threads end 500 spans: each arrives once."""
    spans = [tracer.start_span(str(number)) for number in range(500)]
    barrier = threading.Barrier(8)

    def end_all() -> None:
        barrier.wait()
        for span in spans:
            span.end()

    threads = [threading.Thread(target=end_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(span.name) for span in exporter.get_finished_spans()) == list(range(500))


def test_threads_share_a_span(tracer: Tracer) -> None:
    """8 threads set attributes, events and links: nothing is lost below the limits, all is counted above."""
    span: Any = tracer.start_span("x")

    def work(number: int) -> None:
        for turn in range(100):
            span.set_attribute(f"{number} {turn}", turn)
            span.add_event(f"{number} {turn}")
            span.add_link(CONTEXT)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(span.attributes) + span.dropped_attributes == 800
    assert (len(span.attributes), len(span.events), len(span.links)) == (128, 128, 128)
    assert (span.dropped_events, span.dropped_links) == (672, 672)


def test_no_duration_is_negative(tracer: Tracer) -> None:
    """A clock that is set back mid-span: the span ends when it began."""
    span: Any = tracer.start_span("x")
    span._start_time += 10**12  # as if the clock had been ahead when the span began
    span.end()
    assert span.end_time == span.start_time


@pytest.mark.parametrize("time", [-1, 1 << 70, math.nan, math.inf, "now", [], -1.5])
def test_impossible_times_are_now(tracer: Tracer, time: Any) -> None:
    """Start, end and event times that are none."""
    before = tracer.start_span("before")
    span: Any = tracer.start_span("x", start_time=time)
    span.add_event("e", timestamp=time)
    span.end(time)
    for found in (span.start_time, span.events[0].timestamp, span.end_time):
        assert before.start_time <= found < before.start_time + 10**11  # type: ignore[attr-defined]


def test_times_may_be_floats(tracer: Tracer) -> None:
    """Some instrumentations multiply seconds."""
    span: Any = tracer.start_span("x", start_time=1.5e9)  # type: ignore[arg-type]
    span.end(2.5e9)
    assert (span.start_time, span.end_time) == (1_500_000_000, 2_500_000_000)


def test_900_deep(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    """Nested with statements, as a recursive program makes them."""

    def deeper(level: int) -> None:
        with tracer.start_as_current_span(str(level)):
            if level:
                deeper(level - 1)

    deeper(250)
    spans = exporter.get_finished_spans()
    assert len(spans) == 251
    assert len({span.context.trace_id for span in spans}) == 1


def test_a_span_does_not_keep_its_parent() -> None:
    """A long-lived trace does not pile up in memory through its last span."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("x")
    with tracer.start_as_current_span("parent") as parent:
        child: Any = tracer.start_span("child")
    context, reference = parent.get_span_context(), weakref.ref(parent)
    del parent
    gc.collect()
    assert reference() is None
    assert child.parent == context


def test_spans_never_ended_leave_nothing() -> None:
    """100,000 abandoned spans: no object of them remains, and the ledger calls them live."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("x")
    before = counters.started.value()
    for _ in range(100_000):
        tracer.start_span("x", attributes={"a": 1})
    gc.collect()
    assert not [
        thing
        for thing in gc.get_objects()
        if type(thing) is Span and thing.name == "x" and thing._limits is tracer._limits
    ]
    assert counters.started.value() - before == 100_000


def test_copies_are_readable_spans(tracer: Tracer) -> None:
    """What an exporter copies for later is independent of the span."""
    span: Any = tracer.start_span("x", attributes={"a": 1})
    kept = copy.deepcopy(span)
    span.set_attribute("b", 2)
    assert kept.to_json() != span.to_json()
    assert kept.context == span.context
