# SPDX-License-Identifier: Apache-2.0
"""What the OTLP encoder promises: upstream's message for ordinary spans, a sound one for all others."""

from __future__ import annotations

import enum
import math
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, NonRecordingSpan, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.span import TraceState

from otel_distro.pipeline.provider import TracerProvider as OurTracerProvider
from otel_distro.wire.otlp import Encoded, Encoder
from tests.harness.backend import decode
from tests.harness.spans import RESOURCE, START_NS, context, span, spans

PROTOBUF = "application/x-protobuf"


def parsed(encoded: Encoded) -> ExportTraceServiceRequest:
    message = ExportTraceServiceRequest()
    message.ParseFromString(encoded.body)
    return message


def normalised(message: ExportTraceServiceRequest) -> ExportTraceServiceRequest:
    """Without what upstream writes differently: the trace flags, and an empty status."""
    for resource_spans in message.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for item in scope_spans.spans:
                item.flags &= ~0xFF
                item.status.SetInParent()
                for link in item.links:
                    link.flags &= ~0xFF
                    link.trace_state = ""
    return message


def only(**fields: Any) -> Any:
    """The one span that arrives when one with these fields is encoded."""
    encoded = Encoder().encode([span(**fields)])
    assert encoded.rejected == []
    (found,) = decode(encoded.body, PROTOBUF)
    return found


def ordinary_spans() -> list[Any]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "shop", "process.pid": 7, "tags": ["a", "b"]}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests", "1.0", schema_url="https://example.com/schema", attributes={"x": 1})
    other = provider.get_tracer("other")
    for i in range(20):
        with tracer.start_as_current_span(f"GET /{i}", kind=SpanKind(i % 5), attributes={"http.route": "/x"}) as parent:
            parent.set_attributes({"i": i, "big": 1 << 40, "negative": -i, "ratio": i / 3, "ok": i % 2 == 0})
            parent.set_attributes({"texts": ["a", "é"], "numbers": [1, 2**50], "nothing": [], "empty": ""})
            parent.set_attributes({"long": "x" * 5000, "medium": "y" * 127, "edge": "z" * 128, "unicode": "日本語"})
            parent.add_event("happened", {"why": "reasons", "times": i})
            link = Link(parent.get_span_context(), {"kind": "self"})
            with other.start_as_current_span("child", links=[link]) as child:
                child.set_status(Status(StatusCode.ERROR, "broken") if i % 2 else StatusCode.OK)
    return list(exporter.get_finished_spans())


def test_ordinary_spans_become_upstreams_message() -> None:
    made = ordinary_spans()
    assert normalised(encode_spans(made)) == normalised(parsed(Encoder().encode(made)))


def test_a_second_batch_is_encoded_as_the_first_was() -> None:
    made = ordinary_spans()
    encoder = Encoder()
    first = encoder.encode(made)
    assert first == encoder.encode(made)


def test_flags_say_sampled_and_whether_the_parent_is_remote() -> None:
    local = only(parent=context(9))
    remote = only(parent=context(9, is_remote=True))
    assert (local.flags, remote.flags) == (0x101, 0x301)
    assert local.parent_id == "0000000000000009"


def test_trace_state_travels() -> None:
    state = TraceState([("a", "1"), ("b", "2")])
    assert only(context=context(1, trace_state=state)).trace_state == "a=1,b=2"


def test_equal_values_of_different_types_stay_apart() -> None:
    encoder = Encoder()
    values = [1, True, 1.0, 0, False, 0.0, -0.0, "1"]
    made = [span(n, attributes={"v": value}) for n, value in enumerate(values, 1)]
    for _ in range(2):  # the second time from memory
        found = [item.attributes["v"] for item in decode(encoder.encode(made).body, PROTOBUF)]
        assert [repr(value) for value in values] == [repr(value) for value in found]


def test_spans_are_grouped_by_resource_and_scope() -> None:
    other_resource, other_scope = Resource({"service.name": "bank"}), InstrumentationScope("other")
    made = [
        span(1),
        span(2, instrumentation_scope=other_scope),
        span(3),
        span(4, resource=other_resource),
        span(5, instrumentation_scope=InstrumentationScope("other")),
    ]
    message = parsed(Encoder().encode(made))
    shape = [
        [[item.span_id[-1] for item in scope.spans] for scope in group.scope_spans] for group in message.resource_spans
    ]
    assert shape == [[[1, 3], [2, 5]], [[4]]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**63, str(2**63)),
        (-(2**63), -(2**63)),
        (2**63 - 1, 2**63 - 1),
        (-(2**63) - 1, str(-(2**63) - 1)),
        pytest.param(10**5000, "<int>", id="5,001 digits"),
        (b"\x00\xff", b"\x00\xff"),
        (None, None),
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
        ((1, "x"), [1, "x"]),
        ("\ud800", "\ufffd"),
        ("a\udcffb", "a\ufffdb"),
        (float("inf"), float("inf")),
        (enum.IntEnum("Level", "LOW").LOW, 1),
        ({1, 2}, "{1, 2}"),
    ],
)
def test_odd_values_become_what_otlp_can_carry(value: object, expected: object) -> None:
    made = span()
    made._attributes = {"v": value}
    (found,) = decode(Encoder().encode([made]).body, PROTOBUF)
    assert expected == found.attributes["v"]


