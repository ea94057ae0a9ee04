# SPDX-License-Identifier: Apache-2.0
"""What otel-distro-run says before it becomes the command: problems always, the start-up line when asked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from otel_distro import __version__
from otel_distro.runtime import log
from otel_distro.settings import load, redact, service_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_distro.settings.settings import Settings
    from otel_distro.viewer.process.autostart import Prepared


def announce(command: Sequence[str], environ: dict[str, str], *, terminal: bool) -> bool:
    """Print problems and, on a terminal or at level info, the start-up line; start the viewer if it is wanted.

    environ: what the command will start with; the viewer adds where spans go.
    Returns False when the strict setting forbids starting with these problems.
    """
    settings, problems = load(environ)
    log.set_level("error" if settings.quiet else settings.log_level)
    if settings.strict and problems:
        for problem in problems:
            log.write_line(f"otel-distro: {problem}")
        log.write_line("otel-distro: not started, because OTEL_DISTRO_STRICT is true")
        return False
    viewer = _viewer(environ, settings, terminal)
    if not settings.quiet and (terminal or log.enabled("info")):
        log.write_line(start_line(command, environ, settings, "viewer" if viewer and viewer.used else ""))
    for line in viewer.lines if viewer else ():
        log.write_line(f"  {line}")
    if viewer and not viewer.used and not settings.quiet and _goes_nowhere(settings):
        log.write_line("  nothing listens there; to see traces here: --viewer on, or OTEL_TRACES_EXPORTER=console")
    for problem in problems:
        log.warn(str(problem))
    return True


def _viewer(environ: dict[str, str], settings: Settings, terminal: bool) -> Prepared | None:
    """Start the viewer on a developer's machine, or when it is asked for; tell the command where it is."""
    if settings.viewer == "off" or (settings.viewer == "auto" and not terminal):
        return None
    from otel_distro.viewer.process import autostart

    prepared = autostart.prepare(environ, settings.viewer, terminal, settings.quiet)
    environ.update(prepared.variables)
    return prepared


def _goes_nowhere(settings: Settings) -> bool:
    """Whether spans go to the default port of this machine, and nobody has that open."""
    otlp = settings.otlp_traces
    if settings.sdk_disabled or settings.traces_exporters != ("otlp",) or otlp.endpoint_origin != "default":
        return False
    from otel_distro.viewer.process import launch

    return not launch.is_listening(4317 if otlp.protocol == "grpc" else 4318)


def start_line(command: Sequence[str], environ: Mapping[str, str], settings: Settings, destination: str = "") -> str:
    """One line: version, service name and where it came from, destination and where it came from."""
    if settings.sdk_disabled:
        return f"otel-distro {__version__}  off (OTEL_SDK_DISABLED)"
    name, origin = _service(command, environ, settings)
    return f"otel-distro {__version__}  service={name} ({origin})  export={destination or _destination(settings)}"


def _service(command: Sequence[str], environ: Mapping[str, str], settings: Settings) -> tuple[str, str]:
    if settings.service_name is not None:
        return settings.service_name, "OTEL_SERVICE_NAME"
    for key, value in settings.resource_attributes:
        if key == "service.name":
            return value, "OTEL_RESOURCE_ATTRIBUTES"
    name, origin = service_name.detect(command, environ, os.getcwd())
    return name, origin if origin in ("default", "directory") else f"from {origin}"


def _destination(settings: Settings) -> str:
    parts = []
    for exporter in settings.traces_exporters:
        if exporter == "otlp":
            otlp = settings.otlp_traces
            protocol = "" if otlp.protocol == "http/protobuf" else f" {otlp.protocol}"
            parts.append(f"{redact.url(otlp.endpoint)}{protocol} ({otlp.endpoint_origin})")
        else:
            parts.append(exporter)
    return ", ".join(parts) or "none"


def changed_variables(environ: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    """`NAME=value` for each variable that the launcher sets, secrets masked."""
    import shlex

    return [
        f"{name}={shlex.quote(redact.value(name, environ[name]))}"
        for name in sorted(environ)
        if environ[name] != before.get(name) and name != "OTEL_DISTRO_LAUNCH"
    ]
