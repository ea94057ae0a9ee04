# SPDX-License-Identifier: Apache-2.0
"""One SERVER span for each Django request, as the HTTP conventions want it."""

from __future__ import annotations

from typing import Any

import pytest


def test_settings_are_read_by_django_and_the_middleware_list_is_untouched(run: Any) -> None:
    """Start-up is asked for once, when the handler loads, and MIDDLEWARE is the app's own."""
    found = run("client")
    assert found.events == ["start, settings read: True"]
    assert [entry.rpartition(".")[2] for entry in found.middleware] == ["CommonMiddleware", "plain_middleware"]
    assert found.stderr == ""


def test_a_request_has_the_stable_attributes(run: Any) -> None:
    """Name, kind and every required and recommended attribute; nothing of the old set."""
    span = run("client").cases["/user/42?token=s&sig=AAA&page=2"].server
    assert span[:4] == ("GET /user/<int:uid>", "SERVER", "UNSET", None)
    attributes = dict(span.attributes)
    assert str(attributes.pop("code.function.name")).endswith("__main__.user")
    assert str(attributes.pop("code.file.path")).endswith("django_child.py")
    assert isinstance(attributes.pop("code.line.number"), int)
    assert attributes == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/user/42",
        "url.query": "token=REDACTED&sig=REDACTED&page=2",
        "http.route": "/user/<int:uid>",
        "http.response.status_code": 200,
        "server.address": "example.com",
        "server.port": 8443,
        "client.address": "127.0.0.1",
        "network.peer.address": "127.0.0.1",
        "network.protocol.version": "1.1",
    }


@pytest.mark.parametrize(
    ("target", "name", "status_code"),
    [
        ("/nope/123", "GET", 404),
        ("/re/2012/7/", "GET /re/<year>/<var>/", 200),
        ("/api/item/x/", "GET /api/item/<slug:name>/", 200),
        ("/missing", "GET /missing", 404),
        ("/denied", "GET /denied", 403),
        ("/user/1?stop=1", "GET", 200),
        ("FOO", "HTTP /user/<int:uid>", 200),
    ],
)
def test_names_are_of_low_cardinality(run: Any, target: str, name: str, status_code: int) -> None:
    """The matched template or nothing; Http404 and PermissionDenied are no errors of the server."""
    span = run("client").cases[target].server
    assert (span.name, span.attributes["http.response.status_code"]) == (name, status_code)
    assert (span.status, span.events) == ("UNSET", [])


@pytest.mark.parametrize(
    ("scenario", "target", "name"),
    [
        ("client", "/boom", "GET /boom"),
        ("async_client", "/boom", "GET /boom"),
        ("async_client", "/async-boom", "GET /async-boom"),
        ("asgi", "/async-boom", "GET /async-boom"),
    ],
)
def test_an_unhandled_exception_is_recorded_once(run: Any, scenario: str, target: str, name: str) -> None:
    """error.type is the class, the message is not in the status, and the event names the user's line."""
    span = run(scenario).cases[target].server
    assert (span.name, span.status, span.description) == (name, "ERROR", None)
    assert span.attributes["error.type"] == "ValueError"
    assert span.attributes["http.response.status_code"] == 500
    ((_, event),) = span.events
    assert (event["exception.type"], event["exception.message"]) == ("ValueError", "secret text")
    assert event["code.function.name"].endswith("boom")


def test_an_exception_in_a_middleware_is_the_requests(run: Any) -> None:
    """The span is around all middleware."""
    span = run("client").cases["/user/1?raise=1"].server
    assert (span.name, span.status, span.attributes["error.type"]) == ("GET", "ERROR", "OSError")


def test_a_returned_503_is_an_error_without_description(run: Any) -> None:
    """error.type is the status code, there is no event."""
    span = run("client").cases["/unavailable"].server
    assert (span.status, span.description, span.attributes["error.type"], span.events) == ("ERROR", None, "503", [])


def test_middleware_is_inside(run: Any) -> None:
    """What the first middleware does belongs to the request."""
    case = run("client").cases["/user/42?token=s&sig=AAA&page=2"]
    assert [(span.name, span.parent) for span in case.spans[:-1]] == [("in middleware", case.server.name)]


@pytest.mark.parametrize(
    ("scenario", "target"), [("client", "/stream/whole"), ("wsgi", "stream"), ("asgi", "/async-stream")]
)
def test_a_stream_belongs_to_its_request(run: Any, scenario: str, target: str) -> None:
    """Spans made while the body is produced are children, and the server span ends after them."""
    case = run(scenario).cases[target]
    parts = [span for span in case.spans if span.name in ("a", "b", "c")]
    assert [part.parent for part in parts] == [case.server.name] * 3
    assert case.server.end_ns >= parts[-1].end_ns
    assert case.server.status == "UNSET"


