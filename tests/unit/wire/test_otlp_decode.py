# SPDX-License-Identifier: Apache-2.0
"""Trace requests as Google's protobuf writes them, and bytes that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_distro.wire import otlp_decode
from otel_distro.wire.otlp_decode import DecodeError, TraceRequest
from tests.harness.viewer_spans import Request, key_values

VALUES = st.recursive(
    st.text() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(attributes=st.dictionaries(st.text(), VALUES, max_size=5), name=st.text())
def test_attributes_come_out_as_protobuf_put_them_in(attributes: dict[str, object], name: str) -> None:
    """Every kind of value, nested or not, keeps its type and content."""
    request = Request()
    request.span(name, attributes=attributes)

    ((_, _, span),) = TraceRequest(request.bytes())

    assert name == span.name
    assert attributes == dict(span.attributes)


def test_every_field_of_a_span() -> None:
    """Ids, times, kind, status, flags, events, links and dropped counts are read."""
    message = ExportTraceServiceRequest()
    block = message.resource_spans.add(schema_url="r")
    block.resource.attributes.extend(key_values({"service.name": "shop"}))
    group = block.scope_spans.add(schema_url="s")
    group.scope.name, group.scope.version = "lib", "2"
    group.scope.attributes.extend(key_values({"a": 1}))
    span = group.spans.add(
        trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=b"p" * 8, trace_state="k=v", flags=0x301, name="n", kind=3,
        start_time_unix_nano=1, end_time_unix_nano=(1 << 64) - 1, dropped_attributes_count=4, dropped_events_count=5,
        dropped_links_count=6,
    )  # fmt: skip
    span.status.code, span.status.message = 2, "bad"
    event = span.events.add(time_unix_nano=7, name="e", dropped_attributes_count=8)
    event.attributes.extend(key_values({"x": "y"}))
    span.links.add(trace_id=b"T" * 16, span_id=b"S" * 8, trace_state="l=w", dropped_attributes_count=9, flags=1)

    ((resource, scope, found),) = TraceRequest(message.SerializeToString())

    assert otlp_decode.ResourceFields([("service.name", "shop")], "r") == resource
    assert otlp_decode.ScopeFields("lib", "2", [("a", 1)], "s") == scope
    assert (b"t" * 16, b"s" * 8, b"p" * 8, "k=v", 0x301, "n", 3, 1, (1 << 64) - 1) == found[:9]
    assert (4, 5, 6, 2, "bad") == (
        found.dropped_attributes, found.dropped_events, found.dropped_links, found.status_code, found.status_message,
    )  # fmt: skip
    assert [otlp_decode.EventFields(7, "e", [("x", "y")], 8)] == found.events
    assert [otlp_decode.LinkFields(b"T" * 16, b"S" * 8, "l=w", [], 9, 1)] == found.links


def test_the_resource_may_follow_its_spans() -> None:
    """Protobuf promises no order of fields."""
    request = Request()
    request.span("n")
    block = request.message.resource_spans[0]
    resource = block.resource.SerializeToString()
    scope_spans = block.scope_spans[0].SerializeToString()
    inner = b"\x12" + _length(scope_spans) + scope_spans + b"\x0a" + _length(resource) + resource

    ((found, _, _),) = TraceRequest(b"\x0a" + _length(inner) + inner)

    assert "shop" == dict(found.attributes)["service.name"]


def test_unknown_fields_are_passed_over() -> None:
    """A newer sender's fields of every wire type do no harm."""
    unknown = b"\xf8\x7f\x05" + b"\xf9\x7f" + b"12345678" + b"\xfa\x7f\x02ab" + b"\xfd\x7f" + b"1234"
    request = Request()
    request.span("n")
    span = request.message.resource_spans[0].scope_spans[0].spans[0].SerializeToString() + unknown
    group = b"\x12" + _length(span) + span + unknown
    block = b"\x12" + _length(group) + group + unknown

    ((_, _, found),) = TraceRequest(b"\x0a" + _length(block) + block + unknown)

    assert "n" == found.name


def test_text_that_is_no_utf8_is_mended() -> None:
    """Bad bytes become U+FFFD, and the span is kept."""
    request = Request()
    request.span("nXm")
    data = request.bytes().replace(b"nXm", b"n\xffm")

    ((_, _, span),) = TraceRequest(data)

    assert "n\ufffdm" == span.name


def test_repeated_attributes_are_decoded_once() -> None:
    """A memo that is kept between requests is used, and stays bounded."""
    memo: dict[bytes, tuple[str, otlp_decode.Value]] = {}
    request = Request()
    request.span("n", attributes={"k": "v"})

    (one,) = TraceRequest(request.bytes(), memo)
    (other,) = TraceRequest(request.bytes(), memo)

    assert one[2].attributes[0] is other[2].attributes[0]


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    """Nothing but DecodeError is raised."""
    try:
        list(TraceRequest(data))
    except DecodeError:
        return


@given(st.data())
def test_a_damaged_request_is_decoded_or_refused(data: st.DataObject) -> None:
    """A real request with bytes changed, removed or repeated never does anything else."""
    request = Request()
    trace_id, span_id = request.span("a", attributes={"k": [1, "x", {"y": 2.5}]}, exception=("E", "m"))
    request.span("b", trace_id=trace_id, parent=span_id)
    raw = bytearray(request.bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    try:
        list(TraceRequest(bytes(raw)))
    except DecodeError:
        return


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x0a\xff\xff\xff\xff\x0f", "longer"),
        (b"\x0a\x05\x12\x7f", "longer"),
        (b"\x0b", "wire type"),
        (b"\x00\x00", "field 0"),
        (b"\x0a" + b"\xff" * 11, "ten bytes"),
        (b"\x0a\x80", "ends inside"),
    ],
)
def test_malformed(data: bytes, why: str) -> None:
    """The text says what is wrong."""
    with pytest.raises(DecodeError, match=why):
        list(TraceRequest(data))


def test_nesting_is_bounded() -> None:
    """A value in a value in a value ... is refused instead of exhausting the stack."""
    value = b""
    for _ in range(otlp_decode.MAX_DEPTH + 5):
        array = b"\x0a" + _length(value) + value
        value = b"\x2a" + _length(array) + array
    with pytest.raises(DecodeError, match="nested"):
        list(TraceRequest(_with_attribute(value)))


def test_the_number_of_values_is_bounded() -> None:
    """A span of a million empty attributes is refused, and one of ten thousand is not."""
    assert 10_000 == len(next(iter(TraceRequest(_span(b"\x4a\x00" * 10_000))))[2].attributes)
    with pytest.raises(DecodeError, match="values in one span"):
        list(TraceRequest(_span(b"\x4a\x00" * 1_000_000)))


def test_the_number_of_spans_is_bounded() -> None:
    """Two bytes make a span: half a million of them are refused."""
    spans = b"\x12\x00" * 500_000
    block = b"\x12" + _length(spans) + spans
    with pytest.raises(DecodeError, match="spans in one request"):
        for _ in TraceRequest(b"\x0a" + _length(block) + block):
            pass


def _with_attribute(value: bytes) -> bytes:
    pair = b"\x0a\x01k\x12" + _length(value) + value
    return _span(b"\x4a" + _length(pair) + pair)


def _span(span: bytes) -> bytes:
    group = b"\x12" + _length(span) + span
    block = b"\x12" + _length(group) + group
    return b"\x0a" + _length(block) + block


def _length(data: bytes) -> bytes:
    size = len(data)
    out = bytearray()
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*out, size])
