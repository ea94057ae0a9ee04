# SPDX-License-Identifier: Apache-2.0
"""CLIENT spans of requests and urllib3, as the HTTP conventions want them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3
from opentelemetry import context, propagate, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_distro.instrumentation import requests as ours
from otel_distro.instrumentation import urllib3 as ours_urllib3
from otel_distro.settings.settings import InstrumentationSettings, Settings
from tests.harness.span_recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def traced() -> Iterator[Callable[..., Recorder]]:
    """traced(**settings) switches both libraries on and returns what is recorded."""
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(TraceContextTextMapPropagator())

    def switch_on(options: dict[str, Any] | None = None, **settings: Any) -> Recorder:
        recorder = Recorder()
        wanted = Settings(instrumentation=InstrumentationSettings(**settings))
        for module in (ours, ours_urllib3):
            module.instrument(wanted, tracer_provider=recorder.provider, **(options or {}))
        return recorder

    yield switch_on
    ours.uninstrument()
    ours_urllib3.uninstrument()
    propagate.set_global_textmap(before)


@pytest.fixture(params=["requests", "urllib3"])
def get(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """GET with one of the two libraries; the status of the answer."""
    if request.param == "requests":
        with requests.Session() as session:
            yield lambda url, **named: session.get(url, timeout=5, **named).status_code
    else:
        pool = urllib3.PoolManager(retries=False)
        yield lambda url, **named: pool.request("GET", url, timeout=5, **named).status
        pool.clear()


def test_a_request_has_the_stable_attributes(traced: Any, site: Any, get: Any) -> None:
    """Name, kind and every required and recommended attribute; the trace goes along."""
    recorder = traced()
    assert get(f"{site.url}/page?a=1") == 200
    (span,) = recorder.take()
    assert span[:4] == ("GET", "CLIENT", "UNSET", None)
    assert span.attributes == {
        "http.request.method": "GET",
        "url.full": f"{site.url}/page?a=1",
        "server.address": "127.0.0.1",
        "server.port": site.port,
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
    }
    ((_, headers),) = site.seen
    assert headers["traceparent"][3:52] == f"{span.trace_id:032x}-{span.span_id:016x}"


def test_an_error_status_is_an_error(traced: Any, site: Any, get: Any) -> None:
    """4xx and 5xx, without description."""
    recorder = traced()
    assert get(f"{site.url}/status/404") == 404
    (span,) = recorder.take()
    assert (span.status, span.description, span.attributes["error.type"]) == ("ERROR", None, "404")


def test_a_refused_connection_is_an_error(traced: Any, get: Any) -> None:
    """The exception's class; its text, with host and path, is nowhere."""
    recorder = traced()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises((requests.ConnectionError, urllib3.exceptions.HTTPError)):
        get(f"http://127.0.0.1:{port}/secret-path")
    (span,) = recorder.take()
    assert (span.status, span.description, span.events) == ("ERROR", None, [])
    assert span.attributes["error.type"] in (
        "requests.exceptions.ConnectionError",
        "urllib3.exceptions.NewConnectionError",
    )


def test_secrets_in_the_url_are_hidden(traced: Any, site: Any) -> None:
    """User, password and secret parameters; the server still gets them."""
    recorder = traced()
    requests.get(f"http://bob:pw@127.0.0.1:{site.port}/x?token=s3cret&page=2", timeout=5)
    (span,) = recorder.take()
    assert span.attributes["url.full"] in (
        f"http://127.0.0.1:{site.port}/x?token=REDACTED&page=2",
        f"http://REDACTED:REDACTED@127.0.0.1:{site.port}/x?token=REDACTED&page=2",
    )
    assert span.attributes["server.address"] == "127.0.0.1"
    assert site.seen[0][0] == "/x?token=s3cret&page=2"


def test_each_hop_of_a_redirect_is_a_span(traced: Any, site: Any) -> None:
    """With resend_count from the second on; one after the other, not one in the other."""
    recorder = traced()
    assert requests.get(f"{site.url}/redirect/2", timeout=5).status_code == 200
    spans = recorder.take()
    assert [span.attributes.get("http.request.resend_count") for span in spans] == [None, 1, 2]
    assert [span.attributes["http.response.status_code"] for span in spans] == [302, 302, 200]
    assert {span.parent_id for span in spans} == {None}
    assert len({headers["traceparent"] for _, headers in site.seen}) == 3


