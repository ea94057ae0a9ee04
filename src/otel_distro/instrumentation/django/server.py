# SPDX-License-Identifier: Apache-2.0
"""The SERVER span of a Django request: around the handler, so that the first middleware is inside.

Django's MIDDLEWARE setting is not touched.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation import request_attributes
from otel_distro.instrumentation.current import get_current
from otel_distro.instrumentation.django.layers import place_of
from otel_distro.instrumentation.django.routes import route_of
from otel_distro.instrumentation.http_server import IN_REQUEST_KEY, REQUEST_KEY, response_propagator
from otel_distro.instrumentation.streaming import AsyncParts, Parts
from otel_distro.runtime import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.context import Context

    from otel_distro.instrumentation.http_server import HttpServer, ServerRequest

UPSTREAM_MIDDLEWARE = "opentelemetry.instrumentation.django.middleware.otel_middleware._DjangoMiddleware"


class DjangoServer:
    """Traces the requests of every handler of the process: WSGI, ASGI and test client."""

    def __init__(
        self,
        http: HttpServer,
        request_hook: Callable[..., Any] | None,
        response_hook: Callable[..., Any] | None,
        traced_attributes: Sequence[str],
    ) -> None:
        """request_hook: (span, request). response_hook: (span, request, response).

        traced_attributes: names of request attributes, read when the response is there; `user.id` works.
        """
        self._http = http
        self._request_hook = request_hook
        self._response_hook = response_hook
        self._traced_attributes = tuple(traced_attributes)
        self._is_foreign: bool | None = None

    def get_response(self, original: Any) -> Any:
        """A wrapper maker for BaseHandler.get_response."""

        def wrapper(handler: Any, request: Any) -> Any:
            served = guard.call("the span of a request", self._begin, request)
            if served is None:
                return original(handler, request)
            try:
                response = original(handler, request)
            except BaseException as error:
                served.leave()
                guard.call("the span of a failed request", _fail, served, error)
                raise
            context = served.leave()
            guard.call("the span of a response", self._end, served, context, request, response)
            return response

        return wrapper

    def get_response_async(self, original: Any) -> Any:
        """A wrapper maker for BaseHandler.get_response_async."""

        async def wrapper(handler: Any, request: Any) -> Any:
            served = guard.call("the span of a request", self._begin, request)
            if served is None:
                return await original(handler, request)
            try:
                response = await original(handler, request)
            except BaseException as error:
                served.leave()
                guard.call("the span of a failed request", _fail, served, error)
                raise
            context = served.leave()
            guard.call("the span of a response", self._end, served, context, request, response)
            return response

        return wrapper

    def on_exception(self, sender: Any, request: Any = None, **kwargs: Any) -> None:  # noqa: ARG002 - Django's
        """Receiver of got_request_exception: an exception that nobody has handled."""
        served: Any = get_current().get(IN_REQUEST_KEY)
        error = sys.exc_info()[1]
        if served is not None and error is not None:
            guard.call("an exception could not be recorded", served.fail, error)

    def _begin(self, request: Any) -> ServerRequest | None:
        if self._is_foreign is not False:  # Django's settings may be read only now
            self._is_foreign = _has_upstream_middleware()
            if self._is_foreign:
                return None
        environ = request.META
        outer = environ.get(REQUEST_KEY)
        if outer is not None:  # mounted below another traced app: the span is there, the route is ours
            return _Mounted(outer)  # type: ignore[return-value]
        scope = getattr(request, "scope", None)
        if scope is not None:
            environ = _with_scope(environ, scope)
        served = self._http.begin(environ)
        if self._request_hook is not None and served.span.is_recording():
            guard.call("request_hook", self._request_hook, served.span, request)
        return served

    def _end(self, served: ServerRequest, context: Context, request: Any, response: Any) -> None:
        served.status_code = response.status_code
        match = request.resolver_match
        if match is not None:
            served.route = route_of(match.route, request.META.get("SCRIPT_NAME", ""))
        for name, value in served.headers(response.items()):
            response.headers[name] = value
        inject = response_propagator()
        if inject is not None:
            inject(response)
        if served.span.is_recording():
            if match is not None:
                served.span.set_attributes(place_of(match.func))
            if self._traced_attributes:
                request_attributes.put(served.span, request, self._traced_attributes)
            if self._response_hook is not None:
                guard.call("response_hook", self._response_hook, served.span, request, response)
        if response.streaming:
            _follow(served, context, response)
        else:
            served.finish()


def _has_upstream_middleware() -> bool:
    """Whether the app has called upstream's DjangoInstrumentor itself; one server span is enough."""
    from django.conf import settings

    return UPSTREAM_MIDDLEWARE in settings.MIDDLEWARE


class _Mounted:
    """Stands for the request of the app around this one, whose span goes on when this app is done."""

    __slots__ = ("_outer",)

    def __init__(self, outer: ServerRequest) -> None:
        self._outer = outer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outer, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _Mounted.__slots__:
            object.__setattr__(self, name, value)
        else:
            setattr(self._outer, name, value)

    def leave(self) -> Context:
        return get_current()

    def finish(self) -> None:
        """The app around this one ends the span."""


def _fail(served: ServerRequest, error: BaseException) -> None:
    served.fail(error)
    served.finish()


def _follow(served: ServerRequest, context: Context, response: Any) -> None:
    """Keep the span open until the stream ends or is closed; a file that WSGI sends is closed as well."""
    parts = response._iterator
    response._iterator = (AsyncParts if response.is_async else Parts)(parts, served, context)

    def enter() -> None:  # a generator that is closed half-way takes leave of its spans in the request's context
        served.enter(context)

    def leave() -> None:
        served.leave()
        guard.call("the span of a streamed response", served.finish)

    response._resource_closers.insert(0, enter)
    response._resource_closers.append(leave)


def _with_scope(environ: dict[str, Any], scope: dict[str, Any]) -> dict[str, Any]:
    """Django's META of an ASGI request has no raw path, scheme and version; the ASGI scope has them."""
    more = {
        "SERVER_PROTOCOL": scope.get("http_version", ""),
        "wsgi.url_scheme": scope.get("scheme", "http"),
    }
    raw = scope.get("raw_path")
    if raw:
        more["RAW_URI"] = raw.decode("latin-1")
    client = scope.get("client")
    if client and client[1]:
        more["REMOTE_PORT"] = client[1]
    return {**environ, **more}
