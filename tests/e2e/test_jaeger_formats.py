# SPDX-License-Identifier: Apache-2.0
"""Spans over each of Jaeger's own transports and OTLP into real Jaegers, read back and compared field by field."""

from __future__ import annotations

import base64
import math
import random
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import NonRecordingSpan, TraceState

from otel_distro.exporters import create
from otel_distro.pipeline.batch_span_processor import BatchSpanProcessor
from otel_distro.pipeline.provider import TracerProvider
from otel_distro.runtime import counters
from otel_distro.runtime.clock import now_ns
from otel_distro.samplers.jaeger_remote import JaegerRemoteSampler
from otel_distro.settings.settings import (
    BatchSettings,
    JaegerRemoteSettings,
    JaegerSettings,
    OtlpSettings,
    Settings,
)
from tests.harness.example_apps import running_graphs, running_jokes, running_pulls
from tests.harness.example_traces import graphs_scenario, jokes_scenario, pulls_scenario, visit_graphs
from tests.harness.jaeger import running_jaeger
from tests.harness.trace_tree import all_spans, check_all, trees_of_jaeger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import Span
    from typing_extensions import Self

    from tests.harness.example_traces import Step
    from tests.harness.jaeger import Jaeger, JaegerSpan, Version

pytestmark = pytest.mark.jaeger

SPANS = 1000
BIG = "ü" * 35_000  # 70 kB
CUT_AT = 25_312  # the longest of the lengths that are tried with which it fits into a datagram
TRANSPORTS = ("http/thrift.binary", "grpc", "udp/thrift.compact", "udp/thrift.binary", "otlp")


def settings_for(transport: str, jaeger: Jaeger) -> Settings:
    """What the environment would say."""
    agent = {"agent_host": "127.0.0.1"}
    if transport == "otlp":
        return Settings(otlp_traces=OtlpSettings(endpoint=f"{jaeger.otlp_http}/v1/traces"))
    made = {
        "http/thrift.binary": JaegerSettings(endpoint=jaeger.thrift_http),
        "grpc": JaegerSettings("grpc", f"http://127.0.0.1:{jaeger.grpc_port}"),
        "udp/thrift.compact": JaegerSettings("udp/thrift.compact", agent_port=jaeger.compact_port, **agent),
        "udp/thrift.binary": JaegerSettings("udp/thrift.binary", agent_port=jaeger.binary_port, **agent),
    }
    return Settings(traces_exporters=("jaeger",), jaeger=made[transport])


class Shown(NamedTuple):
    """A span as Jaeger shows it."""

    name: str
    parent_id: str | None
    start_us: int
    duration_us: int
    tags: dict[str, Any]
    events: list[tuple[int, dict[str, Any]]]
    links: list[tuple[str, str]]


