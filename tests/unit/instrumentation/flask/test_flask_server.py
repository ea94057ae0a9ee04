# SPDX-License-Identifier: Apache-2.0
"""One SERVER span for each Flask request, as the HTTP conventions want it."""

from __future__ import annotations

import contextvars
import io
import threading
import urllib.request
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import flask
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from otel_distro.instrumentation.flask import patch
from otel_distro.settings.settings import InstrumentationSettings, Settings
from tests.harness.span_recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.span_recorder import PlainSpan


def make_app(recorder: Recorder | None = None) -> flask.Flask:
    app = flask.Flask("shop")
    tracer = trace.get_tracer("app", tracer_provider=recorder.provider) if recorder else None

    @app.route("/user/<int:uid>", methods=["GET", "POST"])
    def user(uid: int) -> str:
        return f"user {uid}"

    @app.route("/boom")
    def boom() -> str:
        raise ValueError("secret text")

    @app.route("/unavailable")
    def unavailable() -> tuple[str, int]:
        return "later", 503

    @app.route("/stream/<how>")
    def stream(how: str) -> Any:
        def parts() -> Iterator[str]:
            for part in "abc":
                with tracer.start_as_current_span(part):
                    yield part
            if how == "broken":
                raise RuntimeError("in the middle")

        return parts()

    @app.route("/file")
    def file() -> Any:
        return flask.send_file(io.BytesIO(b"x" * 10), mimetype="text/plain")

    @app.route("/child")
    def child() -> str:
        with tracer.start_as_current_span("child"):
            return "child"

    @app.route("/healthz")
    def healthz() -> str:
        with tracer.start_as_current_span("below"):
            return "ok"

    @app.route("/api/unhealthz")
    def unhealthz() -> str:
        return "not ok"

    return app


class Traced:
    """A Flask app, its test client and its spans."""

    def __init__(self, recorder: Recorder, **settings: Any) -> None:
        self.recorder = recorder
        options = settings.pop("options", {})
        metrics = settings.pop("metrics_exporters", ())
        settings.setdefault("flask_spans", ("none",))
        wanted = Settings(instrumentation=InstrumentationSettings(**settings), metrics_exporters=metrics)
        patch.instrument(wanted, tracer_provider=recorder.provider, **options)
        self.app = make_app(recorder)
        self.client = self.app.test_client()

    def only_span(self) -> PlainSpan:
        (span,) = self.recorder.take()
        return span


@pytest.fixture
def traced(request: pytest.FixtureRequest) -> Iterator[Traced]:
    yield Traced(Recorder(), **getattr(request, "param", {}))
    patch.uninstrument()


def with_settings(**settings: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("traced", [settings], indirect=True, ids=[""])


def test_a_request_has_the_stable_attributes(traced: Traced) -> None:
    """Name, kind and every required and recommended attribute; nothing of the old set."""
    traced.client.get("/user/42?a=1", headers={"Host": "example.com:8443", "User-Agent": "curl/8"})
    span = traced.only_span()
    assert span[:4] == ("GET /user/<int:uid>", "SERVER", "UNSET", None)
    attributes = dict(span.attributes)
    assert str(attributes.pop("code.function.name")).endswith("make_app.<locals>.user")
    assert str(attributes.pop("code.file.path")).endswith("test_flask_server.py")
    assert isinstance(attributes.pop("code.line.number"), int)
    assert attributes == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/user/42",
        "url.query": "a=1",
        "http.route": "/user/<int:uid>",
        "http.response.status_code": 200,
        "server.address": "example.com",
        "server.port": 8443,
        "client.address": "127.0.0.1",
        "network.peer.address": "127.0.0.1",
        "network.protocol.version": "1.1",
        "user_agent.original": "curl/8",
    }


