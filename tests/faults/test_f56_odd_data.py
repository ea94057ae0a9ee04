# SPDX-License-Identifier: Apache-2.0
"""F56, F57, F58 at the exporter: huge, broken and absurd values cost at most the span that holds them."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_distro.exporters.retry import Delivered
from otel_distro.runtime.deadline import Deadline
from tests.harness.backend import Backend
from tests.harness.delivering import otlp_exporter
from tests.harness.grpc_backend import GrpcBackend
from tests.harness.spans import span


class Mute:
    def __str__(self) -> str:
        raise RuntimeError("not telling")


def export(protocol: str, odd: Any) -> tuple[Delivered, list[Any]]:
    """The outcome and what arrives of 49 ordinary spans with an odd one among them."""
    made = [span(n) for n in range(2, 51)]
    made.insert(25, odd)
    grpc = protocol == "grpc"
    with GrpcBackend() if grpc else Backend() as backend:
        url = backend.url if grpc else backend.traces_url
        exporter = otlp_exporter(protocol, url, max_request_bytes=1_000_000)
        outcome = exporter.export_once(made, Deadline(20))
        exporter.shutdown()
        assert isinstance(outcome, Delivered)
        return outcome, backend.spans()


every_protocol = pytest.mark.parametrize("protocol", ["http/protobuf", "http/json", "grpc"])


@every_protocol
def test_f56_a_span_of_megabytes_is_left_out_and_counted(protocol: str) -> None:
    outcome, arrived = export(protocol, span(1, attributes={"huge": "x" * 10_000_000}))
    assert outcome.rejected == 1
    assert "over the limit" in outcome.message
    assert len(arrived) == 49


@every_protocol
def test_f56_ten_thousand_attributes_pass(protocol: str) -> None:
    outcome, arrived = export(protocol, span(1, attributes={f"k{i}": i for i in range(10_000)}))
    assert (outcome.rejected, len(arrived)) == (0, 50)


@every_protocol
def test_f57_lone_surrogates_become_the_replacement_character(protocol: str) -> None:
    bad = "a\ud800b\udcff"
    odd = span(1, name=bad, resource=Resource({"service.name": bad}), instrumentation_scope=InstrumentationScope(bad))
    odd._attributes = {bad: bad, "list": [bad]}
    outcome, arrived = export(protocol, odd)
    good = "a\ufffdb\ufffd"
    (found,) = [item for item in arrived if item.span_id == "0000000000000001"]
    assert (outcome, len(arrived)) == (Delivered(), 50)
    assert (found.name, found.service, found.scope) == (good, good, good)
    assert found.attributes == {good: good, "list": [good]}


@every_protocol
@pytest.mark.parametrize(
    "fields",
    [
        {"_attributes": {"v": 1 << 100}},
        {"_attributes": {"v": Mute()}},
        {"_attributes": {"v": float("nan")}},
        {"_attributes": {"v": [Mute(), 1 << 70]}},
        {"_start_time": -1},
        {"_end_time": 1 << 90},
        {"_end_time": None},
        {"_name": None},
        {"_kind": "SERVER"},
    ],
)
@pytest.mark.usefixtures("capfd")
def test_f58_absurd_values_do_not_even_cost_their_span(protocol: str, fields: dict[str, Any]) -> None:
    odd = span(1)
    for name, value in fields.items():
        setattr(odd, name, value)
    outcome, arrived = export(protocol, odd)
    assert (outcome, len(arrived)) == (Delivered(), 50)


@every_protocol
@pytest.mark.usefixtures("capfd")
def test_f58_what_is_no_span_costs_only_itself(protocol: str) -> None:
    outcome, arrived = export(protocol, object())
    assert (outcome.rejected, len(arrived)) == (1, 49)