def expected(span: Span, transport: str, version: str) -> Shown:
    """What Jaeger has to show for a span of ours, written from the mapping's rules and not with its code."""
    tags = {key: shown_value(value) for key, value in span.attributes.items()}
    if transport.startswith("udp") and "big" in tags:
        tags |= {"big": BIG[:CUT_AT], "otel_distro.values_cut_at": CUT_AT}
    scope = "otel.library" if (transport, version) == ("otlp", "v1") else "otel.scope"  # as v1 translates OTLP
    tags |= {f"{scope}.name": "stress", f"{scope}.version": "1.2.3"}
    if span.kind is not SpanKind.INTERNAL or transport == "otlp":
        tags["span.kind"] = span.kind.name.lower()
    if span.status.status_code is not StatusCode.UNSET:
        tags["otel.status_code"] = span.status.status_code.name
    if span.status.status_code is StatusCode.ERROR:
        tags |= {"error": True, "otel.status_description": span.status.description}
    if span.context.trace_state:
        tags["w3c.tracestate"] = span.context.trace_state.to_header()
    return Shown(
        span.name,
        f"{span.parent.span_id:016x}" if span.parent else None,
        span.start_time // 1000,
        (span.end_time - span.start_time) // 1000,
        tags,
        [(event.timestamp // 1000, {"event": event.name, **event.attributes}) for event in span.events],
        [(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}") for link in span.links],
    )


def shown_value(value: Any) -> Any:
    """Bytes as base64, arrays as JSON, integers over 53 bits as text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, tuple):
        return "[" + ",".join(f'"{item}"' if isinstance(item, str) else str(item) for item in value) + "]"
    if isinstance(value, int) and abs(value) > 1 << 53:
        return str(value)
    return value


def found(span: JaegerSpan) -> Shown:
    """Without what Jaeger v1 adds itself."""
    tags = {key: value for key, value in span.tags.items() if key != "internal.span.format"}
    return Shown(span.name, span.parent_id, span.start_us, span.duration_us, tags, span.events, span.links)


def stress(tracer: trace.Tracer, trace_id: int, count: int) -> list[Any]:
    """A trace of count spans with everything in it: depth, kinds, types, events, links, errors, sizes."""
    caller = SpanContext(trace_id, 0x8000000000000001, True, TraceFlags(3), TraceState([("vendor", "a:b")]))
    spans: list[Any] = []
    begun = now_ns() // 1000 * 1000
    for number in range(count):
        parent: trace.Span = NonRecordingSpan(caller) if number < 3 else spans[number // 3]
        links = [Link(SpanContext(number + 1, number + 2, True, TraceFlags(1)))] if number % 7 == 1 else []
        span: Any = tracer.start_span(
            f"operation {number % 20} ü",
            trace.set_span_in_context(parent, Context()),
            list(SpanKind)[number % 5],
            {"number": number, "text": f"täxt {number}", "flag": number % 2 == 0, "ratio": number / 8 + 0.1},
            links,
            begun + number * 1000,
        )
        if number % 10 == 0:
            span.set_attributes({"strings": ("a", "ü"), "numbers": (1, 2), "bytes": b"\x00\xff\x80", "emoji": "🦊"})
            span.set_attributes({"huge": (1 << 63) - 1, "least": -(1 << 63), "empty": "", "zero": 0, "no": False})
        if number % 4 == 0:
            span.add_event("first", {"n": number, "s": "ü"}, begun + number * 1000 + 2000)
            span.add_event("second", {"x": 0.5}, begun + number * 1000 + 3000)
        if number % 9 == 0:
            span.set_status(Status(StatusCode.ERROR, f"böom {number}"))
        elif number % 9 == 1:
            span.set_status(Status(StatusCode.OK))
        spans.append(span)
    spans[5].set_attribute("big", BIG)
    for number in reversed(range(count)):
        spans[number].end(begun + number * 1000 + 5_000_000 + number)
    return spans


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stress_trace_arrives_whole(transport: str, jaeger: Jaeger) -> None:
    """Every span, every field; and the ledger says as many as Jaeger stored."""
    (exporter,), problems = create(settings_for(transport, jaeger))
    assert [] == problems
    service = f"stress {transport}"
    provider = TracerProvider(ALWAYS_ON, Resource({"service.name": service, "a.b": "ü", "n": 5}))
    provider.add_span_processor(BatchSpanProcessor(exporter, BatchSettings(max_queue_size=2 * SPANS)))
    trace_id = random.getrandbits(128) | 1 << 127
    try:
        spans = stress(provider.get_tracer("stress", "1.2.3"), trace_id, SPANS)
        assert provider.force_flush(20_000)
        balance = counters.balances()[-1]
    finally:
        provider.shutdown()
    stored = jaeger.wait_for_trace(f"{trace_id:032x}", SPANS)
    assert {(service, ("ü", 5))} == {(s.service, (s.process_tags["a.b"], s.process_tags["n"])) for s in stored}
    by_id = {span.span_id: found(span) for span in stored}
    for span in spans:
        assert expected(span, transport, jaeger.version) == by_id[f"{span.context.span_id:016x}"]
    assert (SPANS, {}) == (len(stored), balance.dropped)
    confirmed = 0 if transport.startswith("udp") else SPANS
    assert (confirmed, SPANS - confirmed) == (balance.confirmed, balance.unconfirmed)


def environ_for(transport: str, jaeger: Jaeger) -> dict[str, str]:
    """What a user sets."""
    environ = {"OTEL_TRACES_EXPORTER": "jaeger", "OTEL_EXPORTER_JAEGER_PROTOCOL": transport}
    settings = settings_for(transport, jaeger).jaeger
    if transport.startswith("udp"):
        host, port = settings.agent_host, str(settings.agent_port)
        return environ | {"OTEL_EXPORTER_JAEGER_AGENT_HOST": host, "OTEL_EXPORTER_JAEGER_AGENT_PORT": port}
    return environ | {"OTEL_EXPORTER_JAEGER_ENDPOINT": settings.endpoint}


@pytest.mark.parametrize("transport", TRANSPORTS[:-1])
def test_the_examples_arrive_whole(transport: str, jaeger: Jaeger) -> None:
    """The traces of the three examples, as over OTLP; services of one trace find each other."""
    environ, prefix = environ_for(transport, jaeger), transport.replace("/", "-") + "-"
    with running_jokes(environ, prefix) as jokes:
        steps = jokes_scenario(jokes.jokes_url, prefix)
        assert [step.status for step in steps] == [jokes.front.get(step.path).status for step in steps]
        compare(jaeger, prefix + "front", steps)
    with running_pulls(environ, prefix) as pulls:
        steps = pulls_scenario(pulls.api_url, prefix)
        assert [step.status for step in steps] == [pulls.page.get(step.path).status for step in steps]
        compare(jaeger, prefix + "pulls", steps)
    with running_graphs(environ, prefix) as browser:
        steps = graphs_scenario(prefix)
        assert [step.status for step in steps] == [answer.status for answer in visit_graphs(browser)]
        compare(jaeger, prefix + "graphs", steps)


def compare(jaeger: Jaeger, service: str, steps: list[Step]) -> None:
    traces = [step.trace for step in steps]
    check_all(traces, trees_of_jaeger(jaeger.wait_for_spans(service, len(all_spans(traces)))))


def test_what_jaeger_refuses_is_told(jaeger: Jaeger, capfd: pytest.CaptureFixture[str]) -> None:
    """A wrong path of the real collector: refused once, counted, its status in the line."""
    settings = Settings(traces_exporters=("jaeger",), jaeger=JaegerSettings(endpoint=f"{jaeger.thrift_http}/nowhere"))
    (exporter,), _ = create(settings)
    provider = TracerProvider(ALWAYS_ON, Resource({"service.name": "refused"}))
    provider.add_span_processor(BatchSpanProcessor(exporter, BatchSettings()))
    try:
        provider.get_tracer("t").start_span("x").end()
        provider.force_flush(5000)
        assert {"refused": 1} == counters.balances()[-1].dropped
    finally:
        provider.shutdown()
    assert "refused 1 spans: 404" in capfd.readouterr().err


STRATEGIES = {
    "service_strategies": [
        {"service": "half", "type": "probabilistic", "param": 0.5},
        {"service": "five", "type": "ratelimiting", "param": 5},
        {
            "service": "by operation",
            "type": "probabilistic",
            "param": 0.8,
            "operation_strategies": [
                {"operation": "/health", "type": "probabilistic", "param": 0.0},
                {"operation": "/rare", "type": "probabilistic", "param": 0.1},
            ],
        },
    ],
    "default_strategy": {"type": "probabilistic", "param": 0.25},
}


@pytest.fixture(scope="module", params=["v2", "v1"])
def served(request: pytest.FixtureRequest) -> Iterator[Jaeger]:
    """A Jaeger with sampling strategies."""
    version: Version = request.param
    with running_jaeger(version, STRATEGIES) as jaeger:
        yield jaeger


def endpoints(jaeger: Jaeger) -> list[str]:
    """All the ways in which this version is asked."""
    http = f"http://127.0.0.1:{jaeger.sampling_http_port}/sampling"
    if jaeger.version == "v2":
        return [http, f"grpc://127.0.0.1:{jaeger.sampling_grpc_port}"]
    return [
        http,
        f"http://127.0.0.1:{jaeger.thrift_http_port}/api/sampling",
        f"grpc://127.0.0.1:{jaeger.grpc_port}",
    ]


class Asked:
    """A sampler that has its strategy from the real Jaeger."""

    def __init__(self, endpoint: str, service: str) -> None:
        self.sampler = JaegerRemoteSampler(JaegerRemoteSettings(endpoint, 60.0, 0.0), service)
        self._random = random.Random(20)
        first = self.sampler._decider
        self.sampler.decide(0, "wake")
        ends = time.monotonic() + 10
        while self.sampler._decider is first:
            assert time.monotonic() < ends, self.sampler._trouble
            time.sleep(0.01)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.sampler.shutdown()

    def count(self, operation: str, traces: int) -> int:
        ids = (self._random.getrandbits(128) for _ in range(traces))
        return sum(self.sampler.decide(trace_id, operation) is not None for trace_id in ids)


@pytest.mark.parametrize("way", [0, 1, 2])
@pytest.mark.parametrize(
    ("service", "operation", "rate"),
    [
        ("half", "any", 0.5),
        ("unknown to Jaeger", "any", 0.25),
        ("by operation", "/health", 0.0),
        ("by operation", "/rare", 0.1),
        ("by operation", "/other", 0.8),
    ],
)
def test_probabilities_are_obeyed(service: str, operation: str, rate: float, way: int, served: Jaeger) -> None:
    """Within two standard deviations, over 10,000 traces whose ids are the same in each run."""
    ways = endpoints(served)
    if way >= len(ways):
        pytest.skip(f"Jaeger {served.version} is asked in {len(ways)} ways")
    traces = 10_000
    with Asked(ways[way], service) as asked:
        sampled = asked.count(operation, traces)
    assert abs(sampled - traces * rate) <= 2 * math.sqrt(traces * rate * (1 - rate))


def test_rate_limits_are_obeyed(served: Jaeger) -> None:
    """Five a second, within two standard deviations over two seconds."""
    with Asked(endpoints(served)[0], "five") as asked:
        while asked.count("any", 1):
            pass  # the first burst
        sampled, ends = 0, time.monotonic() + 2
        while time.monotonic() < ends:
            sampled += asked.count("any", 10)
            time.sleep(0.001)
    assert abs(sampled - 10) <= 2 * math.sqrt(10)
