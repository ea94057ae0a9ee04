# SPDX-License-Identifier: Apache-2.0
"""Starting spans: whose child, who decides, and that nothing an app passes raises."""

from __future__ import annotations

import contextvars
import random
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace import _TracerConfig
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_OFF,
    DEFAULT_ON,
    Decision,
    ParentBased,
    ParentBasedTraceIdRatio,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, TraceState

from otel_distro.pipeline.provider import TracerProvider
from otel_distro.pipeline.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

REMOTE = SpanContext(0xABC, 0xDEF, True, TraceFlags(1), TraceState([("k", "v")]))


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> Iterator[TracerProvider]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider
    provider.shutdown()


class Asked(Sampler):
    """Says what it was made with, and remembers what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.questions: list[tuple[Any, ...]] = []

    def should_sample(self, *question: Any, **more: Any) -> Any:
        self.questions.append(question)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def get_description(self) -> str:
        return "Asked"


class Wrapped(Sampler):
    """Makes a sampler that the tracer cannot decide inline out of one that it can."""

    def __init__(self, inner: Sampler) -> None:
        self.inner = inner

    def should_sample(self, *question: Any, **more: Any) -> SamplingResult:
        return self.inner.should_sample(*question, **more)

    def get_description(self) -> str:
        return "Wrapped"


def in_context(span_context: SpanContext) -> context_api.Context:
    return trace.set_span_in_context(NonRecordingSpan(span_context), context_api.Context())


JUNK: list[Any] = [1, "text", [1], {"a": 1}, object(), 1.5, b"bytes", {1: 2}, True]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: type(junk).__name__)
@pytest.mark.parametrize("where", ["name", "context", "kind", "attributes", "links", "start_time"])
def test_nothing_that_is_passed_raises(provider: TracerProvider, where: str, junk: Any) -> None:
    """A wrong argument costs itself, not the span and not the app."""
    arguments = {"name": "fine", where: junk}
    tracer = provider.get_tracer("x")
    span = tracer.start_span(**arguments)
    assert span.is_recording()
    span.end()
    with tracer.start_as_current_span(**arguments):
        pass


def test_junk_parents_make_roots(provider: TracerProvider) -> None:
    """Whatever stands where the current span should be."""
    tracer = provider.get_tracer("x")
    for junk in (1, "x", object()):
        token = context_api.attach(context_api.set_value(trace.propagation._SPAN_KEY, junk))
        assert tracer.start_span("root").parent is None
        context_api.detach(token)
    assert tracer.start_span("root", context=in_context(trace.INVALID_SPAN_CONTEXT)).parent is None


@given(
    trace_id=st.integers(1, 2**128 - 1),
    flags=st.integers(0, 3),
    remote=st.booleans(),
    has_parent=st.booleans(),
    rate=st.floats(0, 1),
)
def test_inline_decisions_are_the_samplers_own(
    trace_id: int, flags: int, remote: bool, has_parent: bool, rate: float
) -> None:
    """What is decided without asking equals what the sampler answers when it is asked."""

    class Fixed(IdGenerator):
        def generate_trace_id(self) -> int:
            return trace_id

        def generate_span_id(self) -> int:
            return 1

    samplers = [
        ALWAYS_ON, ALWAYS_OFF, DEFAULT_ON, DEFAULT_OFF, TraceIdRatioBased(rate), ParentBasedTraceIdRatio(rate),
        ParentBased(TraceIdRatioBased(rate), ALWAYS_OFF, ALWAYS_ON, TraceIdRatioBased(rate), ALWAYS_ON),
    ]  # fmt: skip
    context = context_api.Context()
    if has_parent:
        context = in_context(SpanContext(trace_id, 5, remote, TraceFlags(flags), TraceState([("a", "b")])))
    for sampler in samplers:
        inline = TracerProvider(sampler=sampler, id_generator=Fixed(), shutdown_on_exit=False)
        asked = TracerProvider(sampler=Wrapped(sampler), id_generator=Fixed(), shutdown_on_exit=False)
        sdk = SdkTracerProvider(sampler=sampler, id_generator=Fixed(), shutdown_on_exit=False)
        spans = [p.get_tracer("x").start_span("y", context=context) for p in (inline, asked, sdk)]
        assert len({span.is_recording() for span in spans}) == 1
        assert spans[0].get_span_context() == spans[1].get_span_context() == spans[2].get_span_context()


def test_sampler_is_asked_with_everything() -> None:
    """Its attributes and trace state replace the given ones; RECORD_ONLY records without the flag."""
    state = TraceState([("new", "state")])
    sampler = Asked(SamplingResult(Decision.RECORD_ONLY, {"by": "sampler"}, state))
    tracer = TracerProvider(sampler=sampler, shutdown_on_exit=False).get_tracer("x")
    context, links = in_context(REMOTE), [trace.Link(REMOTE)]
    span = tracer.start_span("name", context, SpanKind.CLIENT, {"given": 1}, links)
    assert isinstance(span, Span)
    assert span.is_recording()
    assert not span.get_span_context().trace_flags.sampled
    assert span.get_span_context().trace_state is state
    assert span.parent == REMOTE
    assert dict(span.attributes or {}) == {"by": "sampler"}
    assert sampler.questions == [(context, 0xABC, "name", SpanKind.CLIENT, {"given": 1}, links)]


@pytest.mark.parametrize("answer", [RuntimeError("no"), None, "junk", 5])
def test_failing_sampler_means_unsampled(answer: Any) -> None:
    """The app never sees it; ids and trace state are still passed on."""
    tracer = TracerProvider(sampler=Asked(answer), shutdown_on_exit=False).get_tracer("x")
    with tracer.start_as_current_span("name", context=in_context(REMOTE)) as span:
        assert not span.is_recording()
    assert span.get_span_context().trace_id == REMOTE.trace_id
    assert span.get_span_context().trace_state == REMOTE.trace_state
    assert not span.get_span_context().trace_flags.sampled


@pytest.mark.parametrize("made", [0, -1, 1 << 200, None, "x", RuntimeError("no")])
def test_failing_id_generator_is_replaced(made: Any) -> None:
    """Spans have valid ids whatever a custom generator gives."""

    class Broken(IdGenerator):
        def generate_trace_id(self) -> int:
            if isinstance(made, Exception):
                raise made
            return made  # type: ignore[no-any-return]

        generate_span_id = generate_trace_id

        def is_trace_id_random(self) -> bool:
            raise RuntimeError("unknown")

    span = TracerProvider(id_generator=Broken(), shutdown_on_exit=False).get_tracer("x").start_span("y")
    assert span.get_span_context().is_valid
    assert span.get_span_context().trace_flags == TraceFlags.SAMPLED


def test_ids_are_random_whatever_the_app_seeds(provider: TracerProvider) -> None:
    """10,000 roots have 20,000 different ids, and the W3C random flag; children inherit it."""
    tracer = provider.get_tracer("x")
    contexts = []
    for _ in range(10_000):
        random.seed(1)
        contexts.append(tracer.start_span("x").get_span_context())
    assert len({context.trace_id for context in contexts}) == 10_000
    assert len({context.span_id for context in contexts}) == 10_000
    assert all(context.trace_flags == 3 for context in contexts)
    assert tracer.start_span("x", context=in_context(REMOTE)).get_span_context().trace_flags == 1


def test_stopped_tracers_record_nothing(provider: TracerProvider, exporter: InMemorySpanExporter) -> None:
    """After shutdown a tracer, old or new, only passes contexts on."""
    old = provider.get_tracer("old")
    provider.shutdown()
    for tracer in (old, provider.get_tracer("new")):
        with tracer.start_as_current_span("x", context=in_context(REMOTE)) as span:
            assert not span.is_recording()
        assert span.get_span_context() == REMOTE
        assert not tracer.start_span("root").get_span_context().is_valid
    assert exporter.get_finished_spans() == ()


def test_tracer_configurator_switches_tracers(provider: TracerProvider) -> None:
    """The SDK's experimental switch works on existing tracers, and not past a shutdown."""
    tracer = provider.get_tracer("x")
    provider._set_tracer_configurator(tracer_configurator=lambda scope: _TracerConfig(is_enabled=False))
    assert not tracer.start_span("off").is_recording()
    provider._set_tracer_configurator(tracer_configurator=lambda scope: _TracerConfig(is_enabled=True))
    assert tracer.start_span("on").is_recording()
    provider.shutdown()
    provider._set_tracer_configurator(tracer_configurator=lambda scope: _TracerConfig(is_enabled=True))
    assert not tracer.start_span("stopped").is_recording()


