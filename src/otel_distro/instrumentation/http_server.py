# SPDX-License-Identifier: Apache-2.0
"""SERVER spans: one for each request, from before the first middleware until the response is through.

Source: OpenTelemetry semantic conventions 1.44, HTTP server span and http.server metrics.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry import propagate
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, SpanContext, SpanKind, get_current_span
from opentelemetry.trace.propagation import _SPAN_KEY
from opentelemetry.trace.status import Status, StatusCode

from otel_distro.instrumentation import exceptions, exclusion, old_names
from otel_distro.instrumentation.http_attributes import HeaderCapture, HttpAttributes, path_of
from otel_distro.instrumentation.redaction import Redactor
from otel_distro.runtime import guard, log
from otel_distro.runtime.clock import monotonic_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextvars import Token

    from opentelemetry.metrics import Meter
    from opentelemetry.propagators.textmap import TextMapPropagator
    from opentelemetry.trace import Span, Tracer

    from otel_distro.settings.settings import InstrumentationSettings

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"
REQUEST_KEY = "otel_distro.request"
"""Where a WSGI environ holds its ServerRequest: a mounted app adds to the span of the app around it."""

IN_REQUEST_KEY = "otel-distro-server-request"
"""Context key of the ServerRequest that everything below belongs to."""

_ERROR = Status(StatusCode.ERROR)
_DURATION_BOUNDARIES = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_METRIC_ATTRIBUTES = ("http.request.method", "url.scheme", "network.protocol.version")
_RESPONSE_PROPAGATORS = "opentelemetry.instrumentation.propagators"


class HttpServer:
    """Makes the SERVER spans of one framework. Immutable after it is made; used from any thread."""

    def __init__(
        self,
        tracer: Tracer,
        settings: InstrumentationSettings,
        excluded_urls: Iterable[str],
        meter: Meter | None = None,
    ) -> None:
        """meter: None when nobody collects metrics, and then nothing is spent on them."""
        redactor = Redactor(settings.redact, settings.sanitize_fields)
        self._tracer = tracer
        self._is_excluded = exclusion.matcher(excluded_urls, settings.exclude_health_checks)
        self._attributes = HttpAttributes(settings, redactor)
        self._carrier = _Carrier()
        self._explain = settings.explain
        self.names = old_names.wanted(settings.semconv_opt_in, "http")
        self.response_headers = settings.response_headers
        self.header_capture = HeaderCapture(
            settings.server_response_headers, "http.response.header.", redactor
        )
        self.metrics = None if meter is None else _Metrics(meter)

    def begin(self, environ: Mapping[str, Any]) -> ServerRequest:
        """Start the span of a request, and make it current until leave(); see ServerRequest."""
        path = path_of(environ)
        outer = context_api.get_current()
        if self._is_excluded is not None and self._is_excluded(path):
            self._say(environ, path, "is not traced: its path is excluded")
            return self._excluded_request(outer)
        method = self._attributes.method_of(environ)
        attributes = self._attributes.of(environ, method, path)
        kind = SpanKind.SERVER
        around = get_current_span(outer)
        if around is not INVALID_SPAN and not _is_over(around, outer):
            kind = SpanKind.INTERNAL  # a request that the app makes to itself, as with a test client
        else:
            if around is not INVALID_SPAN:  # left behind in this thread by a generator that was thrown away
                outer = Context()
            outer = self._carrier.extract(environ, outer)
        target = "HTTP" if method == "_OTHER" else method
        named = attributes if self.names == "stable" else old_names.server(attributes, self.names)
        span = self._tracer.start_span(target, outer, kind, named)
        request = ServerRequest(self, span, target, None if self.metrics is None else attributes)
        request.enter(Context({**outer, _SPAN_KEY: span, IN_REQUEST_KEY: request}))
        if self._explain:
            self._say(environ, path, _why(span, outer))
        return request

    def _excluded_request(self, outer: Context) -> ServerRequest:
        """Nothing is traced below it, whatever the sampler: no sampled parent, and instrumentors are told."""
        span = _unsampled()
        request = ServerRequest(self, span, "")
        more = {_SPAN_KEY: span, _SUPPRESS_INSTRUMENTATION_KEY: True, IN_REQUEST_KEY: request}
        request.enter(Context({**outer, **more}))
        return request

    def _say(self, environ: Mapping[str, Any], path: str, why: str) -> None:
        if self._explain:
            log.write_line(f"otel-distro: {environ.get('REQUEST_METHOD')} {path} {why}")


class ServerRequest:
    """A request that is being served.

    begin() has made its context current; leave() takes it back, in the same thread or task, when the app
    returns; finish() ends the span, in any thread. A streaming response lies between the two.
    """

    __slots__ = (
        "_attributes",
        "_ended",
        "_error",
        "_recorded",
        "_route",
        "_server",
        "_started_s",
        "_status_code",
        "_target",
        "_token",
        "is_complete",
        "span",
    )

    def __init__(
        self,
        server: HttpServer,
        span: Span,
        target: str,
        attributes: dict[str, Any] | None = None,
    ) -> None:
        self.span = span
        self._server = server
        self._target = target
        self._attributes = attributes
        self._route: str | None = None
        self._status_code = 0
        self._error: str | None = None
        self._recorded = 0
        self._ended = False
        self._token: Token[Context] | None = None
        self.is_complete = False  # whether the framework has handed over the whole body
        self._started_s = 0.0
        if attributes is not None and server.metrics is not None:
            self._started_s = monotonic_s()
            server.metrics.begin(attributes)

    def enter(self, context: Context) -> None:
        """Make context current, until leave()."""
        self._token = context_api.attach(context)

    def leave(self) -> Context:
        """Take the request's context back, and return it for what is still to come, as a streamed body."""
        context = context_api.get_current()
        token, self._token = self._token, None
        if token is not None:
            context_api.detach(token)
        return context

    def route(self, route: str | None) -> None:
        """Note the matched template, script name and leading slash included; None when nothing matched."""
        self._route = route

    def status(self, code: int) -> None:
        """Note the status code of the response; the last one counts."""
        self._status_code = code

    def captured(self, headers: Iterable[tuple[str, str]]) -> None:
        """Put wanted response headers on the span."""
        if self._server.header_capture.wanted and self.span.is_recording():
            attributes: dict[str, Any] = {}
            self._server.header_capture.from_pairs(headers, attributes)
            self.span.set_attributes(attributes)

    def headers_to_add(self) -> list[tuple[str, str]]:
        """traceresponse and Server-Timing, which tell the client its trace, when asked for."""
        if not self._server.response_headers:
            return []
        found = self.span.get_span_context()
        if not found.is_valid:
            return []
        text = f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"
        return [("traceresponse", text), ("Server-Timing", f'traceparent;desc="{text}"')]

    def fail(self, error: BaseException) -> None:
        """Note an exception that the app did not handle: once as an event, and its type as error.type."""
        self._error = exceptions.type_name(error)
        if self._recorded != id(error) and self.span.is_recording():
            self._recorded = id(error)
            exceptions.record(self.span, error)

    def has_recorded(self, error: BaseException) -> bool:
        """Whether a span below has this exception as an event already; if not, the caller now makes one."""
        if self._recorded == id(error):
            return True
        self._recorded = id(error)
        return False

    def is_over(self) -> bool:
        """Whether finish() has been called."""
        return self._ended

    def finish(self) -> None:
        """End the span. The second and every later call does nothing."""
        if self._ended:
            return
        self._ended = True
        span, status_code, error = self.span, self._status_code, self._error
        attributes: dict[str, Any] = {}
        if status_code:
            attributes["http.response.status_code"] = status_code
            if status_code >= 500 and error is None:
                error = str(status_code)
        if error is not None:
            attributes["error.type"] = error
        if self._route is not None:
            attributes["http.route"] = self._route
        if span.is_recording():
            self._put_on_span(span, attributes)
        if self._attributes is not None and self._server.metrics is not None:
            duration_s = monotonic_s() - self._started_s
            self._server.metrics.end(self._attributes, attributes, duration_s, self.span)
        span.end()

    def _put_on_span(self, span: Span, attributes: dict[str, Any]) -> None:
        if self._route is not None:
            span.update_name(f"{self._target} {self._route}")
        if "error.type" in attributes:
            span.set_status(_ERROR)
        if self._server.names != "stable":
            attributes = old_names.server(attributes, self._server.names)
        span.set_attributes(attributes)