@pytest.mark.parametrize(("scenario", "target"), [("client", "/stream/broken"), ("wsgi", "broken")])
def test_a_stream_that_raises_is_an_error(run: Any, scenario: str, target: str) -> None:
    """The app's exception reaches the server unchanged, and the span says so."""
    case = run(scenario).cases[target]
    assert case.answer == "RuntimeError('in the middle')"
    assert (case.server.status, case.server.attributes["error.type"]) == ("ERROR", "RuntimeError")


def test_a_stream_that_is_closed_early_leaves_nothing_behind(run: Any) -> None:
    """The span ends, and the next request of the thread is a root again."""
    cases = run("wsgi").cases
    assert cases["early"].server.name == "GET /stream/<how>"
    assert cases["stream"].server.parent_id is None


def test_a_file_is_sent_as_it_is(run: Any) -> None:
    """FileResponse works, and its span has ended."""
    case = run("client").cases["/file"]
    assert case.answer.startswith("b'# SPDX")
    assert case.server.name == "GET /file"


def test_wsgi_servers_are_read_right(run: Any) -> None:
    """Raw path where there is one, script name in the route, peer and host."""
    plain = run("wsgi").cases["plain"].server.attributes
    assert (plain["server.address"], plain["server.port"]) == ("localhost", 8000)
    assert (plain["network.peer.address"], plain["network.peer.port"]) == ("192.0.2.1", 4711)
    raw = run("wsgi").cases["raw"].server
    assert (raw.attributes["url.path"], raw.attributes["http.route"]) == ("/user/%31", "/app/user/<int:uid>")
    assert (raw.attributes["server.address"], raw.attributes["server.port"]) == ("h.example", 81)


def test_asgi_is_read_right(run: Any) -> None:
    """Scheme and version come from the scope; a synchronous and an asynchronous view have one span each."""
    cases = run("asgi").cases
    span = cases["/async-user/1?a=1"].server
    assert span.name == "GET /async-user/<int:uid>"
    wanted = {
        "url.scheme": "https",
        "url.path": "/async-user/1",
        "url.query": "a=1",
        "network.protocol.version": "2",
        "network.peer.port": 4711,
        "user_agent.original": "curl/8",
    }
    assert wanted == {key: span.attributes[key] for key in wanted}
    assert cases["/user/1"].server.name == "GET /user/<int:uid>"


def test_the_context_reaches_asynchronous_views(run: Any) -> None:
    """Under WSGI, ASGI and the asynchronous test client."""
    for scenario, target in [("client", "/async-user/1"), ("async_client", "/async-user/1")]:
        case = run(scenario).cases[target]
        assert ("in async view", case.server.name) in [(span.name, span.parent) for span in case.spans]


def test_the_caller_is_the_parent(run: Any) -> None:
    """A traceparent header makes the span part of the caller's trace."""
    span = run("client").cases["caller"].server
    assert (span.trace_id, span.parent_id) == (int("ab" * 16, 16), int("cd" * 8, 16))


def test_an_excluded_url_hides_everything_below(run: Any) -> None:
    """P37: the span that the app's middleware makes is not recorded either."""
    cases = run("client", django_excluded_urls=["healthz"]).cases
    assert cases["/healthz"].spans == []
    assert cases["/missing"].server.name == "GET /missing"


def test_request_attributes_are_read_late(run: Any) -> None:
    """OTEL_PYTHON_DJANGO_TRACED_REQUEST_ATTRS sees what the view has set; what is not there is left out."""
    wanted = ["tenant", "resolver_match.url_name", "nope.deep"]
    span = run("client", django_traced_request_attrs=wanted).cases["/user/42?token=s&sig=AAA&page=2"].server
    assert span.attributes["tenant"] == "tenant 42"
    assert not [key for key in span.attributes if key.startswith(("nope", "resolver"))]


def test_upstreams_middleware_wins(run: Any) -> None:
    """An app that has instrumented itself has one server span, and it is upstream's."""
    case = run("upstream_middleware").cases["/user/1"]
    assert case.server.name == "GET user/<int:uid>"


def test_hooks_that_raise_do_not_reach_the_app(run: Any) -> None:
    """Both get upstream's arguments; each failure is one line."""
    found = run("hooks")
    assert found.events[1:] == ["request /user/1", "response 200"]
    assert found.cases["/user/1"].answer == "b'user 1'"
    assert found.stderr.splitlines() == [
        "otel-distro: request_hook: RuntimeError: hook",
        "otel-distro: response_hook: RuntimeError: hook",
    ]


def test_uninstrument_puts_everything_back(run: Any) -> None:
    """The handler class is as it was, and requests leave no server span."""
    found = run("uninstrument")
    assert found.cases["changed"].answer == "[]"
    assert [span.kind for span in found.cases["/user/1"].spans] == ["INTERNAL"]
