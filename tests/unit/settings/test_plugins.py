# SPDX-License-Identifier: Apache-2.0
"""Names of components: what exists is found, what does not is named once, with the nearest one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from otel_distro import exporters, propagators, samplers
from otel_distro.settings import load, plugins

if TYPE_CHECKING:
    from pathlib import Path


def test_the_registries_know_what_this_table_calls_built_in() -> None:
    """One list would be a cycle of layers; two lists agree."""
    built_in = {variable: set(component.names) for variable, component in plugins.COMPONENTS.items()}
    assert built_in["OTEL_TRACES_EXPORTER"] == {*exporters._MAKERS, *exporters._ALIASES, "none"}
    assert built_in["OTEL_PROPAGATORS"] == {*propagators.KNOWN, "none"}
    assert built_in["OTEL_TRACES_SAMPLER"] == set(samplers.KNOWN)


def test_a_name_of_another_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed distribution's entry point makes the name known, in any case."""
    metadata = tmp_path / "other-1.dist-info"
    metadata.mkdir()
    (metadata / "entry_points.txt").write_text("[opentelemetry_traces_sampler]\nclever = m:C\n")
    assert [name for name, _ in plugins.unknown("OTEL_TRACES_SAMPLER", ("clever",))] == ["clever"]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert plugins.unknown("OTEL_TRACES_SAMPLER", ("clever", "CLEVER")) == []


@pytest.mark.parametrize(
    ("assignment", "line"),
    [
        (
            "OTEL_TRACES_EXPORTER=otlp,zipkinn",
            "OTEL_TRACES_EXPORTER=otlp,zipkinn: unknown exporter 'zipkinn' (did you mean 'zipkin'?); using otlp",
        ),
        (
            "OTEL_TRACES_SAMPLER=alway_on",
            (
                "OTEL_TRACES_SAMPLER=alway_on: unknown sampler 'alway_on' (did you mean 'always_on'?); "
                "using parentbased_always_on"
            ),
        ),
        (
            "OTEL_PROPAGATORS=bogus",
            (
                "OTEL_PROPAGATORS=bogus: unknown propagator 'bogus'; known are tracecontext, baggage, b3, b3multi, "
                "jaeger, xray, ottrace, none; using tracecontext,baggage"
            ),
        ),
        (
            "OTEL_TRACES_SAMPLER=xray",
            "OTEL_TRACES_SAMPLER=xray: there is no X-Ray sampler for Python; using parentbased_always_on",
        ),
    ],
)
def test_the_line(assignment: str, line: str) -> None:
    """What a person reads."""
    name, _, value = assignment.partition("=")
    _, problems = load({name: value})
    assert [str(problem) for problem in problems] == [line]
