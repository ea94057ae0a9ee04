# SPDX-License-Identifier: Apache-2.0
"""From settings and instrument() options to tracers, meters and hooks, for all first-party instrumentors."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import get_tracer

from otel_distro import __version__
from otel_distro.instrumentation.http_server import SCHEMA_URL, HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer

    from otel_distro.instrumentation.http_client import HttpClient
    from otel_distro.settings.settings import Settings

_SCOPE = "otel_distro.instrumentation."


def settings_of(options: dict[str, Any]) -> Settings:
    """Take the settings out of instrument()'s options; read the environment when they are not among them."""
    given: Settings | None = options.pop("settings", None)
    if given is not None:
        return given
    from otel_distro.settings import load_from_environment

    return load_from_environment()  # start-up has said what is wrong with it


def tracer_of(name: str, options: dict[str, Any]) -> Tracer:
    """The tracer of one instrumentor. options: tracer_provider, or the global one."""
    return get_tracer(_SCOPE + name, __version__, options.get("tracer_provider"), SCHEMA_URL)


def http_server(name: str, settings: Settings, options: dict[str, Any], excluded_urls: Iterable[str]) -> HttpServer:
    """options: tracer_provider, meter_provider and excluded_urls (text, comma-separated) of instrument().

    excluded_urls: the framework's own setting, used when the option is not given.
    """
    wishes = settings.instrumentation
    given = options.get("excluded_urls")
    if given is not None:
        excluded_urls = _split(given)
    meter = _meter(name, settings, options)
    return HttpServer(tracer_of(name, options), wishes, excluded_urls or (), meter, _look_again_for_functions)


def http_client(name: str, settings: Settings, options: dict[str, Any]) -> HttpClient:
    """options: tracer_provider, meter_provider and excluded_urls (text, comma-separated) of instrument()."""
    from otel_distro.instrumentation.http_client import HttpClient

    excluded = options.get("excluded_urls")
    patterns = settings.instrumentation.excluded_urls if excluded is None else _split(excluded)
    return HttpClient(tracer_of(name, options), settings.instrumentation, patterns, _meter(name, settings, options))


def _split(patterns: Any) -> Iterable[str]:
    return [pattern.strip() for pattern in patterns.split(",")] if isinstance(patterns, str) else patterns


def hook(options: dict[str, Any], name: str) -> Callable[..., Any] | None:
    """The user's function under this option; None when there is none that can be called."""
    given = options.get(name)
    return given if callable(given) else None


def _look_again_for_functions() -> None:
    """Functions named in settings may have come into `__main__` after tracing started."""
    functions = sys.modules.get("otel_distro.instrumentation.functions")
    if functions is not None:
        functions.look_again()


def _meter(name: str, settings: Settings, options: dict[str, Any]) -> Meter | None:
    provider = options.get("meter_provider")
    if provider is None and not settings.metrics_exporters:
        return None
    from opentelemetry.metrics import get_meter

    return get_meter(_SCOPE + name, __version__, provider, SCHEMA_URL)
