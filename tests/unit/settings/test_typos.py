# SPDX-License-Identifier: Apache-2.0
"""Names that were meant to be others."""

from __future__ import annotations

import pytest

from otel_distro.settings import load
from otel_distro.settings.variables import BY_NAME


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("OTEL_SERVCE_NAME", "OTEL_SERVICE_NAME"),
        ("OTEL_TRACE_EXPORTER", "OTEL_TRACES_EXPORTER"),
        ("OTEL_EXPORTER_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("OTEL_EXPORTER_OTLP_HEADER", "OTEL_EXPORTER_OTLP_HEADERS"),
        ("OTEL_PROPAGATOR", "OTEL_PROPAGATORS"),
        ("OTEL_DISTRO_CHILDRENS", "OTEL_DISTRO_CHILDREN"),
    ],
)
def test_close_name(name: str, meant: str) -> None:
    """One line, without the value, which may be a secret."""
    _, problems = load({name: "hunter2"})
    assert [f"{name}: not a known variable; did you mean {meant}?"] == [str(problem) for problem in problems]


@pytest.mark.parametrize(
    "name",
    [
        *("OTEL_SERVICE_NAMESPACE", "OTEL_SERVICE_VERSION", "OTEL_ANYTHING", "OTEL_DISTRO_FUTURE", "OTEL_"),
        *(
            "OTEL_JAVAAGENT_ENABLED",
            "OTEL_NODE_DISABLED_INSTRUMENTATIONS",
            "OTEL_DOTNET_AUTO_HOME",
            "OTEL_GO_X",
        ),
        *(
            "OTEL_COLLECTOR_SERVICE_HOST",
            "OTEL_COLLECTOR_PORT_4317_TCP_ADDR",
            "OTEL_EXPORTER_OTLP_PROFILES_ENDPOINT",
        ),
        *(
            "OTEL_PYTHON_BOTTLE_EXCLUDED_URLS",
            "OTEL_BLRP_" + "X" * 5000,
            "otel_service_name",
            "OTEL_COLLECTOR_PORT",
        ),
    ],
)
def test_names_of_others(name: str) -> None:
    """Other languages, tools, container platforms and frameworks: silence."""
    assert load({name: "1"})[1] == ()


def test_known_names_are_silent() -> None:
    """Every row of the table, empty."""
    assert load(dict.fromkeys(BY_NAME, ""))[1] == ()
