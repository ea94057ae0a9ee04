# SPDX-License-Identifier: Apache-2.0
"""The provider: tracers, span processors of others, flush and shutdown."""

from __future__ import annotations

import time
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor as SdkBatchSpanProcessor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_distro.pipeline.batch_span_processor import BatchSpanProcessor
from otel_distro.pipeline.provider import TracerProvider
from otel_distro.runtime import exit as process_exit

SLOW_S = 0.4


class Recording(SpanProcessor):
    """Writes down what it is called with; raises where it is told to."""

    def __init__(self, name: str, log: list[Any], raises: bool = False) -> None:
        self.name, self.log, self.raises = name, log, raises

    def _note(self, what: str) -> None:
        self.log.append((self.name, what))
        if self.raises:
            raise RuntimeError(what)

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        self._note("start")

    def _on_ending(self, span: Any) -> None:
        span.set_attribute(self.name, "was here")
        self._note("ending")

    def on_end(self, span: Any) -> None:
        assert not span.is_recording()
        self._note("end")

    def shutdown(self) -> None:
        self._note("shutdown")

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        self._note("flush")
        return True


class Slow(SpanProcessor):
    """Takes its time for everything."""

    def shutdown(self) -> None:
        time.sleep(SLOW_S)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        time.sleep(SLOW_S)
        return True


def test_processors_run_in_order() -> None:
    """Start, ending (the span can still change) and end, each in the order in which they were added."""
    log: list[Any] = []
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    for name in ("first", "second"):
        provider.add_span_processor(Recording(name, log))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("x").start_span("y").end()
    expected = [(name, what) for what in ("start", "ending", "end") for name in ("first", "second")]
    assert expected == log
    assert dict(exporter.get_finished_spans()[0].attributes or {}) == {"first": "was here", "second": "was here"}
    provider.shutdown()


def test_failing_processor_costs_only_itself() -> None:
    """F50: the app sees nothing of it, the others get the span."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(Recording("bad", [], raises=True))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("x").start_as_current_span("y"):
        pass
    assert len(exporter.get_finished_spans()) == 1
    assert provider.force_flush() is True
    provider.shutdown()


def test_a_late_processor_gets_the_spans_that_end_later() -> None:
    """add_span_processor() has effect at once, for existing tracers and open spans."""
    provider = TracerProvider()
    span = provider.get_tracer("x").start_span("y")
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    span.end()
    assert len(exporter.get_finished_spans()) == 1
    provider.shutdown()


def test_one_tracer_per_scope() -> None:
    """The same name, version, schema and attributes give the same tracer."""
    provider = TracerProvider(shutdown_on_exit=False)
    assert provider.get_tracer("x") is provider.get_tracer("x", "", "")
    assert provider.get_tracer("x", "1") is provider.get_tracer("x", "1")
    assert provider.get_tracer("x", attributes={"a": 1}) is provider.get_tracer("x", attributes={"a": 1})
    assert len({provider.get_tracer(*arguments) for arguments in [("x",), ("y",), ("x", "1"), ("x", "1", "s")]}) == 4
    assert provider.get_tracer("x", attributes={"a": 1}) is not provider.get_tracer("x")


@pytest.mark.parametrize("junk", [None, 1, [], {}, object(), b"x"])
def test_get_tracer_takes_anything(junk: Any) -> None:
    """The tracer works, whatever it is called."""
    provider = TracerProvider(shutdown_on_exit=False)
    for arguments in [(junk,), ("x", junk), ("x", "1", junk), ("x", "1", "s", junk)]:
        assert provider.get_tracer(*arguments).start_span("y").is_recording()


def test_flush_tells_the_truth() -> None:
    """True when all was exported, also by the SDK's own processors; False when one says no or is late."""
    provider = TracerProvider()
    exporter = InMemorySpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    provider.add_span_processor(SdkBatchSpanProcessor(InMemorySpanExporter()))
    provider.get_tracer("x").start_span("y").end()
    assert provider.force_flush() is True
    assert len(exporter.get_finished_spans()) == 1
    provider.add_span_processor(Slow())
    begun = time.monotonic()
    assert provider.force_flush(100) is False
    assert time.monotonic() - begun < 0.35
    provider.shutdown(0)
    time.sleep(SLOW_S)


