# SPDX-License-Identifier: Apache-2.0
"""The registry: exporter names to span exporters, one of each that OTEL_TRACES_EXPORTER names.

Each is made on its own: what goes wrong with one is a Problem and leaves the others alone.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from otel_distro.runtime import guard
from otel_distro.settings.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace.export import SpanExporter

    from otel_distro.settings.settings import Settings

    Made = tuple[SpanExporter | None, list[Problem]]

_VARIABLE = "OTEL_TRACES_EXPORTER"
_GROUP = "opentelemetry_traces_exporter"
_ALIASES = {"logging": "console", "otlp_http": "otlp", "otlp_proto_http": "otlp", "otlp_proto_grpc": "otlp"}


def create(settings: Settings) -> tuple[list[SpanExporter], list[Problem]]:
    """The exporters that settings name, at most one of each, and what was wrong. Never raises.

    When none of the names can be used it is OTLP. `none`, or no name at all, gives no exporter.
    """
    exporters: list[SpanExporter] = []
    problems: list[Problem] = []
    names = list(dict.fromkeys(_ALIASES.get(name, name) for name in settings.traces_exporters))
    wanted = [name for name in names if name != "none"]
    for name in wanted:
        exporter, found = _made(name, settings)
        problems += found
        if exporter is not None:
            exporters.append(exporter)
    if wanted and not exporters and "otlp" not in wanted:
        exporter, found = _made("otlp", settings)
        problems += found
        if exporter is not None:
            exporters.append(exporter)
    return exporters, problems


def _made(name: str, settings: Settings) -> Made:
    maker = _MAKERS.get(name)
    if maker is None:
        return _foreign(name)
    made = guard.load(f"exporter {name} cannot be set up", maker, settings)
    return made if made is not None else (None, [])


def _otlp(settings: Settings) -> Made:
    from otel_distro.exporters import otlp

    return otlp.create(settings)


def _jaeger(settings: Settings) -> Made:
    from otel_distro.exporters import jaeger

    return jaeger.create(settings)


def _zipkin(settings: Settings) -> Made:
    from otel_distro.exporters.proxies import proxy_of
    from otel_distro.exporters.zipkin import ZipkinSpanExporter
    from otel_distro.settings import redact

    problems: list[Problem] = []
    proxy = proxy_of(settings, settings.zipkin.endpoint, problems)
    try:
        return ZipkinSpanExporter(settings.zipkin, redact.url(settings.zipkin.endpoint), proxy), problems
    except ValueError as error:
        return None, [
            *problems,
            Problem("OTEL_EXPORTER_ZIPKIN_ENDPOINT", None, str(error), "no spans to Zipkin"),
        ]


def _console(settings: Settings) -> Made:  # noqa: ARG001
    from otel_distro.exporters.console import ConsoleSpanExporter

    return ConsoleSpanExporter(), []


def _otlp_stdout(settings: Settings) -> Made:  # noqa: ARG001
    from otel_distro.exporters.otlp_stdout import OtlpStdoutSpanExporter

    return OtlpStdoutSpanExporter(), []


_MAKERS: dict[str, Callable[[Settings], Made]] = {
    "otlp": _otlp,
    "jaeger": _jaeger,
    "zipkin": _zipkin,
    "console": _console,
    "otlp/stdout": _otlp_stdout,
}


def _foreign(name: str) -> Made:
    """An exporter of another package, from its entry point."""
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.util._importlib_metadata import entry_points

    found: list[Any] = list(entry_points(group=_GROUP, name=name))
    if not found:
        known = sorted({*_MAKERS, "none", *(entry.name for entry in entry_points(group=_GROUP))})
        near = get_close_matches(name.lower(), known, n=1)
        tip = f" (did you mean {near[0]!r}?)" if near else f"; known are {', '.join(known)}"
        return None, [Problem(_VARIABLE, name, f"unknown exporter{tip}", "ignored")]
    what = f"{_VARIABLE}={name} cannot be loaded"
    loaded = guard.load(what, found[0].load)
    exporter = guard.load(what, loaded) if loaded is not None else None
    if exporter is None:
        return None, []
    if not isinstance(exporter, SpanExporter):
        words = f"{found[0].value} is no span exporter"
        return None, [Problem(_VARIABLE, name, words, "ignored")]
    return exporter, []