@pytest.mark.parametrize(
    ("method", "path", "name", "status_code"),
    [
        ("GET", "/nope/123", "GET", 404),
        ("DELETE", "/user/1", "DELETE", 405),
        ("FOO", "/user/1", "HTTP", 405),
        ("HEAD", "/user/1", "HEAD /user/<int:uid>", 200),
        ("OPTIONS", "/user/1", "OPTIONS /user/<int:uid>", 200),
    ],
)
def test_names_are_of_low_cardinality(traced: Traced, method: str, path: str, name: str, status_code: int) -> None:
    """Whatever the client asks for, the raw path is in no name, and 4xx is no error of the server."""
    traced.client.open(path, method=method)
    span = traced.only_span()
    assert (span.name, span.status, span.attributes["http.response.status_code"]) == (name, "UNSET", status_code)
    if method == "FOO":
        assert span.attributes["http.request.method"] == "_OTHER"
        assert span.attributes["http.request.method_original"] == "FOO"


def test_a_method_in_lower_case_is_known(traced: Traced) -> None:
    """`get` is GET, and what was sent is kept."""
    traced.app({**environ("/user/1"), "REQUEST_METHOD": "get"}, lambda *_: None)
    span = traced.only_span()
    assert span.attributes["http.request.method"] == "GET"
    assert span.attributes["http.request.method_original"] == "get"


def test_an_unhandled_exception_is_recorded_once(traced: Traced) -> None:
    """error.type is the class, the message is not in the status, and the event names the user's line."""
    response = traced.client.get("/boom")
    assert response.status_code == 500
    span = traced.only_span()
    assert (span.name, span.status, span.description) == ("GET /boom", "ERROR", None)
    assert span.attributes["error.type"] == "ValueError"
    ((name, event),) = span.events
    assert (name, event["exception.type"], event["exception.message"]) == ("exception", "ValueError", "secret text")
    assert "exception.escaped" not in event
    assert event["code.file.path"] == __file__
    assert event["code.function.name"].endswith("boom")


def test_an_exception_that_the_app_lets_through_is_recorded_once(traced: Traced) -> None:
    """With PROPAGATE_EXCEPTIONS the exception itself reaches the server, and the span is the same."""
    traced.app.testing = True
    with pytest.raises(ValueError, match="secret text"):
        traced.client.get("/boom")
    span = traced.only_span()
    assert (span.status, span.attributes["error.type"], len(span.events)) == ("ERROR", "ValueError", 1)


def test_a_returned_503_is_an_error_without_description(traced: Traced) -> None:
    """error.type is the status code, there is no event."""
    traced.client.get("/unavailable")
    span = traced.only_span()
    assert (span.status, span.description, span.attributes["error.type"], span.events) == ("ERROR", None, "503", [])


def test_a_stream_belongs_to_its_request(traced: Traced) -> None:
    """Spans made while the body is produced are children, and the server span ends after them."""
    assert traced.client.get("/stream/whole").data == b"abc"
    *parts, server = traced.recorder.take()
    assert [(part.name, part.parent) for part in parts] == [(name, "GET /stream/<how>") for name in "abc"]
    assert server.end_ns >= parts[-1].end_ns
    assert (server.name, server.status) == ("GET /stream/<how>", "UNSET")


def test_a_stream_that_raises_is_an_error(traced: Traced) -> None:
    """The status line was 200, but the response could not be sent completely."""
    with pytest.raises(RuntimeError):
        _ = traced.client.get("/stream/broken").data
    server = traced.recorder.take()[-1]
    assert (server.status, server.attributes["error.type"]) == ("ERROR", "RuntimeError")
    assert server.attributes["http.response.status_code"] == 200


def test_a_stream_that_is_closed_early_ends(traced: Traced) -> None:
    """A client that goes away ends the span, without an error."""
    response = traced.client.get("/stream/whole")
    response.close()
    server = traced.recorder.take()[-1]
    assert (server.name, server.status) == ("GET /stream/<how>", "UNSET")