def test_shutdown_keeps_its_deadline() -> None:
    """Two slow processors side by side, within the exit timeout; a second call does nothing."""
    provider = TracerProvider()
    for _ in range(2):
        provider.add_span_processor(Slow())
    begun = time.monotonic()
    assert provider.shutdown() is True
    assert SLOW_S <= time.monotonic() - begun < 2 * SLOW_S
    assert provider.shutdown() is True
    other = TracerProvider()
    other.add_span_processor(Slow())
    begun = time.monotonic()
    assert other.shutdown(100) is False
    assert time.monotonic() - begun < 0.35
    time.sleep(SLOW_S)


def test_given_multi_processor_is_used() -> None:
    """P62: a ConcurrentMultiSpanProcessor gets the spans, is flushed and is shut down."""
    exporter = InMemorySpanExporter()
    several = ConcurrentMultiSpanProcessor(2)
    provider = TracerProvider(active_span_processor=several)
    provider.add_span_processor(SdkBatchSpanProcessor(exporter))
    provider.get_tracer("x").start_span("y").end()
    assert provider.force_flush() is True
    assert len(exporter.get_finished_spans()) == 1
    provider.get_tracer("x").start_span("z").end()
    provider.shutdown()
    assert len(exporter.get_finished_spans()) == 2
    several._executor.shutdown()


def test_exit_knows_the_provider_until_it_is_shut_down() -> None:
    """And never knew one that was made with shutdown_on_exit=False."""
    before = len(process_exit._flushes)
    provider = TracerProvider()
    TracerProvider(shutdown_on_exit=False)
    assert len(process_exit._flushes) == before + 1
    provider.shutdown()
    assert len(process_exit._flushes) == before


def test_a_forked_child_gets_its_own_identity() -> None:
    """The resource is renewed, also in tracers that exist; ids leave the parent's sequence."""
    provider = TracerProvider(
        resource=Resource({"service.instance.id": "parent"}),
        renew_resource=lambda resource: resource.merge(Resource({"service.instance.id": "child"})),
        shutdown_on_exit=False,
    )
    tracer = provider.get_tracer("x")
    state = provider.id_generator._random.getstate()  # type: ignore[attr-defined]
    provider._begin_child()
    assert provider.id_generator._random.getstate() != state  # type: ignore[attr-defined]
    for found in (tracer, provider.get_tracer("new")):
        span: Any = found.start_span("y")
        assert span.resource.attributes["service.instance.id"] == "child"


def test_sdk_metrics_only_on_request() -> None:
    """otel.sdk.span.started and .live, by sampling result and parent."""
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader])
    provider = TracerProvider(meter_provider=meters, shutdown_on_exit=False)
    tracer = provider.get_tracer("x")
    with tracer.start_as_current_span("a"):
        tracer.start_span("b").end()
    tracer.sampler = ALWAYS_OFF
    tracer.start_span("c").end()
    data: Any = reader.get_metrics_data()
    found = {
        metric.name: {tuple(sorted(point.attributes.items())): point.value for point in metric.data.data_points}
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    origin, result = "otel.span.parent.origin", "otel.span.sampling_result"
    assert found["otel.sdk.span.started"] == {
        ((origin, "none"), (result, "RECORD_AND_SAMPLE")): 1,
        ((origin, "local"), (result, "RECORD_AND_SAMPLE")): 1,
        ((origin, "none"), (result, "DROP")): 1,
    }
    assert found["otel.sdk.span.live"] == {((result, "RECORD_AND_SAMPLE"),): 0}
    meters.shutdown()
