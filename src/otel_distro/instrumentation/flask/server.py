# SPDX-License-Identifier: Apache-2.0
"""The SERVER span of a Flask request: around the WSGI call, so sessions and WSGI middleware are inside."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.context import Context
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import ClosingIterator

from otel_distro.instrumentation import request_attributes
from otel_distro.instrumentation.current import attach, detach, get_current
from otel_distro.instrumentation.flask.layers import place_of
from otel_distro.instrumentation.http_server import IN_REQUEST_KEY, REQUEST_KEY, response_propagator
from otel_distro.instrumentation.streaming import Body
from otel_distro.runtime import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_distro.instrumentation.http_server import HttpServer, ServerRequest

    WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]

APP_KEY = "_otel_distro_tracing"
"""Where an application object holds a Tracing of its own; None there means that it is not traced."""

COMMENT_TAGS_KEY = "SQLCOMMENTER_ORM_TAGS_AND_VALUES"
"""Where upstream's database instrumentors look for what a comment may say."""

FOREIGN_MARK = "_is_instrumented_by_opentelemetry"
"""Set on an application object by upstream's FlaskInstrumentor: the app has chosen that one itself."""


class Tracing(NamedTuple):
    """How applications are traced.

    request_hook: (span, environ), called inside Flask's request context.
    response_hook: (span, status, headers). traced_attributes: of Flask's request, read when the response is there.
    comments: what SQL comments of other packages may say: framework, controller, route.
    """

    http: HttpServer
    request_hook: Callable[..., Any] | None = None
    response_hook: Callable[..., Any] | None = None
    traced_attributes: tuple[str, ...] = ()
    comments: frozenset[str] = frozenset()


_of_all: Tracing | None = None


def trace_all(tracing: Tracing | None) -> None:
    """How every application without a Tracing of its own is traced; None: not at all."""
    global _of_all
    _of_all = tracing