def test_a_file_reaches_the_server_as_it_is(traced: Traced) -> None:
    """A server that knows its own file wrapper can still use sendfile."""

    class FileWrapper:
        def __init__(self, file: Any, block_size: int = 8192) -> None:
            self.file = file

    body = traced.app({**environ("/file"), "wsgi.file_wrapper": FileWrapper}, lambda *_: None)
    assert type(body) is FileWrapper
    assert traced.only_span().name == "GET /file"


def test_the_span_is_there_before_the_session_is_opened(traced: Traced) -> None:
    """What open_session does is inside (P40)."""
    seen = []

    class Sessions(flask.sessions.SecureCookieSessionInterface):
        def open_session(self, app: Any, request: Any) -> Any:
            seen.append(trace.get_current_span().get_span_context().span_id)
            return super().open_session(app, request)

    traced.app.session_interface = Sessions()
    traced.client.get("/user/1")
    assert [traced.only_span().span_id] == seen


def test_wsgi_middleware_is_inside_and_counts_once(traced: Traced) -> None:
    """An app that replaces wsgi_app has one span, whatever the middleware does to the answer."""
    inner = traced.app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        body = inner(environ, start_response)
        return [b"<" + b"".join(body) + b">"]

    traced.app.wsgi_app = middleware  # type: ignore[method-assign]
    assert traced.client.get("/user/1").data == b"<user 1>"
    assert traced.only_span().name == "GET /user/<int:uid>"


def test_a_middleware_around_wsgi_app_alone(traced: Traced) -> None:
    """`application = ProxyFix(app.wsgi_app)` never calls the app object, and is traced all the same."""
    application = ProxyFix(traced.app.wsgi_app)
    started = []
    body = application(environ("/user/1"), lambda *given: started.append(given))
    assert b"".join(body) == b"user 1"
    assert traced.only_span().name == "GET /user/<int:uid>"


def test_a_middleware_that_raises_before_the_app(traced: Traced) -> None:
    """The exception reaches the server unchanged, and the span says so."""

    def middleware(environ: Any, start_response: Any) -> Any:
        raise OSError("before")

    traced.app.wsgi_app = middleware  # type: ignore[method-assign]
    with pytest.raises(OSError, match="before"):
        traced.app(environ("/user/1"), lambda *_: None)
    span = traced.only_span()
    assert (span.name, span.status, span.attributes["error.type"]) == ("GET", "ERROR", "OSError")


def test_a_mounted_app_has_one_span_with_the_whole_route(traced: Traced) -> None:
    """http.route includes the place where the app is mounted."""
    api = make_app(traced.recorder)
    traced.app.wsgi_app = DispatcherMiddleware(traced.app.wsgi_app, {"/api/v1": api})  # type: ignore[method-assign]
    assert traced.client.get("/api/v1/user/7").data == b"user 7"
    span = traced.only_span()
    assert (span.name, span.attributes["url.path"]) == ("GET /api/v1/user/<int:uid>", "/api/v1/user/7")


def test_blueprints_have_their_prefix(traced: Traced) -> None:
    """The route is the one that Flask matched."""
    blueprint = flask.Blueprint("b", __name__)
    blueprint.add_url_rule("/item/<name>", view_func=lambda name: name)
    traced.app.register_blueprint(blueprint, url_prefix="/shop")
    traced.client.get("/shop/item/x")
    assert traced.only_span().name == "GET /shop/item/<name>"