def test_two_requests_of_a_session_are_no_resends(traced: Any, site: Any) -> None:
    """The count begins anew with each call."""
    recorder = traced()
    with requests.Session() as session:
        session.get(f"{site.url}/a", timeout=5)
        session.get(f"{site.url}/b", timeout=5)
    assert ["http.request.resend_count" in span.attributes for span in recorder.take()] == [False, False]


def test_requests_over_urllib3_is_one_span(traced: Any, site: Any) -> None:
    """P44: stacked libraries do not double."""
    recorder = traced()
    requests.get(f"{site.url}/x", timeout=5)
    assert len(recorder.take()) == 1


def test_the_exporters_own_requests_are_none(traced: Any, site: Any, get: Any) -> None:
    """Whatever says that it is not to be traced is not."""
    recorder = traced()
    with suppress_instrumentation():
        get(f"{site.url}/v1/traces")
    assert recorder.take() == []
    assert "traceparent" not in site.seen[0][1]


def test_the_callers_headers_stay_as_they_are(traced: Any, site: Any) -> None:
    """urllib3 gets a mapping of ours."""
    traced()
    headers = {"X-Mine": "1"}
    with urllib3.PoolManager() as pool:
        pool.request("GET", f"{site.url}/x", headers=headers, timeout=5)
    assert headers == {"X-Mine": "1"}
    assert site.seen[0][1]["X-Mine"] == "1"
    assert "traceparent" in site.seen[0][1]


def test_captured_headers(traced: Any, site: Any) -> None:
    """Lower case, dashes kept, secrets redacted."""
    recorder = traced(client_request_headers=("x-.*", "authorization"), client_response_headers=("x-answer",))
    requests.get(f"{site.url}/x", headers={"X-Mine": "1", "Authorization": "Bearer s"}, timeout=5)
    (span,) = recorder.take()
    assert span.attributes["http.request.header.x-mine"] == ["1"]
    assert span.attributes["http.request.header.authorization"] == ["[REDACTED]"]
    assert span.attributes["http.response.header.x-answer"] == ["yes"]


def test_excluded_urls_send_no_trace(traced: Any, site: Any, get: Any) -> None:
    """No span, and the current trace is not passed on either."""
    recorder = traced(excluded_urls=("healthz",))
    get(f"{site.url}/healthz")
    get(f"{site.url}/unhealthz")
    assert [span.attributes["url.full"] for span in recorder.take()] == [f"{site.url}/unhealthz"]
    assert "traceparent" not in site.seen[0][1]


def test_hooks_that_raise_do_not_reach_the_app(traced: Any, site: Any) -> None:
    """They get upstream's arguments."""
    seen = []

    def request_hook(span: Any, request: Any) -> None:
        seen.append(request.method)
        raise RuntimeError("hook")

    def response_hook(span: Any, request: Any, response: Any) -> None:
        seen.append(response.status_code)
        raise RuntimeError("hook")

    traced({"request_hook": request_hook, "response_hook": response_hook})
    assert requests.get(f"{site.url}/x", timeout=5).status_code == 200
    assert seen == ["GET", 200]


def test_the_context_is_what_it_was(traced: Any, site: Any, get: Any) -> None:
    """After an answer and after a failure."""
    traced()
    before = context.get_current()
    get(f"{site.url}/x")
    with pytest.raises((requests.ConnectionError, urllib3.exceptions.HTTPError)):
        get(f"{site.url}/drop/")
    assert context.get_current() == before
    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.mark.parametrize(("opt_in", "key"), [(("http/dup",), "both"), ((), "old")])
def test_old_names(traced: Any, site: Any, opt_in: tuple[str, ...], key: str) -> None:
    """By the same switch as for servers."""
    recorder = traced(semconv_opt_in=opt_in)
    requests.get(f"{site.url}/x", timeout=5)
    (span,) = recorder.take()
    found = span.attributes
    assert (found["http.method"], found["http.url"], found["http.status_code"]) == ("GET", f"{site.url}/x", 200)
    assert ("url.full" in found) is (key == "both")
