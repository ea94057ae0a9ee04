# SPDX-License-Identifier: Apache-2.0
"""CLIENT spans of outgoing HTTP requests, whatever library sends them.

Source: OpenTelemetry semantic conventions 1.44, HTTP client span and http.client.request.duration.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opentelemetry import propagate
from opentelemetry.context import (
    _SUPPRESS_HTTP_INSTRUMENTATION_KEY,
    _SUPPRESS_INSTRUMENTATION_KEY,
    Context,
)
from opentelemetry.trace import SpanKind
from opentelemetry.trace.status import Status, StatusCode

from otel_distro.instrumentation import exclusion, old_names
from otel_distro.instrumentation.current import SPAN_KEY, attach, detach, get_current
from otel_distro.instrumentation.exceptions import type_name
from otel_distro.instrumentation.http_attributes import HeaderCapture, split_host
from otel_distro.instrumentation.redaction import Redactor
from otel_distro.runtime import guard
from otel_distro.runtime.clock import monotonic_s

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Span, Tracer

    from otel_distro.settings.settings import InstrumentationSettings

_ERROR = Status(StatusCode.ERROR)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_VERSIONS = {9: "0.9", 10: "1.0", 11: "1.1", 20: "2"}
_BOUNDARIES_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


class HttpClient:
    """Makes the CLIENT spans of one library. Immutable after it is made; used from any thread."""

    def __init__(
        self,
        tracer: Tracer,
        settings: InstrumentationSettings,
        excluded_urls: Iterable[str] = (),
        meter: Meter | None = None,
    ) -> None:
        """meter: None when nobody collects metrics."""
        self._tracer = tracer
        self._known = {method: method for method in settings.known_methods}
        self._keeps_unknown = settings.capture_all_methods
        self._is_excluded = exclusion.matcher(excluded_urls)
        self._names = old_names.wanted(settings.semconv_opt_in, "http")
        redactor = Redactor(settings.redact, settings.sanitize_fields)
        self._redact = redactor.url
        self._request_headers = _capture(settings.client_request_headers, "request", redactor)
        self._response_headers = _capture(settings.client_response_headers, "response", redactor)
        self._duration = None
        if meter is not None:
            self._duration = meter.create_histogram(
                "http.client.request.duration",
                unit="s",
                description="Duration of HTTP client requests.",
                explicit_bucket_boundaries_advisory=_BOUNDARIES_S,
            )

    def begin(self, method: str, url: str, headers: MutableMapping[str, str], attempt: int = 0) -> ClientRequest | None:
        """Start the span of a request and put its trace context into headers.

        None when this request is not to be traced: it is the exporter's own, that of a library below one that
        has made a span already, or excluded. attempt: number of requests already made for the same purpose.
        """
        context = get_current()
        if context.get(_SUPPRESS_INSTRUMENTATION_KEY) or context.get(_SUPPRESS_HTTP_INSTRUMENTATION_KEY):
            return None
        scheme, address, port, path = _parts(url)
        if self._is_excluded is not None and self._is_excluded(path):
            return None
        known = self._known.get(method) or self._known.get(method.upper())
        attributes: dict[str, Any] = {
            "http.request.method": known or (method if self._keeps_unknown else "_OTHER"),
            "url.full": self._redact(url) if "?" in url or "@" in url or "#" in url else url,
            "server.address": address,
        }
        if known != method and not (known is None and self._keeps_unknown):
            attributes["http.request.method_original"] = method
        if port is not None:
            attributes["server.port"] = port
        if attempt:
            attributes["http.request.resend_count"] = attempt
        if self._request_headers is not None:
            self._request_headers.from_pairs(headers.items(), attributes)
        name = attributes["http.request.method"]
        request = ClientRequest()
        request._client = self
        if self._duration is not None:
            request._measured = {"http.request.method": name, "server.address": address, "url.scheme": scheme}
            request._started_s = monotonic_s()
            if port is not None:
                request._measured["server.port"] = port
        span = self._tracer.start_span(
            "HTTP" if name == "_OTHER" else name,
            context,
            SpanKind.CLIENT,
            attributes if self._names == "stable" else old_names.client(attributes, self._names),
        )
        request.span = span
        below = Context({**context, SPAN_KEY: span, _SUPPRESS_HTTP_INSTRUMENTATION_KEY: True})
        request._token = attach(below)
        guard.call("outbound trace context", propagate.inject, headers, below)
        return request


class ClientRequest:
    """A request that is under way. end() must be called once, where begin() was."""

    span: Span
    _client: HttpClient
    _token: Any
    _measured: dict[str, Any] | None = None
    _started_s: float = 0.0

    def end(
        self,
        status_code: int = 0,
        error: BaseException | None = None,
        version: int | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """status_code: 0 when there was no answer. version: as http.client has it, 11 for HTTP/1.1."""
        detach(self._token)
        client, span = self._client, self.span
        attributes: dict[str, Any] = {}
        failure = None
        if status_code:
            attributes["http.response.status_code"] = status_code
            if status_code >= 400:
                failure = str(status_code)
        if error is not None:
            failure = type_name(error)
        if failure is not None:
            attributes["error.type"] = failure
        protocol = _VERSIONS.get(version or 0)
        if protocol is not None:
            attributes["network.protocol.version"] = protocol
        if self._measured is not None and client._duration is not None:
            measured = {**self._measured, **attributes}
            client._duration.record(monotonic_s() - self._started_s, measured, Context({SPAN_KEY: span}))
        if not span.is_recording():
            return
        if client._response_headers is not None:
            client._response_headers.from_pairs(headers, attributes)
        if failure is not None:
            span.set_status(_ERROR)
        span.set_attributes(attributes if client._names == "stable" else old_names.client(attributes, client._names))
        span.end()


def _capture(names: Iterable[str], what: str, redactor: Redactor) -> HeaderCapture | None:
    names = tuple(names)
    return HeaderCapture(names, f"http.{what}.header.", redactor) if names else None


@lru_cache(256)
def _parts(url: str) -> tuple[str, str, int | None, str]:
    """Scheme, host, port and path of an absolute URL; the scheme's own port when none is given."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    authority = authority.partition("?")[0].partition("#")[0]
    address, port = split_host(authority)
    scheme = scheme.lower()
    return scheme, address or "", port or _DEFAULT_PORTS.get(scheme), slash + path.partition("?")[0]
