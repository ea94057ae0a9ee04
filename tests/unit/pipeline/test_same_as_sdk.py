# SPDX-License-Identifier: Apache-2.0
"""What a program sees of its spans is the same with the SDK's tracer provider and with ours."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, DEFAULT_OFF, DEFAULT_ON, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from otel_distro.pipeline.provider import TracerProvider

if TYPE_CHECKING:
    from collections.abc import Callable

CALLER = SpanContext(
    0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, True, TraceFlags(3), TraceState([("vendor", "1")])
)
OTHER = SpanContext(0x11, 0x22, False, TraceFlags(1))


def run(provider_class: Any, scenario: Callable[[Any], object], **options: Any) -> list[dict[str, Any]]:
    """The finished spans of a scenario, in a form that can be compared."""
    exporter = InMemorySpanExporter()
    provider = provider_class(resource=Resource({"service.name": "test"}), **options)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    scenario(provider.get_tracer("scope", "1.2", "https://schema", {"scope.attribute": True}))
    spans = exporter.get_finished_spans()
    provider.shutdown()
    ids = {span.context.span_id: f"#{number}" for number, span in enumerate(spans)}
    return [plain(span, ids) for span in spans]


def plain(span: ReadableSpan, ids: dict[int, str]) -> dict[str, Any]:
    """A span without its random ids and its times."""
    told = json.loads(span.to_json())
    for name in ("context", "parent_id", "start_time", "end_time"):
        del told[name]
    for event in told["events"]:
        event.pop("timestamp")
        event["attributes"] = {k: "..." if k == "exception.stacktrace" else v for k, v in event["attributes"].items()}
    context, parent = span.context, span.parent
    assert isinstance(span, ReadableSpan)
    assert isinstance(span.start_time, int)
    assert isinstance(span.end_time, int)
    assert span.get_span_context() == context
    return {
        **told,
        "flags": int(context.trace_flags),
        "trace_state": dict(context.trace_state),
        "remote": context.is_remote,
        "in the caller's trace": context.trace_id == CALLER.trace_id,
        "parent": parent and (ids.get(parent.span_id, hex(parent.span_id)), parent.is_remote, int(parent.trace_flags)),
        "parent's trace": parent and parent.trace_id == context.trace_id,
        "dropped": (span.dropped_attributes, span.dropped_events, span.dropped_links),
        "event drops": [event.dropped_attributes for event in span.events],
        "link drops": [link.dropped_attributes for link in span.links],
        "span kind": span.kind,
        "scope": span.instrumentation_scope,
        "resource object": span.resource,
    }  # fmt: skip


def children(tracer: Any) -> None:
    with tracer.start_as_current_span("parent", kind=SpanKind.SERVER) as parent:
        assert trace.get_current_span() is parent
        with tracer.start_as_current_span("child", kind=SpanKind.CLIENT):
            tracer.start_span("grandchild").end()
        sibling = tracer.start_span("sibling")
        sibling.end()
    assert not trace.get_current_span().get_span_context().is_valid


def given_context(tracer: Any) -> None:
    remote = trace.set_span_in_context(NonRecordingSpan(CALLER))
    with tracer.start_as_current_span("served", context=remote):
        tracer.start_span("inside").end()
        tracer.start_span("elsewhere", context=context_api.Context()).end()
    tracer.start_span("other", context=trace.set_span_in_context(NonRecordingSpan(OTHER))).end()


def attribute_values(tracer: Any) -> None:
    span = tracer.start_span("values", attributes={"a": 1, "b": "two", "c": 3.5, "d": True, "e": None})
    span.set_attribute("list", ["a", "b"])
    span.set_attribute("tuple", (1, 2))
    span.set_attribute("nested", {"x": {"y": [1, "2", {"z": None}]}})
    span.set_attribute("mixed", [1, "a", 2.5, None, True])
    span.set_attributes({"a": 2, "long": "x" * 1000, "f": False})
    span.set_attribute("", "no name")
    span.set_attribute("exception", ValueError("shown"))
    span.end()


def mutated_later(tracer: Any) -> None:
    given = {"list": [1, 2], "dict": {"a": 1}}
    span = tracer.start_span("mutated", attributes=given)
    given["list"].append(3)
    given["dict"]["a"] = 2
    given["more"] = 1
    span.end()


def events(tracer: Any) -> None:
    span = tracer.start_span("events")
    span.add_event("plain")
    span.add_event("with", {"a": 1, "b": ["x"]}, timestamp=123)
    assert span.events[1].timestamp == 123
    with pytest.raises(TypeError):
        span.events[1].attributes["a"] = 2
    span.end()


def links(tracer: Any) -> None:
    span = tracer.start_span("links", links=[Link(CALLER, {"why": "batch"}), Link(OTHER)])
    span.add_link(CALLER)
    span.add_link(SpanContext(0, 0, False))
    span.add_link(SpanContext(0, 0, False), {"kept": "because of this"})
    assert span.links[0].context == CALLER
    span.end()


def statuses(tracer: Any) -> None:
    for name, calls in {
        "error": [(StatusCode.ERROR, "why")],
        "status object": [(Status(StatusCode.ERROR, "why"), None)],
        "ok is final": [(StatusCode.OK, None), (StatusCode.ERROR, "late")],
        "unset changes nothing": [(StatusCode.ERROR, "why"), (StatusCode.UNSET, None)],
        "error then ok": [(StatusCode.ERROR, "why"), (StatusCode.OK, None)],
        "last error wins": [(StatusCode.ERROR, "one"), (StatusCode.ERROR, "two")],
        "error without words": [(StatusCode.ERROR, None)],
        "never set": [],
    }.items():
        span = tracer.start_span(name)
        for call in calls:
            span.set_status(*call)
        span.end()


def exceptions(tracer: Any) -> None:
    class OwnError(Exception):
        pass

    with pytest.raises(OwnError), tracer.start_as_current_span("raised"):
        raise OwnError("with a word")
    with pytest.raises(ValueError, match="x"), tracer.start_as_current_span("unrecorded", record_exception=False):
        raise ValueError("x")
    with (
        pytest.raises(ValueError, match="x"),
        tracer.start_as_current_span("no status", set_status_on_exception=False),
    ):
        raise ValueError("x")
    with pytest.raises(KeyboardInterrupt), tracer.start_as_current_span("interrupted"):
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match="y"), tracer.start_span("span as manager"):
        raise ValueError("y")
    with (
        pytest.raises(ValueError, match="y"),
        tracer.start_span("quiet", record_exception=False, set_status_on_exception=False),
    ):
        raise ValueError("y")
    with pytest.raises(OSError, match="z"), tracer.start_as_current_span("was ok") as span:  # noqa: PT012
        span.set_status(StatusCode.OK)
        raise OSError("z")
    with pytest.raises(OSError, match="z"), trace.use_span(tracer.start_span("used"), end_on_exit=True):
        raise OSError("z")
    span = tracer.start_span("by hand")
    span.record_exception(OSError("z"), {"extra": 1, "exception.message": "another"}, escaped=True)
    span.end()


def decorators(tracer: Any) -> None:
    @tracer.start_as_current_span("function")
    def function(number: int) -> int:
        assert trace.get_current_span().is_recording()
        return number + 1

    @tracer.start_as_current_span("coroutine")
    async def coroutine(number: int) -> int:
        await asyncio.sleep(0)
        assert trace.get_current_span().is_recording()
        return number + 1

    assert function(1) == 2
    assert function(2) == 3
    assert asyncio.run(coroutine(3)) == 4
    assert function.__name__ == "function"
    assert asyncio.iscoroutinefunction(coroutine)


def after_the_end(tracer: Any) -> None:
    span = tracer.start_span("first name", attributes={"a": 1})
    assert span.is_recording()
    span.update_name("second name")
    span.end()
    span.set_attribute("late", 1)
    span.set_attributes({"late": 1})
    span.add_event("late")
    span.add_link(CALLER)
    span.update_name("late")
    span.set_status(StatusCode.ERROR)
    span.record_exception(ValueError("late"))
    span.end()
    assert not span.is_recording()


def kept_open(tracer: Any) -> None:
    with tracer.start_as_current_span("open", end_on_exit=False) as span:
        pass
    assert span.is_recording()
    span.end(end_time=span.start_time + 5)
    assert span.end_time == span.start_time + 5
    given = tracer.start_span("given times", start_time=1000)
    given.end(2000)
    assert (given.start_time, given.end_time) == (1000, 2000)


def over_limits(tracer: Any) -> None:
    span = tracer.start_span("short", attributes={"a": "0123456789", "b": ["0123456789", 5]})
    span.set_attribute("c", "0123456789")
    span.add_event("event", {"x": "0123456789"})
    span.add_link(CALLER, {"x": "0123456789"})
    span.end()


SCENARIOS = [
    children, given_context, attribute_values, mutated_later, events, links, statuses, exceptions, decorators,
    after_the_end, kept_open,
]  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_spans_look_the_same(scenario: Callable[[Any], None]) -> None:
    """Names, ids, attributes, events, links, status, kinds, drops, scope and resource."""
    assert run(TracerProvider, scenario) == run(SdkTracerProvider, scenario)


@pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF, DEFAULT_ON, DEFAULT_OFF, TraceIdRatioBased(0.0)])
@pytest.mark.parametrize("scenario", [children, given_context])
def test_samplers_decide_the_same(sampler: Any, scenario: Callable[[Any], None]) -> None:
    """With and without a parent, local and remote."""
    if sampler in {ALWAYS_OFF, DEFAULT_OFF} or isinstance(sampler, TraceIdRatioBased):
        scenario = given_context  # the other asserts that its spans record
    assert run(TracerProvider, scenario, sampler=sampler) == run(SdkTracerProvider, scenario, sampler=sampler)


@pytest.mark.parametrize("length", [0, 4, 10, 300])
def test_values_are_cut_the_same(length: int) -> None:
    """OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT and its span variant."""
    for limits in (SpanLimits(max_attribute_length=length), SpanLimits(max_span_attribute_length=length)):
        ours = run(TracerProvider, over_limits, span_limits=limits)
        assert ours == run(SdkTracerProvider, over_limits, span_limits=limits)


def test_classes_are_the_sdks() -> None:
    """isinstance checks of processors, exporters and instrumentors hold."""
    provider = TracerProvider()
    span = provider.get_tracer("x").start_span("y")
    assert isinstance(provider, SdkTracerProvider)
    assert isinstance(span, SdkSpan)
    assert isinstance(span, trace.Span)
    assert isinstance(span, ReadableSpan)
    provider.shutdown()