class _Carrier:
    """Inbound trace context: the propagator is asked only when one of its headers is there."""

    def __init__(self) -> None:
        self._propagator: TextMapPropagator | None = None
        self._keys: tuple[str, ...] = ()

    def extract(self, environ: Mapping[str, Any], context: Context) -> Context:
        propagator = propagate.get_global_textmap()
        if propagator is not self._propagator:  # the app may set another one at any time
            self._keys = tuple(_environ_key(field) for field in propagator.fields)
            self._propagator = propagator
        for key in self._keys:
            if key in environ:
                break
        else:
            if self._keys:  # a propagator that names no fields is always asked
                return context
        found = guard.call("inbound trace context", propagator.extract, environ, context, _GETTER)
        return context if found is None else found


def _environ_key(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")


class _EnvironGetter(Getter[Any]):
    """Reads headers from a WSGI environ."""

    def get(self, carrier: Mapping[str, Any], key: str) -> list[str] | None:
        value = carrier.get(_environ_key(key))
        return None if value is None else [value]

    def keys(self, carrier: Mapping[str, Any]) -> list[str]:
        return [key[5:].lower().replace("_", "-") for key in carrier if key.startswith("HTTP_")]


_GETTER = _EnvironGetter()


class _Metrics:
    """http.server.request.duration and http.server.active_requests."""

    def __init__(self, meter: Meter) -> None:
        self._duration = meter.create_histogram(
            "http.server.request.duration",
            unit="s",
            description="Duration of HTTP server requests.",
            explicit_bucket_boundaries_advisory=_DURATION_BOUNDARIES,
        )
        self._active = meter.create_up_down_counter(
            "http.server.active_requests",
            unit="{request}",
            description="Number of active HTTP server requests.",
        )

    def begin(self, attributes: Mapping[str, Any]) -> None:
        self._active.add(1, _only(attributes, _METRIC_ATTRIBUTES[:2]))

    def end(self, first: Mapping[str, Any], last: Mapping[str, Any], duration_s: float, span: Span) -> None:
        self._active.add(-1, _only(first, _METRIC_ATTRIBUTES[:2]))
        context = Context({_SPAN_KEY: span})  # for exemplars
        self._duration.record(duration_s, {**_only(first, _METRIC_ATTRIBUTES), **last}, context)


def _only(attributes: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: attributes[key] for key in keys if key in attributes}


def _is_over(span: Span, context: Context) -> bool:
    """Whether the current context is a leftover: its request or its span has ended."""
    request: Any = context.get(IN_REQUEST_KEY)
    return (request is not None and request.is_over()) or getattr(span, "end_time", None) is not None


def _unsampled() -> NonRecordingSpan:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    ids = RandomIdGenerator()
    return NonRecordingSpan(SpanContext(ids.generate_trace_id(), ids.generate_span_id(), is_remote=False))


def _why(span: Span, context: Context) -> str:
    found = span.get_span_context()
    if not found.is_valid:
        return "is not traced: there is no tracer provider"
    parent = get_current_span(context).get_span_context()
    whose = "a new trace"
    if parent.is_valid:
        whose = "its caller sampled" if parent.trace_flags.sampled else "its caller did not sample"
    verdict = "is traced" if found.trace_flags.sampled else "is not traced: not sampled"
    return f"{verdict} ({whose}), trace {found.trace_id:032x}"


def response_propagator() -> Callable[..., None] | None:
    """What upstream's set_global_response_propagator was given; None unless the app has used it."""
    module = sys.modules.get(_RESPONSE_PROPAGATORS)
    propagator = None if module is None else module.get_global_response_propagator()
    return None if propagator is None else propagator.inject
