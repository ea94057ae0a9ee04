# SPDX-License-Identifier: Apache-2.0
"""F55: whatever stands in the variables, the app starts and ends as without us, and its spans arrive."""

from __future__ import annotations

import random

import pytest

from otel_distro.settings.variables import VARIABLES
from tests.harness.app_oracle import Oracle
from tests.harness.backend import SERVER, Backend

APP = """
from flask import Flask

app = Flask(__name__)


@app.get("/page")
def page():
    return "page"


print(app.test_client().get("/page").data)
"""

# Never a value that a variable could mean.
JUNK = (
    "junk \u2603",
    "-1",
    "1.5.2",
    "\udcff\udcfe",
    "%zz",
    "=,=;:",
    "[(",
    "\x1b[31mred",
    "9e999",
    "x" * 5000,
)
# Sometimes one, or the same as unset.
EDGES = ("", "   ", "0", "9" * 40, "TRUE", "False", "\t1\t", "none", "null", "*")

# Text that these can mean: other methods, other places, only what is named so, nothing without credentials.
DECIDING = (
    "OTEL_DISTRO_INSTRUMENTATIONS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER",
)
ENOUGH_FOR_ALL = 256 * 1024


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return Oracle(tmp_path_factory.mktemp("program"))


def environ_of(seed: int, values: tuple[str, ...]) -> dict[str, str]:
    """One of the values for every variable of the table."""
    chance = random.Random(seed)
    return {row.name: chance.choice(values) for row in VARIABLES if row.name != "OTEL_DISTRO_LAUNCH"}


@pytest.mark.parametrize("seed", range(5))
def test_junk_costs_nothing_but_lines(seed: int, oracle: Oracle) -> None:
    """Every variable junk: the app is the same, its span arrives, each problem is one line."""
    environ = environ_of(seed, JUNK)
    with Backend() as backend:
        for name in DECIDING:
            environ.pop(name, None)
        environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = backend.url
        run = oracle.check(APP, environ, exit_cost_s=None, own_bytes=ENOUGH_FOR_ALL)
        assert [span.name for span in backend.spans() if span.kind == SERVER] == ["GET /page"], "\n".join(run.own_lines)
        oracle.check_cost(run, APP, environ)
    assert all(len(line) <= 2048 and "\x1b" not in line for line in run.own_lines)
    assert any(line.startswith("otel-distro: OTEL_TRACES_SAMPLER=") for line in run.own_lines)


@pytest.mark.parametrize("seed", range(5))
def test_edges_cost_the_app_nothing(seed: int, oracle: Oracle) -> None:
    """Empty, blank, zero, huge, oddly written: the app is the same, whatever they mean to tracing."""
    environ = environ_of(seed, JUNK + EDGES)
    del environ["OTEL_DISTRO_VERBOSE"]  # whoever asks for everything gets tracebacks
    run = oracle.check(APP, environ, exit_cost_s=None, own_bytes=ENOUGH_FOR_ALL)
    assert all(len(line) <= 2048 and "\x1b" not in line for line in run.own_lines)


@pytest.mark.tier2
@pytest.mark.parametrize("value", JUNK[:1] + JUNK[5:6], ids=["word", "punctuation"])
@pytest.mark.parametrize("name", [row.name for row in VARIABLES if row.name not in (*DECIDING, "OTEL_DISTRO_LAUNCH")])
def test_each_variable_alone(name: str, value: str, oracle: Oracle) -> None:
    """One variable junk: the app is the same, its span arrives, and there is at most one line about it."""
    with Backend() as backend:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, name: value}
        run = oracle.check(APP, environ, exit_cost_s=None)
        assert [span.name for span in backend.spans() if span.kind == SERVER] == ["GET /page"]
    assert len(run.own_lines) <= 1
