# SPDX-License-Identifier: Apache-2.0
"""SERVER spans: one for each request, from before the first middleware until the response is through.

Every request runs through here, so the common path makes few calls: what is rare has functions of its own.
Source: OpenTelemetry semantic conventions 1.44, HTTP server span.
"""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind
from opentelemetry.trace.status import Status, StatusCode

from otel_distro.instrumentation import exceptions, exclusion, old_names
from otel_distro.instrumentation.current import SPAN_KEY, attach, detach, get_current, with_span
from otel_distro.instrumentation.http_attributes import HeaderCapture, HttpAttributes, path_of
from otel_distro.instrumentation.http_metrics import ServerMetrics
from otel_distro.instrumentation.inbound import Inbound
from otel_distro.instrumentation.redaction import Redactor
from otel_distro.runtime import log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Span, Tracer

    from otel_distro.instrumentation.http_metrics import MeasuredRequest
    from otel_distro.settings.settings import InstrumentationSettings

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

REQUEST_KEY = "otel_distro.request"
"""Where a WSGI environ holds its ServerRequest: a mounted app adds to the span of the app around it."""

IN_REQUEST_KEY = "otel-distro-server-request"
"""Context key of the ServerRequest that everything below belongs to."""

_ERROR = Status(StatusCode.ERROR)
_SERVER = SpanKind.SERVER
_RESPONSE_PROPAGATORS = "opentelemetry.instrumentation.propagators"
_NO_ENVIRON: dict[str, Any] = {}
_put = dict.__setitem__  # a Context is not to be changed, but the one this is used for is new
_random = random.SystemRandom()


class HttpServer:
    """Makes the SERVER spans of one framework. Immutable after it is made; used from any thread."""

    def __init__(
        self,
        tracer: Tracer,
        settings: InstrumentationSettings,
        excluded_urls: Iterable[str],
        meter: Meter | None = None,
        at_first_request: Callable[[], object] = bool,
    ) -> None:
        """meter: None when nobody collects metrics, and then nothing is spent on them.

        at_first_request: called once, when the app is complete.
        """
        redactor = Redactor(settings.redact, settings.sanitize_fields)
        self._tracer = tracer
        self._is_excluded = exclusion.matcher(excluded_urls, settings.exclude_health_checks)
        self._attributes = HttpAttributes(settings, redactor)
        self._inbound = Inbound()
        self._explains = settings.explain
        self._at_first_request = at_first_request
        self._has_served = False
        self._metrics = None if meter is None else ServerMetrics(meter)
        self.names = old_names.wanted(settings.semconv_opt_in, "http")
        self.names_trace = settings.response_headers
        captured = settings.server_response_headers
        self.captured = HeaderCapture(captured, "http.response.header.", redactor) if captured else None

    def begin(self, environ: Mapping[str, Any]) -> ServerRequest:
        """Start the span of a request, and make it current until leave(); see ServerRequest."""
        if not self._has_served:
            self._has_served = True
            self._at_first_request()
        path = path_of(environ)
        if self._is_excluded is not None and self._is_excluded(path):
            return self._begin_excluded(environ, path)
        outer = get_current()
        kind = _SERVER
        if SPAN_KEY in outer:
            if not _is_over(outer):
                kind = SpanKind.INTERNAL  # a request that the app makes to itself, as with a test client
            else:  # left behind in this thread by a generator that was thrown away
                outer = Context()
        if kind is _SERVER:
            outer = self._inbound.extract(environ, outer)
        attributes = self._attributes.of(environ, path)
        method = attributes["http.request.method"]
        request = ServerRequest()
        request._server = self
        request._target = target = method if method != "_OTHER" else "HTTP"
        if self._metrics is not None:
            request._measured = self._metrics.begin(attributes)
        if self.names != "stable":
            attributes = old_names.server(attributes, self.names)
        request.span = span = self._tracer.start_span(target, outer, kind, attributes)
        inner = with_span(outer, span)
        _put(inner, IN_REQUEST_KEY, request)
        request._token = attach(inner)
        if self._explains:
            _say(environ, path, _why(span, outer))
        return request

    def _begin_excluded(self, environ: Mapping[str, Any], path: str) -> ServerRequest:
        """Nothing is traced below it, whatever the sampler: no sampled parent, and instrumentors are told."""
        request = ServerRequest()
        request._server = self
        context = SpanContext(_random.getrandbits(128) or 1, _random.getrandbits(64) or 1, is_remote=False)
        request.span = span = NonRecordingSpan(context)
        more = {SPAN_KEY: span, _SUPPRESS_INSTRUMENTATION_KEY: True, IN_REQUEST_KEY: request}
        request._token = attach(Context({**get_current(), **more}))
        if self._explains:
            _say(environ, path, "is not traced: its path is excluded")
        return request


