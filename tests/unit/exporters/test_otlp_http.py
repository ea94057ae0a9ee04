# SPDX-License-Identifier: Apache-2.0
"""One attempt over OTLP/HTTP and what it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult

from otel_distro import __version__
from otel_distro.exporters.otlp_http import OtlpHttpSpanExporter
from otel_distro.exporters.retry import Delivered, Outcome, Refused, Retry, TooLarge
from otel_distro.runtime.deadline import Deadline
from otel_distro.settings.settings import OtlpSettings
from tests.harness.backend import Backend, junk, partial, raw, size_limit, status
from tests.harness.spans import span, spans

if TYPE_CHECKING:
    from collections.abc import Sequence


def attempt(backend: Backend, made: Sequence[Any] | None = None, **settings: Any) -> Outcome:
    exporter = OtlpHttpSpanExporter(OtlpSettings(endpoint=backend.traces_url, **settings), backend.url)
    try:
        return exporter.export_once(spans(3) if made is None else made, Deadline(5))
    finally:
        exporter.shutdown()


@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json"])
@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
def test_spans_arrive_whatever_the_protocol_and_compression(protocol: Any, compression: Any) -> None:
    with Backend() as backend:
        assert attempt(backend, protocol=protocol, compression=compression) == Delivered()
        assert [item.name for item in backend.spans()] == ["span 1", "span 2", "span 3"]
        assert {item.service for item in backend.spans()} == {"shop"}


def test_headers_say_what_is_sent_by_whom() -> None:
    with Backend() as backend:
        attempt(backend, headers=(("x-team", "a"), ("content-type", "text/evil")), compression="gzip")
        headers = backend.requests[0].headers
        assert (headers["content-type"], headers["content-encoding"]) == ("application/x-protobuf", "gzip")
        assert headers["x-team"] == "a"
        agent = headers["user-agent"].split()
        assert agent[0] == f"otel-distro/{__version__}"
        assert agent[1].startswith("OTel-OTLP-Exporter-Python/1.")


def test_a_user_agent_of_the_users_wins() -> None:
    with Backend() as backend:
        attempt(backend, headers=(("user-agent", "mine"),))
        assert backend.requests[0].headers["user-agent"] == "mine"


@pytest.mark.parametrize("code", [200, 202, 204, 299])
def test_every_2xx_is_success(code: int) -> None:
    with Backend(status(code)) as backend:
        assert attempt(backend) == Delivered()


@pytest.mark.parametrize("code", [429, 502, 503, 504])
def test_statuses_that_are_worth_another_try(code: int) -> None:
    with Backend(status(code, retry_after="7")) as backend:
        outcome = attempt(backend)
        assert isinstance(outcome, Retry)
        assert (outcome.error_type, outcome.after_s) == (str(code), 7.0)


@pytest.mark.parametrize("code", [301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 500, 501, 505, 999])
def test_statuses_that_are_final(code: int) -> None:
    with Backend(status(code, retry_after="7")) as backend:
        outcome = attempt(backend)
        assert isinstance(outcome, Refused)
        assert (outcome.error_type, len(backend.requests)) == (str(code), 1)


def test_the_reason_holds_what_the_backend_says() -> None:
    words = {"Content-Type": "text/plain"}
    with Backend(status(401, body=b"no token\nmore", headers=words)) as backend:
        assert attempt(backend) == Refused("401 Unauthorized: no token", "401")
    words = {"Content-Type": "application/x-protobuf"}
    with Backend(status(400, body=b"\x08\x03\x12\x07bad day", headers=words)) as backend:
        assert attempt(backend) == Refused("400 Bad Request: bad day", "400")
    words = {"Content-Type": "application/json"}
    with Backend(status(400, body=b'{"message": "bad day"}', headers=words)) as backend:
        assert attempt(backend, protocol="http/json") == Refused("400 Bad Request: bad day", "400")


def test_413_is_too_large() -> None:
    with Backend(status(413)) as backend:
        assert isinstance(attempt(backend), TooLarge)


@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json"])
def test_partial_success_is_counted(protocol: Any) -> None:
    with Backend(partial(2, "too old")) as backend:
        assert attempt(backend, protocol=protocol) == Delivered(rejected=2, message="too old")


def test_a_backend_cannot_reject_more_than_it_was_given() -> None:
    with Backend(partial(2**62, "all of them")) as backend:
        assert attempt(backend) == Delivered(rejected=3, message="all of them")


@pytest.mark.parametrize("body", [b"<!doctype html>", b"OK", b"\xff\xff\xff"])
def test_a_200_that_is_not_otlp_is_delivered_but_unconfirmed(body: bytes) -> None:
    with Backend(junk(body)) as backend:
        outcome = attempt(backend)
        assert isinstance(outcome, Delivered)
        assert (outcome.confirmed, outcome.rejected) == (False, 0)


def test_grpc_on_the_other_side_is_named() -> None:
    with Backend(raw(b"\0\0\x12\x04\0\0\0\0\0" + b"\0" * 18)) as backend:
        outcome = attempt(backend)
        assert isinstance(outcome, Refused)
        assert outcome.reason.startswith("that port speaks gRPC, protocol is http/protobuf; use port 4318")


def test_nobody_there_is_a_retry() -> None:
    backend = Backend()
    backend.stop()
    assert attempt(backend) == Retry("connection refused", "connection_refused")


def test_the_timeout_of_settings_holds() -> None:
    with Backend("silent") as backend:
        outcome = attempt(backend, timeout_s=0.2)
        assert isinstance(outcome, Retry)
        assert outcome.error_type == "timeout"
        assert outcome.reason.startswith("no reply within 0.2")


@pytest.mark.usefixtures("capfd")
def test_a_span_that_cannot_be_encoded_costs_only_itself() -> None:
    with Backend() as backend:
        outcome = attempt(backend, [span(1), object(), span(3)])
        assert outcome == Delivered(rejected=1, message="1 of 3 spans left out: it cannot be encoded")
        assert len(backend.spans()) == 2


@pytest.mark.usefixtures("capfd")
def test_nothing_to_send_sends_nothing() -> None:
    with Backend() as backend:
        assert attempt(backend, []) == Delivered()
        outcome = attempt(backend, [object()])
        assert isinstance(outcome, Delivered)
        assert outcome.rejected == 1
        assert backend.requests == []


def test_a_request_over_our_own_limit_is_not_sent() -> None:
    with Backend() as backend:
        assert isinstance(attempt(backend, spans(50), max_request_bytes=1000), TooLarge)
        assert backend.requests == []


def test_behind_the_sdks_processors_too_large_is_halved() -> None:
    with Backend(size_limit(400)) as backend:
        exporter = OtlpHttpSpanExporter(OtlpSettings(endpoint=backend.traces_url), backend.url)
        assert exporter.export(spans(8)) is SpanExportResult.SUCCESS
        assert exporter.export([span(99, name="x" * 1000), span(100)]) is SpanExportResult.FAILURE
        exporter.shutdown()
        assert sorted(int(item.span_id, 16) for item in backend.spans()) == [1, 2, 3, 4, 5, 6, 7, 8, 100]


def test_an_unusable_endpoint_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="http"):
        OtlpHttpSpanExporter(OtlpSettings(endpoint="collector:4318"), "collector:4318")