def test_nan_is_a_value() -> None:
    assert math.isnan(only(attributes={"v": float("nan")}).attributes["v"])


class Mute:
    def __str__(self) -> str:
        raise RuntimeError("not telling")

    def __repr__(self) -> str:
        return "Mute()"


def test_a_value_that_has_no_text_costs_only_itself(capfd: pytest.CaptureFixture[str]) -> None:
    made = span()
    made._attributes = {"a": 1, "bad": Mute(), "b": 2}
    (found,) = decode(Encoder().encode([made]).body, PROTOBUF)
    assert found.attributes == {"a": 1, "bad": "<Mute>", "b": 2}
    assert "Traceback" not in capfd.readouterr().err


def test_a_list_that_contains_itself_ends_somewhere() -> None:
    ring: list[Any] = []
    ring.append(ring)
    made = span()
    made._attributes = {"ring": ring}
    encoded = Encoder().encode([made])
    assert encoded.span_count == 1
    assert len(encoded.body) < 10_000
    parsed(encoded)


@pytest.mark.parametrize(
    ("field", "value", "read", "expected"),
    [
        ("_start_time", -5, "start_ns", 0),
        ("_end_time", 1 << 70, "end_ns", (1 << 64) - 1),
        ("_end_time", None, "end_ns", START_NS + 1),
        ("_start_time", float("nan"), "start_ns", 0),
        ("_name", 5, "name", "5"),
        ("_name", ["x"], "name", "['x']"),
        ("_name", b"caf\xc3\xa9", "name", "café"),
        ("_name", "a\ud800", "name", "a\ufffd"),
        ("_kind", None, "kind", 1),
        ("_kind", SpanKind.SERVER, "kind", 2),
        ("_attributes", None, "attributes", {}),
        ("_attributes", 5, "attributes", {}),
        ("_status", None, "status_code", 0),
        ("_status", Status(StatusCode.ERROR, "\ud800"), "status_message", "\ufffd"),
    ],
)
def test_odd_fields_are_mended_and_the_rest_is_kept(field: str, value: object, read: str, expected: object) -> None:
    made = span(1)
    setattr(made, field, value)
    found = decode(Encoder().encode([made, span(2)]).body, PROTOBUF)
    assert [item.span_id for item in found] == ["0000000000000001", "0000000000000002"]
    assert expected == getattr(found[0], read)


def test_odd_attribute_keys_become_text() -> None:
    made = span()
    made._attributes = {5: "five", "k\udc80": "v", None: "none"}
    (found,) = decode(Encoder().encode([made]).body, PROTOBUF)
    assert found.attributes == {"5": "five", "k\ufffd": "v", "None": "none"}


def test_an_event_out_of_time_is_mended() -> None:
    event = Event("e", {"k": "v"}, timestamp=1 << 80)
    (found,) = only(events=[event]).events
    assert found == {"name": "e", "time_ns": (1 << 64) - 1, "attributes": {"k": "v"}}


@pytest.mark.usefixtures("capfd")
def test_what_is_no_span_costs_only_itself() -> None:
    encoded = Encoder().encode([span(1), object(), span(3)])
    assert (encoded.span_count, encoded.rejected) == (2, [(1, "it cannot be encoded")])
    assert [int(item.span_id, 16) for item in decode(encoded.body, PROTOBUF)] == [1, 3]


def test_a_span_over_the_limit_is_rejected_alone() -> None:
    encoded = Encoder(max_span_bytes=1000).encode([span(1), span(2, attributes={"v": "x" * 2000}), span(3)])
    assert (encoded.span_count, [index for index, _ in encoded.rejected]) == (2, [1])
    assert "over the limit of 1,000" in encoded.rejected[0][1]


def test_nothing_to_encode_is_an_empty_body() -> None:
    assert Encoded(b"", 0, []) == Encoder().encode([])


def test_dropped_counts_travel() -> None:
    provider = TracerProvider()
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    made = provider.get_tracer("t").start_span("s")
    made.set_attributes({f"k{i}": i for i in range(130)})
    for i in range(131):
        made.add_event(f"e{i}")
    made.end()
    (found,) = decode(Encoder().encode(exporter.get_finished_spans()).body, PROTOBUF)
    assert (found.dropped_attributes, found.dropped_events, found.dropped_links) == (2, 3, 0)


