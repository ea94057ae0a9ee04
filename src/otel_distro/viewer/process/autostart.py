# SPDX-License-Identifier: Apache-2.0
"""Whether otel-distro-run starts a viewer for an app, and what the app's environment needs then.

One variable that names a destination means production: nothing local starts.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from otel_distro.viewer.process import launch, token
from otel_distro.viewer.process.places import places

if TYPE_CHECKING:
    from collections.abc import Mapping

OTLP_PORT = 4318
FAST_EXPORT_MS = "200"
_DESTINATIONS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
    "OTEL_CONFIG_FILE",
    "OTEL_EXPERIMENTAL_CONFIG_FILE",
    "OTEL_EXPORTER_JAEGER_ENDPOINT",
    "OTEL_EXPORTER_JAEGER_AGENT_HOST",
)
_NOT_A_DESK = ("CI", "KUBERNETES_SERVICE_HOST", "INVOCATION_ID", "container", "DYNO", "AWS_LAMBDA_FUNCTION_NAME")
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


class Prepared(NamedTuple):
    """variables: to be set for the app. lines: to be said, without our prefix. used: whether a viewer shows it."""

    variables: dict[str, str]
    lines: list[str]
    used: bool


def prepare(environ: Mapping[str, str], mode: str, terminal: bool, quiet: bool = False) -> Prepared:
    """Start the viewer if it is wanted. mode: auto, on or off. terminal: whether stderr is one. Never raises.

    A viewer that cannot start costs a line: the app starts all the same.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Prepared({}, [], False)
    if mode == "off" or (mode == "auto" and why_not(environ, terminal)):
        return Prepared({}, [], False)
    running = launch.find(environ)
    if running is None and mode == "auto" and launch.is_listening(OTLP_PORT):
        line = f"port {OTLP_PORT} already receives traces: sending there; own viewer instead: --viewer on"
        return Prepared({}, [] if quiet else [line], False)
    try:
        running, started = launch.ensure(environ)
    except launch.ViewerError as error:
        return Prepared({}, [f"no viewer: {error}"], False)
    variables = {}
    if not any(environ.get(name) for name in _DESTINATIONS):
        variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = running.otlp_endpoint
    if not environ.get("OTEL_DISTRO_RESPONSE_HEADERS"):
        variables["OTEL_DISTRO_RESPONSE_HEADERS"] = "true"
    if not environ.get("OTEL_BSP_SCHEDULE_DELAY"):
        variables["OTEL_BSP_SCHEDULE_DELAY"] = FAST_EXPORT_MS
    secret = token.read(places(environ).token)
    url = f"{running.url}?t={secret}" if secret and terminal else running.url
    said = f"traces: {url}  (local; stop: otel-distro ui stop)" if started else f"traces: {url}"
    return Prepared(variables, [] if quiet else [said], True)


def why_not(environ: Mapping[str, str], terminal: bool) -> str:
    """Why `auto` starts nothing; empty when it does."""
    for name in _DESTINATIONS:
        if environ.get(name):
            return f"{name} is set"
    if not terminal:
        return "stderr is no terminal"
    for name in _NOT_A_DESK:
        if environ.get(name):
            return f"{name} is set: this is no developer's machine"
    for mark in _CONTAINER_MARKS:
        if os.path.exists(mark):
            return "this is a container"
    return ""
