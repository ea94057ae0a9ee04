# SPDX-License-Identifier: Apache-2.0
"""Metrics and logs: only when an exporter or endpoint is named for them, and never through the app's logging."""

from __future__ import annotations

import pytest

from tests.harness.backend import Backend
from tests.harness.plugins import run_app

LOGS = """
import logging
from opentelemetry import trace
from opentelemetry._logs import get_logger_provider
logging.getLogger("foo").error("oh no")
print(type(get_logger_provider()).__name__, logging.getLogger().handlers)
"""


def test_neither_unless_asked_for() -> None:
    """No meter provider of the SDK, no exporter thread, nothing sent but spans."""
    program = "import flask; flask.Flask('x'); import sys; print('opentelemetry.sdk.metrics' in sys.modules)"
    with Backend() as backend:
        done = run_app([], {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, program)
        assert (done.stdout, done.stderr) == ("False\n", "")
        assert backend.requests == []


def test_metrics_of_requests_on_the_console() -> None:
    """The stable names of the HTTP conventions."""
    done = run_app([], {"OTEL_METRICS_EXPORTER": "console", "OTEL_TRACES_EXPORTER": "none"})
    assert done.stdout.startswith("page\n")
    assert '"name": "http.server.request.duration"' in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("variable", ["OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"])
def test_metrics_over_otlp(variable: str) -> None:
    """Naming the exporter, or only its endpoint, is enough; the path is the signal's."""
    with Backend() as backend:
        given = {"OTEL_METRICS_EXPORTER": "otlp"} if variable == "OTEL_METRICS_EXPORTER" else {}
        given[variable] = given.get(variable, f"{backend.url}/v1/metrics")
        done = run_app([], {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, **given})
        assert (done.returncode, done.stdout) == (0, "page\n")
        assert {request.path for request in backend.requests} == {"/v1/traces", "/v1/metrics"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("prometheus", "its package is not installed; leaving it out; pip install opentelemetry-exporter-prometheus"),
        ("consol", "unknown exporter 'consol' (did you mean 'console'?); using none"),
    ],
)
def test_an_exporter_that_is_not_there_costs_only_itself(name: str, reason: str) -> None:
    """One line, and traces go on."""
    with Backend() as backend:
        done = run_app([], {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, "OTEL_METRICS_EXPORTER": name})
        assert (done.returncode, done.stdout) == (0, "page\n")
        assert backend.wait_for(1, timeout_s=5)
    assert done.stderr == f"otel-distro: OTEL_METRICS_EXPORTER={name}: {reason}\n"


def test_the_apps_logging_stays_as_it_is() -> None:
    """A provider is set; no handler is added, the app's message is printed, and the missing package is named."""
    done = run_app([], {"OTEL_LOGS_EXPORTER": "console", "OTEL_TRACES_EXPORTER": "none"}, LOGS)
    assert done.stdout == "LoggerProvider []\n"
    ours, theirs = done.stderr.splitlines()
    assert ours.endswith("pip install opentelemetry-instrumentation-logging")
    assert theirs == "oh no"


def test_a_dead_backend_for_metrics_is_one_line_of_ours() -> None:
    """Upstream would say it through the app's root logger, several times."""
    done = run_app(
        [],
        {
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            "OTEL_DISTRO_EXIT_TIMEOUT": "300",
        },
    )
    assert (done.returncode, done.stdout) == (0, "page\n")
    lines = done.stderr.splitlines()
    assert 1 <= len(lines) <= 2
    assert all(line.startswith("otel-distro: exporter.otlp.proto.http.metric_exporter: ") for line in lines)