def call(original: Any) -> Any:
    """A wrapper maker for Flask.__call__: what stands in for wsgi_app on an object is inside the span too."""

    def wrapper(self: Any, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        __traceback_hide__ = True  # noqa: F841 - debug pages leave such frames out
        own = self.__dict__
        tracing = own.get(APP_KEY, _of_all)
        if tracing is None or "wsgi_app" not in own or REQUEST_KEY in environ or FOREIGN_MARK in own:
            return original(self, environ, start_response)  # type: ignore[no-any-return]
        return serve(tracing, original.__get__(self), environ, start_response, may_change_status=True)

    return wrapper


def wsgi_app(original: Any) -> Any:
    """A wrapper maker for Flask.wsgi_app, which makes the span unless it has been made around it."""

    def wrapper(self: Any, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        __traceback_hide__ = True  # noqa: F841 - debug pages leave such frames out
        own = self.__dict__
        tracing = own.get(APP_KEY, _of_all)
        if tracing is None or REQUEST_KEY in environ or FOREIGN_MARK in own:
            return original(self, environ, start_response)  # type: ignore[no-any-return]
        return serve(tracing, original.__get__(self), environ, start_response)

    return wrapper


def serve(
    tracing: Tracing,
    app: WsgiApp,
    environ: dict[str, Any],
    start_response: Any,
    *,
    may_change_status: bool = False,
) -> Iterable[bytes]:
    """Call a WSGI app inside a SERVER span. What the app returns and raises is passed on.

    may_change_status: there is WSGI middleware in it, which may answer in Flask's stead.
    """
    __traceback_hide__ = True  # noqa: F841 - debug pages leave such frames out
    request = guard.call("the span of a request", tracing.http.begin, environ)
    if request is None:
        return app(environ, start_response)
    environ[REQUEST_KEY] = request
    request.environ = environ
    request.tracing = tracing
    if may_change_status:
        start_response = _watched(start_response, request)
    try:
        body = app(environ, start_response)
    except BaseException as error:
        request.leave()
        guard.call("the span of a failed request", _fail, request, error)
        raise
    followed = guard.call("the span of a response body", _follow, body, request)
    return body if followed is None else followed


def _watched(start_response: Any, request: ServerRequest) -> Any:
    def watch(status: str, *more: Any) -> Any:
        if status[:3].isdecimal():
            request.status_code = int(status[:3])
        return start_response(status, *more)

    return watch


def handle_exception(original: Any) -> Any:
    """A wrapper maker for Flask.handle_exception, which gets every exception that no handler has taken."""

    def wrapper(self: Any, e: Exception) -> Any:
        request: Any = get_current().get(IN_REQUEST_KEY)
        if request is not None:
            guard.call("an exception could not be recorded", request.fail, e)
        return original(self, e)

    return wrapper


def finalize_request(original: Any) -> Any:
    """A wrapper maker for Flask.finalize_request, which makes the response object."""

    def wrapper(self: Any, rv: Any, *args: Any, **kwargs: Any) -> Any:
        response = original(self, rv, *args, **kwargs)
        request: Any = get_current().get(IN_REQUEST_KEY)
        if request is not None:
            guard.call("the span of a response", _respond, request, self, rv, response)
        return response

    return wrapper


def full_dispatch_request(original: Any) -> Any:
    """A wrapper maker for Flask.full_dispatch_request: the user's request hook, and what SQL comments may say."""
    from flask import request

    def wrapper(self: Any) -> Any:
        tracing: Tracing | None = self.__dict__.get(APP_KEY, _of_all)
        context = get_current()
        served: Any = context.get(IN_REQUEST_KEY)
        if tracing is None or served is None or not served.span.is_recording():
            return original(self)
        if tracing.request_hook is not None:
            guard.call("request_hook", tracing.request_hook, served.span, request.environ)
        if not tracing.comments:
            return original(self)
        tags = guard.call("tags of SQL comments", _comment_tags, request, tracing.comments) or {}
        token = attach(Context({**context, COMMENT_TAGS_KEY: tags}))
        try:
            return original(self)
        finally:
            detach(token)

    return wrapper


@lru_cache(1)
def _flask_version() -> str:
    from importlib.metadata import version

    return version("flask")


def _comment_tags(request: Any, wanted: frozenset[str]) -> dict[str, str]:
    """For instrumentors of database libraries that write comments, under the key they know."""
    rule = request.url_rule
    found = {
        "framework": f"flask:{_flask_version()}",
        "controller": request.endpoint,
        "route": None if rule is None else rule.rule,
    }
    return {name: value for name, value in found.items() if name in wanted and value}


def _respond(request: ServerRequest, app: Any, rv: Any, response: Any) -> None:
    # an abort(404) becomes an iterator, though its text is complete
    request.is_complete = isinstance(response.response, (list, tuple)) or isinstance(rv, HTTPException)
    if request.is_quiet():
        return
    request.status_code = response.status_code
    environ = request.environ
    rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
    if rule is not None:
        mounted = environ.get("SCRIPT_NAME")
        request.route = f"{mounted.rstrip('/')}{rule.rule}" if mounted else rule.rule
        view = app.view_functions.get(rule.endpoint)
        if view is not None and request.span.is_recording():
            request.span.set_attributes(place_of(view))
    for name, value in request.headers(response.headers):
        response.headers.add(name, value)
    inject = response_propagator()
    if inject is not None:
        inject(response.headers)
    tracing: Tracing = request.tracing
    if tracing.traced_attributes:
        request_attributes.put(request.span, environ.get("werkzeug.request"), tracing.traced_attributes)
    if tracing.response_hook is not None and request.span.is_recording():
        _call_response_hook(tracing.response_hook, request, response)


def _call_response_hook(hook: Callable[..., Any], request: ServerRequest, response: Any) -> None:
    """Upstream's hooks get a list of headers, and what they append goes to the client."""
    headers = response.headers.to_wsgi_list()
    sent = len(headers)
    guard.call("response_hook", hook, request.span, response.status, headers)
    for name, value in headers[sent:]:
        response.headers.add(name, value)


def _fail(request: ServerRequest, error: BaseException) -> None:
    request.fail(error)
    request.finish()


def _follow(body: Any, request: ServerRequest) -> Iterable[bytes]:
    """The body to hand to the server: as it is when complete, else one that ends the span when it ends."""
    context = request.leave()
    kind = type(body)
    if kind is ClosingIterator:
        if not request.is_complete:
            return Body(body, request, context)
    elif kind is not list and kind is not tuple and not _is_file(body, request.environ):
        return Body(body, request, context)
    request.finish()
    return body  # type: ignore[no-any-return]


def _is_file(body: Any, environ: dict[str, Any]) -> bool:
    """Whether this must reach the server as it is, or it would not be sent with sendfile."""
    return type(body) is environ.get("wsgi.file_wrapper") or hasattr(body, "read")
