# SPDX-License-Identifier: Apache-2.0
"""exporters/jaeger*.py: the four protocols, what they send and what the answers come to."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event

from otel_distro.exporters import jaeger
from otel_distro.exporters.jaeger_udp import JaegerUdpSpanExporter
from otel_distro.exporters.retry import Delivered, Outcome, Refused, Retry, TooLarge
from otel_distro.runtime import log
from otel_distro.runtime.deadline import Deadline
from otel_distro.settings import load
from otel_distro.settings.settings import JaegerSettings, Settings
from otel_distro.wire.jaeger_decode import decode_datagram, decode_http
from tests.harness.jaeger_receivers import GrpcReceiver, HttpReceiver, UdpReceiver
from tests.harness.spans import START_NS, span, spans

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.exporters.span_exporter import OutcomeSpanExporter


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """A function that returns the lines of our log; repeated ones are shown again in each test."""
    log._last_said.clear()

    def lines() -> list[str]:
        return capfd.readouterr().err.splitlines()

    return lines


def made(**settings: Any) -> OutcomeSpanExporter:
    exporter, problems = jaeger.create(Settings(jaeger=JaegerSettings(**settings)))
    assert exporter is not None
    assert [] == problems
    return exporter


def attempt(batch: list[Any], deadline_s: float = 5.0, **settings: Any) -> Outcome:
    exporter = made(**settings)
    try:
        return exporter.export_once(batch, Deadline(deadline_s))
    finally:
        exporter.shutdown()


def udp(receiver: UdpReceiver, protocol: str = "udp/thrift.compact") -> dict[str, Any]:
    return {"protocol": protocol, "agent_host": receiver.host, "agent_port": receiver.port}


# HTTP


def test_http_posts_one_thrift_batch() -> None:
    """The body is a bare Batch, of a media type that Jaeger takes; 202 is success."""
    with HttpReceiver((202, b"")) as receiver:
        assert Delivered() == attempt(spans(3), endpoint=f"{receiver.url}/api/traces")
    (request,) = receiver.requests
    assert ("POST", "/api/traces", "application/vnd.apache.thrift.binary") == (
        request.method,
        request.path,
        request.headers["content-type"],
    )
    batch = decode_http(request.body)
    assert ("shop", ["span 1", "span 2", "span 3"]) == (batch.service, [s.name for s in batch.spans])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"user": "u", "password": "p"}, "Basic " + base64.b64encode(b"u:p").decode()),
        ({"user": "u"}, "Basic " + base64.b64encode(b"u:").decode()),
        ({"token": "t"}, "Bearer t"),
        ({}, None),
    ],
)
def test_http_authorization(settings: dict[str, str], expected: str | None) -> None:
    """Basic for user and password, bearer for a token."""
    with HttpReceiver() as receiver:
        attempt(spans(1), endpoint=receiver.url, **settings)
    assert expected == receiver.requests[0].headers.get("authorization")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (
            (400, b"Unable to process request body\nmore"),
            Refused("400 Bad Request: Unable to process request body", "400"),
        ),
        ((401, b""), Refused("401 Unauthorized", "401")),
        ((413, b""), TooLarge("413 Request Entity Too Large")),
        ((503, b""), Retry("503 Service Unavailable", "503", None)),
        ((500, b""), Refused("500 Internal Server Error", "500")),
        ((301, b""), Refused("301 Moved Permanently, redirects are not followed", "301")),
    ],
)
def test_http_refusals(answer: tuple[int, bytes], outcome: Outcome) -> None:
    """As for OTLP; Jaeger's own words are told."""
    with HttpReceiver(answer) as receiver:
        found = attempt(spans(1), endpoint=receiver.url)
    if isinstance(found, TooLarge):
        assert isinstance(outcome, TooLarge)
    else:
        assert outcome == found


def test_http_200_is_not_jaeger() -> None:
    """A web server that answers 200 to anything: delivered, but unconfirmed."""
    with HttpReceiver((200, b"<html>")) as receiver:
        found = attempt(spans(1), endpoint=receiver.url)
    assert isinstance(found, Delivered)
    assert (False, "answered 200, which is not what Jaeger answers") == (found.confirmed, found.message)


