# SPDX-License-Identifier: Apache-2.0
"""Formats in and out: OTLP in JSON, Jaeger's JSON and Thrift; secrets stop at the door."""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.viewer.ingest import jaeger_json, jaeger_thrift, otlp_json, otlp_write, redact
from otel_distro.viewer.store import traces
from otel_distro.wire.otlp_decode import DecodeError
from tests.harness.viewer_spans import SECOND, Request, checkout

if TYPE_CHECKING:
    from otel_distro.viewer.store.store import Store

NOW = 1_700_000_000 * SECOND
GOLDEN = json.loads((pathlib.Path(__file__).parent.parent / "golden" / "jaeger.json").read_text("utf-8"))


def request() -> Request:
    """A trace over four services with every kind of value."""
    made = Request()
    trace_id = checkout(made, NOW)
    made.span(
        "odd",
        trace_id=trace_id,
        start=NOW,
        attributes={"l": [1, 2.5, "x"], "b": b"\x01\x02", "m": {"a": True}, "n": -3},
    )
    return made


def test_otlp_json_says_the_same_as_protobuf() -> None:
    """What our writer makes is read back equal to the decoded protobuf."""
    spans = list(request().spans())

    text = json.dumps({"resourceSpans": otlp_write.resource_spans(spans)})

    assert spans == list(otlp_json.read(otlp_json.load(text.encode())))


def test_otlp_json_of_google_is_read() -> None:
    """Protobuf's own JSON has ids in base64 and enums by name; files made so are common."""
    made = request()

    read = list(otlp_json.read(MessageToDict(made.message)))

    assert list(made.spans()) == read


def test_snake_case_and_numbers_are_read() -> None:
    """Tools that keep protobuf's names, and 64-bit numbers as numbers."""
    value = {
        "resource_spans": [
            {
                "scope_spans": [
                    {"spans": [{"trace_id": "0" * 31 + "1", "span_id": "0" * 15 + "2", "start_time_unix_nano": 5}]}
                ]
            }
        ]
    }

    ((_, _, span),) = otlp_json.read(value)

    assert (bytes(15) + b"\x01", bytes(7) + b"\x02", 5) == (span.trace_id, span.span_id, span.start_ns)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"resourceSpans": 1}',
        '{"resourceSpans": [1]}',
        '{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "zz"}]}]}]}',
        '{"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": {}}]}]}]}',
        '{"resourceSpans": [{"resource": {"attributes": [{"key": "a", "value": {"intValue": "x"}}]}}]}',
        '{"resourceSpans": [{"resource": {"attributes": [{"key": "a", "value": {"intValue": 1e400}}]}}]}',
        "{",
        "\xff",
        "[" * 100_000,
        '{"a":' * 100_000,
        "1" * 10_000,
    ],
)
def test_bad_otlp_json_is_refused(text: str) -> None:
    """Wrong shapes, wrong types, endless depth: DecodeError and nothing else."""
    with pytest.raises(DecodeError):
        list(otlp_json.read(otlp_json.load(text.encode("latin-1"))))


def test_lone_surrogates_are_mended() -> None:
    """JSON can say half a character; it is replaced and the span is kept."""
    value = otlp_json.load(b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a\\ud800b"}]}]}]}')

    ((_, _, span),) = otlp_json.read(value)

    assert "a?b" == span.name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resourceSpans", "scopeSpans", "spans", "traceId", "attributes", "value", "events", "data"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=15,
)


@given(JSON)
def test_any_json_is_read_or_refused(value: object) -> None:
    """Neither reader raises anything but DecodeError."""
    for read in (otlp_json.read, jaeger_json.read):
        try:
            list(read(value))
        except DecodeError:
            continue


def test_jaeger_json_comes_back_equal() -> None:
    """Export, then import: names, times (µs), tags, logs, kinds, status, parents."""
    spans = list(request().spans())
    trace_id = spans[0][2].trace_id.hex()

    read = list(jaeger_json.read({"data": [jaeger_json.trace(trace_id, spans)]}))

    assert [o[2].name for o in spans] == [o[2].name for o in read]
    assert [(o[2].kind, o[2].status_code, o[2].parent_span_id) for o in spans] == [
        (o[2].kind, o[2].status_code, o[2].parent_span_id) for o in read
    ]
    assert [o[2].start_ns // 1000 for o in spans] == [o[2].start_ns // 1000 for o in read]
    assert spans[0][2].events[0].attributes == read[0][2].events[0].attributes
    assert dict(spans[0][0].attributes) == dict(read[0][0].attributes)


@pytest.mark.parametrize("case", GOLDEN["wire"], ids=lambda case: case["name"])
def test_jaeger_thrift_golden(case: dict[str, object]) -> None:
    """The reference vectors, over HTTP and both UDP protocols."""
    batch = case["batch"]
    assert isinstance(batch, dict)
    bodies = [bytes.fromhex(str(case[key])) for key in ("udp_compact_emitBatch", "udp_binary_emitBatch")]
    readings = [list(jaeger_thrift.http_batch(bytes.fromhex(str(case["http_binary_batch"]))))]
    readings += [list(jaeger_thrift.datagram(body)) for body in bodies]
    for spans in readings:
        assert [span["operation"] for span in batch["spans"]] == [origin[2].name for origin in spans]
        for (resource, _, span), expected in zip(spans, batch["spans"], strict=True):
            assert batch["service"] == dict(resource.attributes)["service.name"]
            assert expected["trace_id"] == span.trace_id.hex()
            assert expected["span_id"] == span.span_id.hex()
            assert (expected["parent_span_id"] or "") in (span.parent_span_id.hex(), "0" * 16)
            assert max(0, expected["start_us"]) * 1000 == span.start_ns
            assert max(0, expected["duration_us"]) * 1000 == span.end_ns - span.start_ns


@pytest.mark.parametrize("data", [b"", b"\x0c", b"\xff" * 50, b"\x0f\x00\x02\x0c\x7f\xff\xff\xff", b"{}"])
def test_bad_thrift_is_refused(data: bytes) -> None:
    """DecodeError and nothing else."""
    with pytest.raises(DecodeError):
        list(jaeger_thrift.http_batch(data or b"\x0b"))


SECRETS = {
    "http.request.header.authorization": "Bearer abc",
    "http.request.header.cookie": ["sessionid=1"],
    "http.response.header.set-cookie": ["a=b"],
    "user.password": "p4ss",
    "api_key": "k",
    "csrftoken": "t",
    "aws.secret.access": "s",
}


def test_secrets_are_not_stored(store: Store) -> None:
    """Values under telling keys, in spans, events and resources; the keys stay."""
    made = Request()
    trace_id, _ = made.span(
        attributes={**SECRETS, "url.full": "http://u:pw@h/p?token=abc&x=1&sig=zz"}, exception=("E", "m")
    )
    store.add(made.spans())
    store.commit()

    attributes = dict(traces.spans(store, trace_id.hex())[0][2].attributes)

    assert {redact.REDACTED} == {attributes[key] for key in SECRETS}
    assert "http://REDACTED@h/p?token=REDACTED&x=1&sig=REDACTED" == attributes["url.full"]


def test_counts_of_tokens_are_no_secrets() -> None:
    """Numbers under such keys are kept."""
    assert redact.SECRET == redact.kind_of("gen_ai.usage.input_tokens")
    assert 17 == redact.secret(17)


@pytest.mark.parametrize(
    "key", ["http.route", "db.query.text", "user.id", "server.address", "url.path", "messaging.destination.name"]
)
def test_ordinary_keys_are_kept(key: str) -> None:
    """What people search for."""
    assert redact.KEEP == redact.kind_of(key)
