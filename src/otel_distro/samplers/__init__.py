# SPDX-License-Identifier: Apache-2.0
"""Samplers by the names of OTEL_TRACES_SAMPLER."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.runtime import guard
from otel_distro.settings.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Collection
    from importlib.metadata import EntryPoint

    from opentelemetry.sdk.trace.sampling import Sampler

    from otel_distro.settings.settings import SamplerSettings

VARIABLE = "OTEL_TRACES_SAMPLER"
DEFAULT = "parentbased_always_on"
ENTRY_POINT_GROUP = "opentelemetry_traces_sampler"
ROOTS = ("always_on", "always_off", "traceidratio", "jaeger_remote", "ratelimiting")
KNOWN = (*ROOTS, *(f"parentbased_{root}" for root in ROOTS))

ASKING_PROPAGATORS = frozenset({"b3", "b3multi", "jaeger", "xray"})
"""Propagators whose headers can ask the sampler for something; only they cost a look at the context."""


def create(
    settings: SamplerSettings, service_name: str, propagators: Collection[str] = ()
) -> tuple[Sampler, list[Problem]]:
    """The sampler that is named, or the default one and a problem. Never raises.

    service_name: whose strategy a remote sampler asks for. propagators: their names, since some of their
    headers speak to the sampler. The SDK's own samplers are returned as the SDK's own classes.
    """
    from opentelemetry.sdk.trace.sampling import DEFAULT_ON

    problems: list[Problem] = []
    what = f"{VARIABLE}={settings.name} cannot be set up, using {DEFAULT}"
    if settings.name in KNOWN:
        sampler = guard.load(what, _known, settings, service_name)
    elif (entry_point := _entry_point(settings.name)) is not None:
        sampler = guard.load(what, _foreign, settings, entry_point)
    else:
        sampler = None
        problems.append(_unknown(settings.name))
    sampler = sampler or DEFAULT_ON
    if ASKING_PROPAGATORS.intersection(propagators):
        from otel_distro.samplers.requested import RequestedSampler

        sampler = RequestedSampler(sampler)
    return sampler, problems


def _known(settings: SamplerSettings, service_name: str) -> Sampler:
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, TraceIdRatioBased

    root_name = settings.name.removeprefix("parentbased_")
    root: Sampler
    if root_name == "always_on":
        root = ALWAYS_ON
    elif root_name == "always_off":
        root = ALWAYS_OFF
    elif root_name == "traceidratio":
        root = TraceIdRatioBased(settings.ratio)
    elif root_name == "jaeger_remote":
        from otel_distro.samplers.jaeger_remote import JaegerRemoteSampler

        root = JaegerRemoteSampler(settings.remote, service_name)
    else:
        from otel_distro.samplers.rate_limiting import RateLimitingSampler

        root = RateLimitingSampler(settings.rate)
    return root if root_name == settings.name else ParentBased(root)


def _entry_point(name: str) -> EntryPoint | None:
    from importlib.metadata import entry_points

    found = [point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name.lower() == name]
    return found[0] if found else None


def _foreign(settings: SamplerSettings, entry_point: EntryPoint) -> Sampler:
    from otel_distro.samplers.foreign import ForeignSampler

    return ForeignSampler(settings.name, entry_point.load()(settings.argument))


def _unknown(name: str) -> Problem:
    if name == "xray":
        return Problem(VARIABLE, name, "there is no X-Ray sampler for Python", f"using {DEFAULT}")
    from difflib import get_close_matches

    near = get_close_matches(name, KNOWN, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return Problem(VARIABLE, name, "no such sampler", f"using {DEFAULT}{hint}")
