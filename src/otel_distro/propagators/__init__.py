# SPDX-License-Identifier: Apache-2.0
"""Propagators by the names of OTEL_PROPAGATORS."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from otel_distro.runtime import guard
from otel_distro.settings.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.metadata import EntryPoint

    from opentelemetry.propagators.textmap import TextMapPropagator

    from otel_distro.propagators.carrier import GuardedPropagator

VARIABLE = "OTEL_PROPAGATORS"
ENTRY_POINT_GROUP = "opentelemetry_propagator"

KNOWN = {
    "tracecontext": ("tracecontext", "TraceContextPropagator"),
    "baggage": ("baggage", "BaggagePropagator"),
    "b3": ("b3", "B3Propagator"),
    "b3multi": ("b3", "B3MultiPropagator"),
    "jaeger": ("jaeger", "JaegerPropagator"),
    "xray": ("xray", "XRayPropagator"),
    "ottrace": ("ottrace", "OtTracePropagator"),
}
"""Name -> (module of this package, class)."""


def create(names: Sequence[str]) -> tuple[TextMapPropagator, list[Problem]]:
    """One propagator that runs those named, in order, each once; none of them for `none` or no name.

    A name that is neither known nor another package's entry point, or that fails to load, costs only itself.
    Never raises.
    """
    from otel_distro.propagators.sequence import PropagatorSequence

    wanted = list(dict.fromkeys(name.strip().lower() for name in names if name.strip()))
    problems: list[Problem] = []
    if "none" in wanted:
        wanted.remove("none")
        if wanted:
            problems.append(Problem(VARIABLE, "none", "stands alone", f"using {','.join(wanted)}"))
    made: list[GuardedPropagator] = []
    for name in wanted:
        if name in KNOWN:
            made.append(_known(name))
        elif (entry_point := _entry_point(name)) is not None:
            foreign = guard.load(f"{VARIABLE}={name} cannot be set up", _foreign, name, entry_point)
            if foreign is not None:
                made.append(foreign)
        else:
            problems.append(_unknown(name))
    return PropagatorSequence(made), problems


def _known(name: str) -> GuardedPropagator:
    module, class_name = KNOWN[name]
    made: GuardedPropagator = getattr(import_module(f"{__name__}.{module}"), class_name)()
    return made


def _entry_point(name: str) -> EntryPoint | None:
    from importlib.metadata import entry_points

    found = [point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name.lower() == name]
    return found[0] if found else None


def _foreign(name: str, entry_point: EntryPoint) -> GuardedPropagator:
    from otel_distro.propagators.sequence import ForeignPropagator

    return ForeignPropagator(name, entry_point.load()())


def _unknown(name: str) -> Problem:
    from difflib import get_close_matches

    near = get_close_matches(name, [*KNOWN, "none"], n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(KNOWN)}, none"
    return Problem(VARIABLE, name, "no such propagator", f"ignored; {hint}")
