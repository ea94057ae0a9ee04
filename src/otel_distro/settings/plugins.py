# SPDX-License-Identifier: Apache-2.0
"""Values that name a component, ours or one that another package registers: which of them exist.

Checked here and not where they are made, so that otel-distro-run can say it once for the whole process tree.
"""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SAMPLER_ROOTS = ("always_on", "always_off", "traceidratio", "jaeger_remote", "ratelimiting")
_OTLP = ("otlp", "otlp_http", "otlp_proto_http", "otlp_proto_grpc")


class Component(NamedTuple):
    """What a variable names. group: of entry points. names: built in."""

    what: str
    group: str
    names: tuple[str, ...]


COMPONENTS = {
    "OTEL_TRACES_EXPORTER": Component(
        "exporter",
        "opentelemetry_traces_exporter",
        (*_OTLP, "otlp/stdout", "jaeger", "zipkin", "console", "logging", "none"),
    ),
    "OTEL_METRICS_EXPORTER": Component(
        "exporter", "opentelemetry_metrics_exporter", (*_OTLP, "prometheus", "console", "none")
    ),
    "OTEL_LOGS_EXPORTER": Component("exporter", "opentelemetry_logs_exporter", (*_OTLP, "console", "none")),
    "OTEL_PROPAGATORS": Component(
        "propagator",
        "opentelemetry_propagator",
        ("tracecontext", "baggage", "b3", "b3multi", "jaeger", "xray", "ottrace", "none"),
    ),
    "OTEL_TRACES_SAMPLER": Component(
        "sampler",
        "opentelemetry_traces_sampler",
        (*_SAMPLER_ROOTS, *(f"parentbased_{root}" for root in _SAMPLER_ROOTS)),
    ),
    "OTEL_PYTHON_ID_GENERATOR": Component("id generator", "opentelemetry_id_generator", ("random",)),
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": Component(
        "resource detector",
        "opentelemetry_resource_detector",
        ("otel", "service_instance", "process", "os", "host", "container", "*"),
    ),
}


def unknown(variable: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """(name, reason) of those that are neither built in nor registered by an installed package."""
    component = COMPONENTS[variable]
    missing = [name for name in names if name not in component.names]
    if not missing:
        return []
    from otel_distro.settings import entry_points

    registered = {found.name.lower() for found in entry_points.declared(component.group)}
    known = [*component.names, *sorted(registered)]
    return [(name, _reason(component, name, known)) for name in missing if name.lower() not in registered]


def _reason(component: Component, name: str, known: Sequence[str]) -> str:
    if (component.what, name) == ("sampler", "xray"):
        return "there is no X-Ray sampler for Python"
    if not name.replace("_", "").replace("-", "").replace("/", "").isalnum():
        return f"not a name of a {component.what}"  # perhaps a URL, with a password: not shown a second time
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), known, 1)
    tip = f" (did you mean '{near[0]}'?)" if near else f"; known are {', '.join(dict.fromkeys(known))}"
    return f"unknown {component.what} '{name[:40]}'{tip}"