def test_the_caller_is_the_parent(traced: Traced) -> None:
    """A traceparent header makes the span part of the caller's trace."""
    traced.client.get("/child", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
    child, server = traced.recorder.take()
    assert (server.trace_id, server.parent_id) == (int("ab" * 16, 16), int("cd" * 8, 16))
    assert child.parent_id == server.span_id


def test_hostile_trace_headers_cost_nothing(traced: Traced) -> None:
    """Whatever stands in them, the answer is 200."""
    assert traced.client.get("/child", headers={"traceparent": "\x80" * 20, "baggage": "=;,"}).status_code == 200
    assert len(traced.recorder.take()) == 2


@with_settings(flask_excluded_urls=("healthz",))
def test_an_excluded_url_hides_everything_below(traced: Traced) -> None:
    """P37 and P38: no orphans below, and only whole segments of the path match."""
    traced.client.get("/healthz")
    assert traced.recorder.take() == []
    traced.client.get("/api/unhealthz")
    traced.client.get("/user/1?next=/healthz")
    assert [span.name for span in traced.recorder.take()] == ["GET /api/unhealthz", "GET /user/<int:uid>"]


def test_below_an_excluded_url_even_always_on_sees_an_unsampled_parent() -> None:
    """Instrumentors are told by the suppression key, other code by the parent's flags."""
    recorder = Recorder(sampler=ALWAYS_ON)
    try:
        traced = Traced(recorder, flask_excluded_urls=("healthz",))
        seen = []
        traced.app.add_url_rule("/healthz/flags", view_func=lambda: seen.append(trace.get_current_span()) or "x")
        traced.client.get("/healthz/flags")
        (span,) = seen
        assert not span.is_recording()
        assert not span.get_span_context().trace_flags.sampled
    finally:
        patch.uninstrument()


@with_settings(exclude_health_checks=True)
def test_health_checks_are_left_out_by_one_switch(traced: Traced) -> None:
    """The usual paths, exactly."""
    traced.client.get("/healthz")
    traced.client.get("/api/unhealthz")
    assert [span.name for span in traced.recorder.take()] == ["GET /api/unhealthz"]


def test_forwarded_headers_say_who_the_client_is(traced: Traced) -> None:
    """Forwarded wins over X-Forwarded-*; addresses and ports are apart."""
    headers = {
        "Forwarded": 'for="[2001:db8::1]:4711";host=shop.example:444;proto=https, for=10.0.0.1',
        "X-Forwarded-For": "192.0.2.9",
    }
    traced.client.get("/user/1", headers=headers)
    found = traced.only_span().attributes
    assert found["client.address"] == "2001:db8::1"
    assert (found["server.address"], found["server.port"], found["url.scheme"]) == ("shop.example", 444, "https")
    assert found["network.peer.address"] == "127.0.0.1"


@with_settings(forwarded_headers=False)
def test_forwarded_headers_can_be_distrusted(traced: Traced) -> None:
    """One switch, since a client can forge them."""
    traced.client.get("/user/1", headers={"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "https"})
    found = traced.only_span().attributes
    assert (found["client.address"], found["url.scheme"]) == ("127.0.0.1", "http")


def test_secrets_in_the_query_are_hidden(traced: Traced) -> None:
    """Names stay, values go; also under names that are percent-encoded."""
    traced.client.get("/user/1?token=s1&sig=s2&X-Amz-Signature=s3&to%6ben=s4&page=2&AWSAccessKeyId=s5")
    assert traced.only_span().attributes["url.query"] == (
        "token=REDACTED&sig=REDACTED&X-Amz-Signature=REDACTED&to%6ben=REDACTED&page=2&AWSAccessKeyId=REDACTED"
    )


@with_settings(server_request_headers=("x-.*", "cookie"), server_response_headers=("content-type", "set-cookie"))
def test_captured_headers_keep_their_dashes_and_lose_their_secrets(traced: Traced) -> None:
    """Lists of text under lower-case names; cookies and tokens are redacted without further setting."""
    traced.client.set_cookie("id", "s3cret")
    traced.client.get("/user/1", headers={"X-A": "1", "X-Auth-Token": "s3cret"})
    found = traced.only_span().attributes
    assert found["http.request.header.x-a"] == ["1"]
    assert found["http.request.header.x-auth-token"] == ["[REDACTED]"]
    assert found["http.request.header.cookie"] == ["[REDACTED]"]
    assert found["http.response.header.content-type"] == ["text/html; charset=utf-8"]


@with_settings(semconv_opt_in=("http/dup",))
def test_dup_gives_both_sets(traced: Traced) -> None:
    """Old and new names side by side."""
    traced.client.get("/user/1?a=1")
    found = traced.only_span().attributes
    assert (found["http.method"], found["http.request.method"]) == ("GET", "GET")
    assert (found["http.status_code"], found["http.response.status_code"]) == (200, 200)
    assert (found["http.target"], found["url.path"]) == ("/user/1?a=1", "/user/1")


@with_settings(semconv_opt_in=())
def test_the_old_set_alone(traced: Traced) -> None:
    """For back ends that know no other."""
    traced.client.get("/user/1")
    found = traced.only_span().attributes
    assert found["http.method"] == "GET"
    assert found["http.route"] == "/user/<int:uid>"
    assert not [key for key in found if key.startswith(("url.", "http.request", "http.response", "server."))]


@with_settings(response_headers=True)
def test_the_response_can_name_its_trace(traced: Traced) -> None:
    """traceresponse and Server-Timing carry the ids of the server span."""
    response = traced.client.get("/user/1")
    span = traced.only_span()
    text = f"00-{span.trace_id:032x}-{span.span_id:016x}-03"
    assert response.headers["traceresponse"][:52] == text[:52]
    assert "traceparent;desc=" in response.headers["Server-Timing"]


def test_hooks_that_raise_do_not_reach_the_app() -> None:
    """request_hook and response_hook get upstream's arguments, and their failures stay here."""
    seen: list[str] = []

    def request_hook(span: Any, environ: Any) -> None:
        seen.append(flask.request.path)
        raise RuntimeError("hook")

    def response_hook(span: Any, status: str, headers: Any) -> None:
        seen.append(status)
        span.set_attribute("mine", True)
        raise RuntimeError("hook")

    recorder = Recorder()
    try:
        traced = Traced(recorder, options={"request_hook": request_hook, "response_hook": response_hook})
        assert traced.client.get("/user/1").status_code == 200
        assert seen == ["/user/1", "200 OK"]
        assert traced.only_span().attributes["mine"] is True
    finally:
        patch.uninstrument()


def test_an_app_that_upstream_instruments_is_left_alone(traced: Traced) -> None:
    """The app has chosen; there is one server span, not two."""
    traced.app._is_instrumented_by_opentelemetry = True  # type: ignore[attr-defined]
    traced.client.get("/user/1")
    assert traced.recorder.take() == []


def test_one_app_alone() -> None:
    """instrument_app traces that app, uninstrument_app ends it, other apps stay untouched."""
    recorder = Recorder()
    app, other = make_app(recorder), make_app(recorder)
    patch.instrument_app(app, Settings(), tracer_provider=recorder.provider)
    try:
        app.test_client().get("/user/1")
        other.test_client().get("/user/1")
        assert len(recorder.take()) == 1
        patch.uninstrument_app(app)
        app.test_client().get("/user/1")
        assert recorder.take() == []
    finally:
        patch.uninstrument()


def test_uninstrument_puts_everything_back() -> None:
    """The class is as it was before."""
    before = dict(vars(flask.Flask))
    patch.instrument(Settings())
    assert vars(flask.Flask)["wsgi_app"] is not before["wsgi_app"]
    patch.uninstrument()
    assert dict(vars(flask.Flask)) == before


@with_settings(explain=True, exclude_health_checks=True)
def test_one_line_says_why_a_request_is_traced_or_not(traced: Traced, capfd: pytest.CaptureFixture[str]) -> None:
    """The debug switch."""
    traced.client.get("/user/1")
    span = traced.only_span()
    traced.client.get("/healthz")
    traced.client.get("/user/1", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-00"})
    assert capfd.readouterr().err.splitlines() == [
        f"otel-distro: GET /user/1 is traced (a new trace), trace {span.trace_id:032x}",
        "otel-distro: GET /healthz is not traced: its path is excluded",
        f"otel-distro: GET /user/1 is not traced: not sampled (its caller did not sample), trace {'ab' * 16}",
    ]


@with_settings(flask_traced_request_attrs=("path", "url_rule.endpoint", "nothing.there"))
def test_request_attributes_are_copied(traced: Traced) -> None:
    """OTEL_PYTHON_FLASK_TRACED_REQUEST_ATTRS."""
    traced.client.get("/user/1")
    found = traced.only_span().attributes
    assert (found["path"], found["url_rule.endpoint"], "nothing.there" in found) == ("/user/1", "user", False)


def test_a_generator_that_is_thrown_away_leaves_nothing_behind(traced: Traced) -> None:
    """Its spans end in the context that is current then; the next request is a root again."""

    def requests() -> list[PlainSpan]:
        body = traced.app(environ("/stream/whole"), lambda *_: None)
        next(iter(body))
        del body
        traced.client.get("/user/1")
        return traced.recorder.take()

    found = contextvars.copy_context().run(requests)
    assert [(span.kind, span.parent_id) for span in found if span.name.startswith("GET")] == [("SERVER", None)] * 2


def test_metrics_when_metrics_are_on() -> None:
    """Duration and active requests, with the attributes of the conventions."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    recorder = Recorder()
    try:
        traced = Traced(recorder, options={"meter_provider": provider})
        traced.client.get("/user/1")
        traced.client.get("/boom")
        data = reader.get_metrics_data()
    finally:
        patch.uninstrument()
        provider.shutdown()
    (scope,) = data.resource_metrics[0].scope_metrics
    metrics = {metric.name: list(metric.data.data_points) for metric in scope.metrics}
    durations = {point.attributes["http.route"]: point for point in metrics["http.server.request.duration"]}
    assert dict(durations["/user/<int:uid>"].attributes) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "http.response.status_code": 200,
        "http.route": "/user/<int:uid>",
    }
    assert durations["/boom"].attributes["error.type"] == "ValueError"
    assert durations["/boom"].exemplars[0].trace_id in [span.trace_id for span in recorder.take()]
    assert [point.value for point in metrics["http.server.active_requests"]] == [0]


def test_what_sql_comments_may_say() -> None:
    """Upstream's enable_commenter: the tags are where its database instrumentors look, and only during a request."""
    from opentelemetry import context

    recorder = Recorder()
    try:
        options = {"enable_commenter": True, "commenter_options": {"framework": False}}
        traced = Traced(recorder, options=options)
        seen = []
        key = "SQLCOMMENTER_ORM_TAGS_AND_VALUES"
        traced.app.add_url_rule("/tags", view_func=lambda: seen.append(context.get_value(key)) or "x")
        traced.client.get("/tags")
        assert seen == [{"controller": "<lambda>", "route": "/tags"}]
        assert context.get_value(key) is None
    finally:
        patch.uninstrument()


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


def test_behind_a_plain_wsgi_server(traced: Traced) -> None:
    """wsgiref gives no raw path: it is made from SCRIPT_NAME and PATH_INFO, percent-encoded."""
    with make_server("127.0.0.1", 0, traced.app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/user/1?b=%20", timeout=5).read()
        thread.join(5)
    found = traced.only_span().attributes
    assert (found["url.path"], found["url.query"]) == ("/user/1", "b=%20")
    assert found["server.port"] == server.server_port


def test_an_absolute_target_leaves_no_credentials(traced: Traced) -> None:
    """A request target with user and password, as proxies get it, is reduced to its path."""
    given = {**environ("/user/1"), "RAW_URI": "http://bob:pw@example.com/user/1?x=1", "HTTP_HOST": "u:p@h.example:81"}
    b"".join(traced.app(given, lambda *_: None))
    found = traced.only_span().attributes
    assert (found["url.path"], found["server.address"], found["server.port"]) == ("/user/1", "h.example", 81)
    assert "pw" not in str(found)


def environ(path: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
