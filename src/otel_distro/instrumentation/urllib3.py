# SPDX-License-Identifier: Apache-2.0
"""Requests sent with urllib3 itself: one CLIENT span for each call, retries and redirects included."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation import first_party
from otel_distro.instrumentation.patching import Patches
from otel_distro.runtime import guard

if TYPE_CHECKING:
    from otel_distro.instrumentation.http_client import ClientRequest, HttpClient
    from otel_distro.settings.settings import Settings

_patches = Patches()
_HEADERS_POSITION = 1  # of urlopen's arguments behind method and url: body, headers


def instrument(settings: Settings, **options: Any) -> None:
    """Trace everything that urllib3 sends on its own account.

    options: tracer_provider, meter_provider and excluded_urls of upstream's URLLib3Instrumentor.
    """
    client = first_party.http_client("urllib3", settings, options)
    _patches.wrap(import_module("urllib3.connectionpool").HTTPConnectionPool, "urlopen", _urlopen(client))


def uninstrument() -> None:
    """Put everything back as it was."""
    _patches.undo()


def _urlopen(client: HttpClient) -> Any:
    def make(original: Any) -> Any:
        def urlopen(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            prepared = guard.call("the span of an outgoing request", _begin, client, self, method, url, args, kwargs)
            if prepared is None:
                return original(self, method, url, *args, **kwargs)
            sent, args, kwargs = prepared
            try:
                response = original(self, method, url, *args, **kwargs)
            except BaseException as error:
                guard.call("the span of a failed request", sent.end, 0, error)
                raise
            guard.call(
                "the span of an answered request",
                sent.end,
                response.status,
                None,
                getattr(response, "version", None),
                response.headers.items(),
            )
            return response

        return urlopen

    return make


def _begin(
    client: HttpClient, pool: Any, method: str, url: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[ClientRequest, tuple[Any, ...], dict[str, Any]] | None:
    """The span, and the arguments with headers of our own: the caller's mapping stays as it is."""
    by_position = len(args) > _HEADERS_POSITION
    given = args[_HEADERS_POSITION] if by_position else kwargs.get("headers")
    headers = dict(pool.headers if given is None else given)
    full = url if "://" in url else f"{pool.scheme}://{_host(pool)}{url}"
    sent = client.begin(method, full, headers)
    if sent is None:
        return None
    if by_position:
        return sent, (args[0], headers, *args[_HEADERS_POSITION + 1 :]), kwargs
    return sent, args, {**kwargs, "headers": headers}


def _host(pool: Any) -> str:
    host = f"[{pool.host}]" if ":" in pool.host else pool.host
    return f"{host}:{pool.port}" if pool.port else host
