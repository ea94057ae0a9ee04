# SPDX-License-Identifier: Apache-2.0
"""OTLP/JSON says the same as protobuf does, in the spelling that its specification wants."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.span import TraceState

from otel_distro.wire import otlp, otlp_json
from tests.harness.backend import decode
from tests.harness.spans import context, span, spans


def rich_span() -> Any:
    made = span(
        5,
        parent=context(4, is_remote=True),
        context=context(5, trace_state=TraceState([("a", "1")])),
        kind=SpanKind.SERVER,
        attributes={"i": 1 << 40, "f": 0.5, "b": True, "s": "日本 \ud800"},
        events=[Event("e", {"k": [1, 2]}, timestamp=7)],
        links=[Link(context(9), {"l": "v"})],
        status=Status(StatusCode.ERROR, "bad"),
    )
    made._attributes = {
        **dict(made._attributes),
        "big": 1 << 70,
        "bytes": b"\0",
        "map": {"n": None},
        "nan": float("nan"),
    }
    return made


def test_json_and_protobuf_carry_the_same() -> None:
    made = [rich_span(), *spans(3)]
    from_json = decode(otlp_json.Encoder().encode(made).body, "application/json")
    from_protobuf = decode(otlp.Encoder().encode(made).body, "application/x-protobuf")
    assert [str(item) for item in from_protobuf] == [str(item) for item in from_json]


def test_ids_are_hex_enums_are_numbers_and_long_integers_are_strings() -> None:
    request = json.loads(otlp_json.Encoder().encode([rich_span()]).body)
    (found,) = request["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert (found["traceId"], found["spanId"]) == ("000000000000000000000000000000a1", "0000000000000005")
    assert (found["kind"], found["flags"], found["status"]["code"]) == (2, 0x301, 2)
    assert found["startTimeUnixNano"] == "1700000000000000005"
    values = {item["key"]: item["value"] for item in found["attributes"]}
    assert values["i"] == {"intValue": "1099511627776"}
    assert values["nan"] == {"doubleValue": "NaN"}
    assert values["s"] == {"stringValue": "日本 \ufffd"}


@pytest.mark.usefixtures("capfd")
def test_what_is_no_span_costs_only_itself() -> None:
    encoded = otlp_json.Encoder().encode([object(), span(1)])
    assert (encoded.span_count, encoded.rejected) == (1, [(0, "it cannot be encoded")])


def test_a_span_over_the_limit_is_rejected_alone() -> None:
    encoded = otlp_json.Encoder(max_span_bytes=1000).encode([span(1), span(2, attributes={"v": "x" * 2000})])
    assert (encoded.span_count, len(encoded.rejected)) == (1, 1)
    assert otlp_json.Encoder(max_span_bytes=1).encode([span(1)]).body == b""
