# SPDX-License-Identifier: Apache-2.0
"""The table, its page, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from otel_distro.settings import load, reference
from otel_distro.settings.parse import Fault
from otel_distro.settings.reader import shown
from otel_distro.settings.variables import BY_NAME, VARIABLES

ROOT = Path(__file__).parents[3]
SIGNALS = ("", "TRACES_", "METRICS_", "LOGS_")
REQUIRED = (
    *(
        "OTEL_SDK_DISABLED",
        "OTEL_ENTITIES",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_SERVICE_NAME",
        "OTEL_LOG_LEVEL",
    ),
    *("OTEL_PROPAGATORS", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_CONFIG_FILE"),
    *("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER", "OTEL_EXPERIMENTAL_CONFIG_FILE"),
    *(
        f"{prefix}{suffix}"
        for prefix in ("OTEL_BSP_", "OTEL_BLRP_")
        for suffix in ("SCHEDULE_DELAY", "EXPORT_TIMEOUT", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE")
    ),
    *(
        f"OTEL_EXPORTER_OTLP_{signal}{suffix}"
        for signal in SIGNALS
        for suffix in ("ENDPOINT", "INSECURE", "CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE")
    ),
    *(f"OTEL_EXPORTER_OTLP_{s}{t}" for s in SIGNALS for t in ("HEADERS", "COMPRESSION", "TIMEOUT", "PROTOCOL")),
    *(f"OTEL_{model}ATTRIBUTE_COUNT_LIMIT" for model in ("", "SPAN_", "EVENT_", "LINK_", "LOGRECORD_")),
    *(f"OTEL_{model}ATTRIBUTE_VALUE_LENGTH_LIMIT" for model in ("", "SPAN_", "LOGRECORD_")),
    *("OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT", "OTEL_SEMCONV_STABILITY_OPT_IN"),
    *("OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT", "OTEL_METRICS_EXEMPLAR_FILTER"),
    *("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "OTEL_EXPORTER_ZIPKIN_TIMEOUT", "OTEL_EXPORTER_ZIPKIN_PROTOCOL"),
    *("OTEL_EXPORTER_PROMETHEUS_HOST", "OTEL_EXPORTER_PROMETHEUS_PORT", "OTEL_PYTHON_ID_GENERATOR"),
    *("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "OTEL_PYTHON_LOG_CORRELATION", "OTEL_PYTHON_OPAMP_ENDPOINT"),
    *(
        f"OTEL_EXPORTER_JAEGER_{suffix}"
        for suffix in (
            "PROTOCOL",
            "ENDPOINT",
            "TIMEOUT",
            "USER",
            "PASSWORD",
            "AGENT_HOST",
            "AGENT_PORT",
            "INSECURE",
        )
    ),
    *(f"JAEGER_{suffix}" for suffix in ("AGENT_HOST", "AGENT_PORT", "TAGS", "TRACEID_128BIT", "SERVICE_NAME")),
)


def test_names_are_unique() -> None:
    """One row for one variable."""
    assert len(VARIABLES) == len(BY_NAME)


@pytest.mark.parametrize("name", REQUIRED)
def test_specified_variable_has_a_row(name: str) -> None:
    """Nothing the specification defines is unknown here."""
    assert name in BY_NAME


def test_every_row_is_documented() -> None:
    """What it does, who defines it, and a place on the page."""
    page, text = reference.markdown(), reference.help_env()
    for row in VARIABLES:
        assert row.doc.endswith((".", "...")), row.name
        assert row.source, row.name
        if row.kind != "internal":
            assert f"| `{row.name}` |" in page
            assert f"  {row.name}" in text


def test_defaults_are_what_parsing_them_gives() -> None:
    """A default written into the environment changes nothing."""
    for row in VARIABLES:
        if row.default not in (None, ()) and not row.shown:
            found = row.parse(shown(row.default))
            assert not isinstance(found, Fault), row.name
            assert row.default == found


def test_page_is_up_to_date() -> None:
    """docs/reference/environment.md is made from the table: run `make docs`."""
    assert reference.markdown() == (ROOT / "docs/reference/environment.md").read_text(encoding="utf-8")


def test_help_is_narrow() -> None:
    """It is read in a terminal."""
    lines = reference.help_env().splitlines()
    assert [line for line in lines if len(line) > 120 and not line.startswith("  OTEL_")] == []


def test_values_in_force() -> None:
    """What is set, what is not but has a default, and where each comes from; no secret."""
    environ = {
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_EXPORTER_OTLP_HEADERS": "a=hunter2",
        "OTEL_BSP_SCHEDULE_DELAY": "x",
    }
    values = {name: (value, origin) for name, value, origin in reference.shown_values(environ)}
    assert values["OTEL_SERVICE_NAME"] == ("shop", "environment")
    assert values["OTEL_EXPORTER_OTLP_HEADERS"] == ("***", "environment")
    assert values["OTEL_BSP_SCHEDULE_DELAY"] == ("5000", "default")
    assert "hunter2" not in str(values)


def test_loading_is_light() -> None:
    """Reading settings is part of every traced program's start: no slow module is imported for it."""
    heavy = (
        "dataclasses",
        "difflib",
        "inspect",
        "json",
        "logging",
        "urllib.parse",
        "textwrap",
        "pathlib",
        "ssl",
    )
    program = (
        "import sys, typing\n"
        "before = set(sys.modules)\n"
        "from otel_distro.settings import load\n"
        "load({'OTEL_EXPORTER_OTLP_ENDPOINT': 'http://h:1', 'OTEL_EXPORTER_OTLP_HEADERS': 'a=b'})\n"
        f"print(sorted(set({heavy!r}) & (set(sys.modules) - before)), 'opentelemetry' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "[] False\n"


def test_problem_is_text() -> None:
    """A problem without a value shows none."""
    _, problems = load({"OTEL_EXPORTER_OTLP_HEADERS": "x"})
    assert str(problems[0]).startswith("OTEL_EXPORTER_OTLP_HEADERS: item 1 is no name=value pair")