class Lean:
    """Our own span's shape: ids as ints, no context object."""

    _trace_id = 0xA1
    _span_id = 7
    _parent_id = 3
    _trace_flags = 1
    _parent_is_remote = True
    _trace_state = None
    _name = "lean"
    _kind = SpanKind.CLIENT
    _start_time = START_NS
    _end_time = START_NS + 5
    _events = _links = ()
    _status = Status(StatusCode.UNSET)
    _resource = RESOURCE
    _instrumentation_scope = None
    _dropped = (2, 0, 0)
    dropped_attributes = 2
    dropped_events = dropped_links = 0

    @property
    def _context(self) -> object:
        raise AssertionError("the fast path makes no context")

    def __init__(self) -> None:
        self._attributes = {"a": "b"}


def test_a_span_that_has_ids_needs_no_context() -> None:
    (found,) = decode(Encoder().encode([Lean()]).body, PROTOBUF)
    assert (
        found.name,
        found.span_id,
        found.parent_id,
        found.flags,
    ) == ("lean", "0000000000000007", "0000000000000003", 0x301)
    assert (found.attributes, found.dropped_attributes, found.kind) == ({"a": "b"}, 2, 3)


def test_memory_stays_bounded_when_nothing_repeats() -> None:
    encoder = Encoder()
    tracemalloc.start()
    try:
        for batch in range(40):
            made = span()
            made._attributes = {f"key {batch} {i}": f"value {batch} {i} {'x' * 60}" for i in range(1000)}
            made._name = f"name {batch}"
            encoder.encode([made])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 12_000_000


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.sampled_from([object(), Mute(), 10**4000, "\ud83d\ude00"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=8,
)


@given(
    attributes=st.dictionaries(st.text(st.characters()) | st.integers(), anything, max_size=6),
    name=anything,
    times=st.tuples(anything, anything),
    kind=anything,
    description=anything,
)
def test_whatever_a_span_holds_the_message_is_valid_and_the_next_span_is_in_it(
    attributes: dict[Any, Any], name: Any, times: tuple[Any, Any], kind: Any, description: Any
) -> None:
    made = span(1)
    made._attributes, made._name, made._kind = attributes, name, kind
    made._start_time, made._end_time = times
    made._status = Status(StatusCode.ERROR)
    made._status._description = description
    encoded = Encoder().encode([made, span(2)])
    assert encoded.rejected == []
    found = decode(encoded.body, PROTOBUF)
    assert [int(item.span_id, 16) for item in found] == [1, 2]
    assert len(found[0].attributes) <= len(attributes)


@given(values=st.lists(st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8")) | st.booleans()))
def test_ordinary_values_come_back_as_they_were(values: list[Any]) -> None:
    made = span()
    made._attributes = {f"k{i}": value for i, value in enumerate(values)}
    (found,) = decode(Encoder().encode([made]).body, PROTOBUF)
    assert [repr(v) for v in values] == [repr(found.attributes[f"k{i}"]) for i in range(len(values))]


def test_a_thousand_spans_arrive_in_order() -> None:
    found = decode(Encoder().encode(spans(1000)).body, PROTOBUF)
    assert list(range(1, 1001)) == [int(item.span_id, 16) for item in found]


class Unmending(Encoder):
    def _mended(self, span: Any) -> Any:
        raise AssertionError("this span should need no mending")


def test_spans_of_both_kinds_take_the_fast_path() -> None:
    exporter = InMemorySpanExporter()
    provider = OurTracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("parent", attributes={"a": 1, "b": [1, 2], "c": None, "d": b"x"}) as parent:
        parent.add_event("e", {"k": "v"})
        tracer.start_span("child", links=[Link(parent.get_span_context(), {"l": 1})]).end()
    assert Unmending().encode([*exporter.get_finished_spans(), *ordinary_spans()]).rejected == []


def test_our_own_spans_say_what_the_sdks_say() -> None:
    def recorded(provider: TracerProvider) -> list[Any]:
        exporter = InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("tests", "1.0")
        remote = NonRecordingSpan(context(9, is_remote=True, trace_state=TraceState([("a", "1")])))
        links = [Link(context(8), {"why": "because"})]
        attributes = {"s": "text", "i": 5, "f": 0.5, "b": True, "list": ["a", "b"]}
        with tracer.start_as_current_span("parent", set_span_in_context(remote), attributes=attributes) as parent:
            parent.set_status(StatusCode.ERROR, "broken")
            parent.add_event("e", {"k": 1}, timestamp=START_NS)
            tracer.start_span("child", kind=SpanKind.CLIENT, links=links).end()
        made = decode(Encoder().encode(exporter.get_finished_spans()).body, PROTOBUF)
        return [item._replace(span_id="", parent_id=item.parent_id and "set", start_ns=0, end_ns=0) for item in made]

    resource = Resource({"service.name": "shop"})
    ours = recorded(OurTracerProvider(resource=resource, shutdown_on_exit=False))
    assert ours == recorded(TracerProvider(resource=resource, shutdown_on_exit=False))
    assert [item.flags for item in ours] == [0x101, 0x301]