class ServerRequest:
    """A request that is being served.

    HttpServer.begin() has made its context current; leave() takes it back, in the same thread or task, when
    the app returns; finish() ends the span, in any thread. A streaming response lies between the two.

    Whoever serves it sets: status_code; route, the matched template with script name and leading slash;
    is_complete, whether the framework has handed over the whole body; environ and tracing, for itself.
    """

    span: Span
    status_code: int = 0
    route: str | None = None
    is_complete: bool = False
    environ: dict[str, Any]
    tracing: Any = None
    is_over: bool = False

    _server: HttpServer
    _target: str = ""
    _token: Any = None
    _error: str | None = None
    _recorded: int = 0
    _measured: MeasuredRequest | None = None

    def is_quiet(self) -> bool:
        """Whether nobody will see anything of this request."""
        return self._measured is None and not self.span.is_recording() and not self._server.names_trace

    def enter(self, context: Context) -> None:
        """Make context current, until leave()."""
        self._token = attach(context)

    def leave(self) -> Context:
        """Take the request's context back, and return it for what is still to come, as a streamed body."""
        context = get_current()
        token = self._token
        if token is not None:
            self._token = None
            detach(token)
        return context

    def headers(self, sent: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Put wanted response headers on the span, and return those to add to the response."""
        server = self._server
        if server.captured is not None and self.span.is_recording():
            attributes: dict[str, Any] = {}
            server.captured.from_pairs(sent, attributes)
            self.span.set_attributes(attributes)
        return _trace_headers(self.span) if server.names_trace else []

    def fail(self, error: BaseException) -> None:
        """Note an exception that the app did not handle: once as an event, and its type as error.type."""
        self._error = exceptions.type_name(error)
        exceptions.hide_frames(error)
        if not self.has_recorded(error) and self.span.is_recording():
            exceptions.record(self.span, error)

    def has_recorded(self, error: BaseException) -> bool:
        """Whether this exception is an event of the request already; if not, the caller now makes one."""
        if self._recorded == id(error):
            return True
        self._recorded = id(error)
        return False

    def finish(self) -> None:
        """End the span. The second and every later call does nothing."""
        if self.is_over:
            return
        self.is_over = True
        self.environ = _NO_ENVIRON  # which refers to this request
        span, measured = self.span, self._measured
        recording = span.is_recording()
        if not recording and measured is None:
            return
        attributes: dict[str, Any] = {}
        status_code, error, route = self.status_code, self._error, self.route
        if status_code:
            attributes["http.response.status_code"] = status_code
            if status_code >= 500 and error is None:
                error = str(status_code)
        if error is not None:
            attributes["error.type"] = error
        if route is not None:
            attributes["http.route"] = route
        if measured is not None:
            measured.end(attributes, span)
        if not recording:
            return
        if route is not None:
            span.update_name(f"{self._target} {route}")
        if error is not None:
            span.set_status(_ERROR)
        if self._server.names != "stable":
            attributes = old_names.server(attributes, self._server.names)
        span.set_attributes(attributes)
        span.end()


def response_propagator() -> Callable[..., None] | None:
    """What upstream's set_global_response_propagator was given; None unless the app has used it."""
    module = sys.modules.get(_RESPONSE_PROPAGATORS)
    propagator = None if module is None else module.get_global_response_propagator()
    return None if propagator is None else propagator.inject


def _is_over(context: Context) -> bool:
    """Whether the current context is a leftover: its request or its span has ended."""
    request: Any = context.get(IN_REQUEST_KEY)
    return (request is not None and request.is_over) or getattr(context[SPAN_KEY], "end_time", None) is not None


def _trace_headers(span: Span) -> list[tuple[str, str]]:
    """traceresponse and Server-Timing, which tell the client its trace."""
    found = span.get_span_context()
    if not found.is_valid:
        return []
    text = f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"
    return [("traceresponse", text), ("Server-Timing", f'traceparent;desc="{text}"')]


def _say(environ: Mapping[str, Any], path: str, why: str) -> None:
    log.write_line(f"otel-distro: {environ.get('REQUEST_METHOD')} {path} {why}")


def _why(span: Span, context: Context) -> str:
    found = span.get_span_context()
    if not found.is_valid:
        return "is not traced: there is no tracer provider"
    parent: Any = context.get(SPAN_KEY)
    whose = "a new trace"
    if parent is not None:
        sampled = parent.get_span_context().trace_flags.sampled
        whose = "its caller sampled" if sampled else "its caller did not sample"
    verdict = "is traced" if found.trace_flags.sampled else "is not traced: not sampled"
    return f"{verdict} ({whose}), trace {found.trace_id:032x}"