def test_sampler_can_be_replaced(provider: TracerProvider) -> None:
    """Setting tracer.sampler has effect at once."""
    tracer = provider.get_tracer("x")
    tracer.sampler = ALWAYS_OFF
    assert not tracer.start_span("x").is_recording()
    tracer.sampler = Asked(SamplingResult(Decision.RECORD_AND_SAMPLE))
    assert tracer.start_span("x").is_recording()


def test_unsampled_spans_pass_ids_on() -> None:
    """Same trace, own span ids, no flag, through three generations."""
    tracer = TracerProvider(sampler=DEFAULT_ON, shutdown_on_exit=False).get_tracer("x")
    unsampled = SpanContext(7, 8, True, TraceFlags(0), TraceState([("k", "v")]))
    in_caller = tracer.start_as_current_span("a", context=in_context(unsampled))
    with in_caller as first, tracer.start_as_current_span("b") as second:
        pass
    contexts = [unsampled, first.get_span_context(), second.get_span_context()]
    assert len({context.span_id for context in contexts}) == 3
    assert {context.trace_id for context in contexts} == {7}
    assert {context.trace_flags for context in contexts} == {0}
    assert {context.trace_state.get("k") for context in contexts} == {"v"}
    assert [context.is_remote for context in contexts] == [True, False, False]


