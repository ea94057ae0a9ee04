# SPDX-License-Identifier: Apache-2.0
"""Requests sent with the requests library: one CLIENT span for each hop of a redirect."""

from __future__ import annotations

from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation import first_party
from otel_distro.instrumentation.patching import Patches
from otel_distro.runtime import guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.instrumentation.http_client import ClientRequest, HttpClient
    from otel_distro.settings.settings import Settings

_patches = Patches()
_attempts: ContextVar[list[int] | None] = ContextVar("otel_distro_requests_attempts", default=None)


def instrument(settings: Settings, **options: Any) -> None:
    """Trace everything that requests sends.

    options: those of upstream's RequestsInstrumentor: tracer_provider, meter_provider, excluded_urls,
    request_hook (span, request), response_hook (span, request, response).
    """
    client = first_party.http_client("requests", settings, options)
    hooks = first_party.hook(options, "request_hook"), first_party.hook(options, "response_hook")
    _patches.wrap(import_module("requests.sessions").Session, "send", _session_send)
    _patches.wrap(import_module("requests.adapters").HTTPAdapter, "send", _adapter_send(client, *hooks))


def uninstrument() -> None:
    """Put everything back as it was."""
    _patches.undo()


def _session_send(original: Any) -> Any:
    """Counts what is sent for one call of the user: redirects and answers to a challenge come through again."""

    def send(self: Any, request: Any, **kwargs: Any) -> Any:
        if _attempts.get() is not None and not kwargs.get("allow_redirects", True):
            return original(self, request, **kwargs)
        token = _attempts.set([0])
        try:
            return original(self, request, **kwargs)
        finally:
            _attempts.reset(token)

    return send


def _adapter_send(
    client: HttpClient, request_hook: Callable[..., Any] | None, response_hook: Callable[..., Any] | None
) -> Any:
    def make(original: Any) -> Any:
        def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            sent = guard.call("the span of an outgoing request", _begin, client, request, request_hook)
            if sent is None:
                return original(self, request, *args, **kwargs)
            try:
                response = original(self, request, *args, **kwargs)
            except BaseException as error:
                guard.call("the span of a failed request", sent.end, 0, error)
                raise
            if response_hook is not None and sent.span.is_recording():
                guard.call("response_hook", response_hook, sent.span, request, response)
            guard.call("the span of an answered request", _end, sent, response)
            return response

        return send

    return make


def _begin(client: HttpClient, request: Any, request_hook: Callable[..., Any] | None) -> ClientRequest | None:
    attempts = _attempts.get()
    attempt = 0
    if attempts is not None:
        attempt = attempts[0]
        attempts[0] += 1
    sent = client.begin(request.method or "", request.url or "", request.headers, attempt)
    if sent is not None and request_hook is not None and sent.span.is_recording():
        guard.call("request_hook", request_hook, sent.span, request)
    return sent


def _end(sent: ClientRequest, response: Any) -> None:
    sent.end(response.status_code, None, getattr(response.raw, "version", None), response.headers.items())