def test_http_timeout_is_total() -> None:
    """A collector that never answers costs the timeout and no more."""
    with HttpReceiver(lambda handler: time.sleep(1.0)) as receiver:
        begun = time.monotonic()
        found = attempt(spans(1), endpoint=receiver.url, timeout_s=0.3)
        took = time.monotonic() - begun
    assert isinstance(found, Retry)
    assert "timeout" == found.error_type
    assert took < 0.9


def test_a_batch_of_two_resources_is_two_requests_and_sent_once() -> None:
    """When the second fails, the first is not sent again."""
    both = [span(1), span(2, resource=Resource({"service.name": "other"}))]
    with HttpReceiver((202, b""), (503, b""), (202, b"")) as receiver:
        exporter = made(endpoint=receiver.url)
        assert isinstance(exporter.export_once(both, Deadline(5)), Retry)
        assert Delivered() == exporter.export_once(both, Deadline(5))
        exporter.shutdown()
    assert ["shop", "other", "other"] == [decode_http(request.body).service for request in receiver.requests]


def test_connection_refused_is_retried() -> None:
    """The spans wait for the collector."""
    assert Retry("connection refused", "connection_refused") == attempt(
        spans(1), endpoint="http://127.0.0.1:9/api/traces"
    )


# UDP


@pytest.mark.parametrize(
    ("protocol", "head"),
    [
        ("udp/thrift.compact", b"\x82\x81\x00\x09emitBatch"),
        ("udp/thrift.binary", b"\x80\x01\x00\x04\x00\x00\x00\x09emitBatch"),
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_udp_sends_one_message(protocol: str, head: bytes, host: str) -> None:
    """IPv4 and IPv6; success is not confirmed."""
    with UdpReceiver("::1" if host == "::1" else "127.0.0.1") as receiver:
        settings = {"protocol": protocol, "agent_host": host, "agent_port": receiver.port}
        if host == "localhost" and socket.getaddrinfo("localhost", 1)[0][0] != socket.AF_INET:
            pytest.skip("localhost is IPv6 here")
        assert Delivered(confirmed=False) == attempt(spans(3), **settings)
        (datagram,) = receiver.wait_for(1)
    assert datagram.startswith(head)
    assert [1, 2, 3] == [s.span_id for s in decode_datagram(datagram).spans]


@pytest.mark.parametrize("protocol", ["udp/thrift.compact", "udp/thrift.binary"])
def test_datagrams_are_packed(protocol: str, said: Any) -> None:
    """P16: 500 spans and one with 70 kB: 65,000 bytes at most, few datagrams, all there, the large one cut."""
    batch = [span(i, attributes={"text": "x" * (i % 700)}) for i in range(1, 501)]
    batch.insert(250, span(9999, attributes={"big": "y" * 70_000, "small": 1}))
    with UdpReceiver() as receiver:
        exporter = made(**udp(receiver, protocol))
        assert Delivered(confirmed=False) == exporter.export_once(batch, Deadline(5))
        total = sum(len(span_) for group in exporter._encoder.encode(batch).groups for span_ in group.spans)  # type: ignore[attr-defined]
        fewest = -(-total // 65_000)
        datagrams = receiver.wait_for(fewest)
        time.sleep(0.05)
        exporter.shutdown()
    assert max(map(len, datagrams)) <= 65_000
    assert len(receiver.datagrams) <= fewest + 1
    assert 1 == len(receiver.senders), "one socket for all"
    found = {s.span_id: dict(s.tags) for datagram in receiver.datagrams for s in decode_datagram(datagram).spans}
    assert {*range(1, 501), 9999} == set(found)
    big = found[9999]
    assert (60_000, 1, 60_000) == (len(str(big["big"])), big["small"], big["otel_distro.values_cut_at"])
    assert [
        "otel-distro: 1 spans were too large for " + exporter.destination + "; their longest values were cut"
    ] == said()


def test_a_span_that_cannot_be_cut_is_counted() -> None:
    """F21: the rest is sent."""
    crowd = span(2, events=[Event("e" * 60, {"k": i}, START_NS) for i in range(1000)])
    with UdpReceiver() as receiver:
        found = attempt([span(1), crowd, span(3)], **udp(receiver))
        (datagram,) = receiver.wait_for(1)
    assert isinstance(found, Delivered)
    assert (1, False) == (found.rejected, found.confirmed)
    assert "1 of 3 spans left out: it takes" in found.message
    assert [1, 3] == [s.span_id for s in decode_datagram(datagram).spans]


def test_an_absent_agent_costs_nothing(said: Any) -> None:
    """No error, no wait; one line says that nobody listens. The agent may come later."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    exporter = JaegerUdpSpanExporter(JaegerSettings("udp/thrift.compact", agent_host="127.0.0.1", agent_port=port))
    begun = time.monotonic()
    for _ in range(5):
        assert Delivered(confirmed=False) == exporter.export_once(spans(10), Deadline(5))
    assert time.monotonic() - begun < 0.5
    assert [f"otel-distro: nobody listens at udp://127.0.0.1:{port}; spans are lost"] == said()
    with UdpReceiver(port=port) as receiver:
        exporter.export_once(spans(3), Deadline(5))
        assert [1, 2, 3] == [s.span_id for s in decode_datagram(receiver.wait_for(1)[-1]).spans]
    exporter.shutdown()


def test_a_host_that_does_not_resolve_is_retried() -> None:
    """Only the worker waits; the spans do, too."""
    found = attempt(spans(1), protocol="udp/thrift.compact", agent_host="no-such-host.invalid")
    assert isinstance(found, Retry)
    assert found.error_type in {"no_such_host", "name_resolution"}


def test_a_closed_socket_is_opened_again() -> None:
    """Whatever happened to the descriptor."""
    with UdpReceiver() as receiver:
        exporter = made(**udp(receiver))
        exporter.export_once(spans(1), Deadline(5))
        exporter._sender._socket.close()  # type: ignore[attr-defined]
        first = exporter.export_once(spans(1), Deadline(5))
        if isinstance(first, Retry):
            assert isinstance(exporter.export_once(spans(1), Deadline(5)), Delivered)
        receiver.wait_for(2)
        exporter.shutdown()


# gRPC


def test_grpc_posts_spans() -> None:
    """PostSpans with the golden bytes' layout, and the authorization as metadata."""
    with GrpcReceiver() as receiver:
        found = attempt(spans(2), protocol="grpc", endpoint=receiver.url, user="u", password="p")
    assert Delivered() == found
    ((method, body),) = receiver.calls
    assert "/jaeger.api_v2.CollectorService/PostSpans" == method
    assert (b"\x0a", True) == (body[:1], b"\x0a\x04shop" in body)
    assert "Basic " + base64.b64encode(b"u:p").decode() == receiver.metadata[0]["authorization"]


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        ("UNAVAILABLE", "busy", Retry),
        ("INVALID_ARGUMENT", "bad", Refused),
        ("UNIMPLEMENTED", "unknown service", Refused),
        ("RESOURCE_EXHAUSTED", "grpc: received message larger than max (5 vs. 4)", TooLarge),
    ],
)
def test_grpc_refusals(code: str, words: str, kind: type) -> None:
    """As for OTLP."""
    with GrpcReceiver((code, words)) as receiver:
        found = attempt(spans(2), protocol="grpc", endpoint=receiver.url)
    assert isinstance(found, kind)
    assert words in found.reason  # type: ignore[union-attr]


def test_grpc_large_batches_are_halved_and_large_spans_cut(said: Any) -> None:
    """A server takes 4 MiB unless it is told otherwise."""
    batch = [span(i, attributes={"a": "x" * 30_000}) for i in range(200)]
    assert isinstance(attempt(batch, protocol="grpc", endpoint="http://127.0.0.1:9"), TooLarge)
    with GrpcReceiver() as receiver:
        assert Delivered() == attempt(
            [span(1, attributes={"a": "x" * 6_000_000})], protocol="grpc", endpoint=receiver.url
        )
    assert len(receiver.calls[0][1]) < 61_000
    assert "their longest values were cut" in said()[0]


# all


@pytest.mark.parametrize(
    ("settings", "destination"),
    [
        ({"endpoint": "http://u:p@h:1/api/traces"}, "http://***@h:1/api/traces"),
        ({"protocol": "grpc", "endpoint": "http://h:1"}, "http://h:1"),
        ({"protocol": "udp/thrift.binary", "agent_host": "::1", "agent_port": 6832}, "udp://[::1]:6832"),
    ],
)
def test_destination_holds_no_secret(settings: dict[str, Any], destination: str) -> None:
    """It is printed."""
    exporter = made(**settings)
    assert destination == exporter.destination
    exporter.shutdown()


def test_an_endpoint_that_cannot_be_used_is_a_problem() -> None:
    """No exporter, and a line that says so."""
    exporter, (problem,) = jaeger.create(Settings(jaeger=JaegerSettings(endpoint="ftp://x")))
    assert exporter is None
    assert "OTEL_EXPORTER_JAEGER_ENDPOINT" == problem.variable


def test_one_line_advises_otlp(said: Any) -> None:
    """At level info."""
    log.set_level("info")
    try:
        made().shutdown()
        assert ["OTEL_TRACES_EXPORTER=otlp" in line for line in said()] == [True]
    finally:
        log.set_level("warn")


@pytest.mark.parametrize(
    ("environ", "entry_point", "destination"),
    [
        ({}, jaeger.JaegerSpanExporter, "http://localhost:14268/api/traces"),
        ({"JAEGER_AGENT_HOST": "h"}, jaeger.JaegerSpanExporter, "udp://h:6831"),
        ({"OTEL_EXPORTER_JAEGER_PROTOCOL": "grpc"}, jaeger.JaegerSpanExporter, "http://localhost:14250"),
        ({}, jaeger.JaegerProtoSpanExporter, "http://localhost:14250"),
        ({"OTEL_EXPORTER_JAEGER_ENDPOINT": "http://h:1"}, jaeger.JaegerProtoSpanExporter, "http://h:1"),
    ],
)
def test_entry_points_read_the_environment(
    environ: dict[str, str], entry_point: type, destination: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes exporters without arguments gets the configured one."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    exporter = entry_point()
    assert destination == exporter.destination
    exporter.interrupt()
    exporter.after_fork_in_child()
    exporter.shutdown()


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({"OTEL_EXPORTER_JAEGER_PROTOCOL": "thrift"}, "OTEL_EXPORTER_JAEGER_PROTOCOL"),
        ({"OTEL_EXPORTER_JAEGER_AGENT_PORT": "abc"}, "OTEL_EXPORTER_JAEGER_AGENT_PORT"),
        ({"OTEL_EXPORTER_JAEGER_AGENT_PORT": "70000"}, "OTEL_EXPORTER_JAEGER_AGENT_PORT"),
        ({"OTEL_EXPORTER_JAEGER_ENDPOINT": "://"}, "OTEL_EXPORTER_JAEGER_ENDPOINT"),
        ({"OTEL_EXPORTER_JAEGER_TIMEOUT": "soon"}, "OTEL_EXPORTER_JAEGER_TIMEOUT"),
    ],
)
def test_bad_variables_cost_one_line_each(environ: dict[str, str], variable: str) -> None:
    """Export goes on with the default."""
    settings, problems = load({"OTEL_TRACES_EXPORTER": "jaeger", **environ})
    assert [variable] == [problem.variable for problem in problems]
    exporter, more = jaeger.create(settings)
    assert exporter is not None
    assert [] == more
    exporter.shutdown()


def test_who_does_not_name_jaeger_does_not_load_it() -> None:
    """Not at start, not with the default propagators, sampler and exporter."""
    program = (
        "import sys\n"
        "from otel_distro import exporters, propagators, samplers\n"
        "from otel_distro.settings import load\n"
        "settings, _ = load({})\n"
        "propagators.create(settings.propagators), exporters.create(settings)\n"
        "samplers.create(settings.sampler, 'svc', settings.propagators)\n"
        "print([name for name in sys.modules if 'jaeger' in name or 'thrift' in name])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert "['otel_distro.settings.jaeger', 'otel_distro.settings.variables_jaeger']\n" == done.stdout
