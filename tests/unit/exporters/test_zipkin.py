# SPDX-License-Identifier: Apache-2.0
"""Zipkin's JSON v2, against a real server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import SpanKind, Status, StatusCode

from otel_distro.exporters.retry import Delivered, Outcome, Refused, Retry
from otel_distro.exporters.zipkin import ZipkinSpanExporter
from otel_distro.runtime.deadline import Deadline
from otel_distro.settings.settings import ZipkinSettings
from tests.harness.backend import Backend, status
from tests.harness.spans import START_NS, context, span


def attempt(backend: Backend, made: list[Any]) -> Outcome:
    exporter = ZipkinSpanExporter(ZipkinSettings(f"{backend.url}/api/v2/spans"), backend.url)
    try:
        return exporter.export_once(made, Deadline(5))
    finally:
        exporter.shutdown()


def test_a_span_becomes_zipkins() -> None:
    attributes = {"peer.service": "bank", "network.peer.address": "192.0.2.1", "network.peer.port": 443}
    made = span(
        7,
        name="call \ud800",
        parent=context(3),
        kind=SpanKind.CLIENT,
        attributes={**attributes, "ok": True, "numbers": [1, 2], "ratio": 0.5},
        events=[Event("retry", {"n": 1}, timestamp=START_NS + 5000)],
        status=Status(StatusCode.ERROR, "refused"),
    )
    with Backend(status(202)) as backend:
        assert attempt(backend, [made]) == Delivered()
        (request,) = backend.requests
        assert (request.path, request.headers["content-type"]) == ("/api/v2/spans", "application/json")
        assert json.loads(request.body) == [
            {
                "traceId": "000000000000000000000000000000a1",
                "id": "0000000000000007",
                "parentId": "0000000000000003",
                "name": "call \ufffd",
                "kind": "CLIENT",
                "timestamp": (START_NS + 7) // 1000,
                "duration": 1000,
                "localEndpoint": {"serviceName": "shop"},
                "remoteEndpoint": {"serviceName": "bank", "ipv4": "192.0.2.1", "port": 443},
                "annotations": [{"timestamp": START_NS // 1000 + 5, "value": '"retry": {"n": "1"}'}],
                "tags": {
                    "peer.service": "bank",
                    "network.peer.address": "192.0.2.1",
                    "network.peer.port": "443",
                    "ok": "true",
                    "numbers": "[1,2]",
                    "ratio": "0.5",
                    "otel.scope.name": "tests",
                    "otel.scope.version": "1.0",
                    "otel.status_code": "ERROR",
                    "error": "refused",
                },
            }
        ]


def test_a_plain_internal_span_has_no_empty_fields() -> None:
    with Backend(status(202)) as backend:
        attempt(backend, [span(1, attributes={"error": "not an error"})])
        (found,) = json.loads(backend.requests[0].body)
        assert set(found) == {"traceId", "id", "name", "timestamp", "duration", "localEndpoint", "tags"}
        assert set(found["tags"]) == {"otel.scope.name", "otel.scope.version"}


def test_an_error_without_words_is_still_an_error() -> None:
    with Backend(status(202)) as backend:
        attempt(backend, [span(1, status=Status(StatusCode.ERROR))])
        (found,) = json.loads(backend.requests[0].body)
        assert found["tags"]["error"] == ""


@pytest.mark.usefixtures("capfd")
def test_a_span_that_cannot_be_encoded_costs_only_itself() -> None:
    with Backend(status(202)) as backend:
        outcome = attempt(backend, [object(), span(1)])
        assert outcome == Delivered(rejected=1, message="1 of 2 spans left out: it cannot be encoded")


def test_refusals_and_failures_are_told_apart() -> None:
    with Backend(400) as backend:
        assert attempt(backend, [span(1)]) == Refused("400 Bad Request", "400")
    with Backend(503) as backend:
        assert attempt(backend, [span(1)]) == Retry("503 Service Unavailable", "503")
    assert attempt(backend, [span(1)]) == Retry("connection refused", "connection_refused")