def test_other_context_values_stay(provider: TracerProvider) -> None:
    """Baggage and whatever else is in the context is there inside the span, and after it."""
    token = context_api.attach(context_api.set_value("mine", 1))
    with provider.get_tracer("x").start_as_current_span("a") as span:
        assert context_api.get_value("mine") == 1
        assert trace.get_current_span() is span
        with pytest.raises(ValueError):  # noqa: PT011 - the SDK gives no message
            context_api.get_current()["other"] = 2
    assert context_api.get_value("mine") == 1
    context_api.detach(token)


def test_leaving_in_another_context_is_quiet(provider: TracerProvider, exporter: InMemorySpanExporter) -> None:
    """As when a generator is finalised by another task: the span still ends."""
    manager = provider.get_tracer("x").start_as_current_span("a")
    contextvars.copy_context().run(manager.__enter__)
    manager.__exit__(None, None, None)
    assert len(exporter.get_finished_spans()) == 1


def test_threads_do_not_see_each_others_spans(provider: TracerProvider, exporter: InMemorySpanExporter) -> None:
    """8 threads, 200 nested pairs each: every child has its own thread's parent."""
    tracer = provider.get_tracer("x")

    def work(number: int) -> None:
        for _ in range(200):
            outer, inner = (tracer.start_as_current_span(f"{role} {number}") for role in ("parent", "child"))
            with outer as parent, inner as child:
                assert child.parent == parent.get_span_context()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = exporter.get_finished_spans()
    names = {span.context.span_id: span.name for span in spans}
    assert len(spans) == 3200
    assert all(names[s.parent.span_id].split()[1] == s.name.split()[1] for s in spans if s.parent)


def test_generator_and_methods_keep_their_looks(provider: TracerProvider) -> None:
    """A decorator leaves name, documentation and arguments alone, and may be used many times."""
    decorate = provider.get_tracer("x").start_as_current_span("x")

    class Thing:
        @decorate
        def method(self, *, number: int = 1) -> int:
            """Its words."""
            return number

    assert Thing().method(number=5) == 5
    assert Thing().method() == 1
    assert Thing.method.__doc__ == "Its words."
