# SPDX-License-Identifier: Apache-2.0
"""Upstream's packages import and switch on, whatever the environment says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from otel_distro.settings import Settings
from otel_distro.settings.upstream import during_import, for_import
from otel_distro.settings.variables import BY_NAME

OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"
SERVER_REQUEST = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST"


def changes(environ: dict[str, str]) -> dict[str, str | None]:
    """What is changed, beside the opt-in, which is always set."""
    found = for_import(environ, Settings())
    assert found.pop(OPT_IN) == "http,database"
    return found


@pytest.mark.parametrize(
    ("name", "before", "now"),
    [
        ("OTEL_PROPAGATORS", "bogus", None),
        ("OTEL_PROPAGATORS", "tracecontext", None),
        ("OTEL_PYTHON_CONTEXT", "bogus", None),
        ("OTEL_PYTHON_TRACER_PROVIDER", "bogus", None),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "abc", None),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "", None),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", " 7 ", "7"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "ALWAYS_ON", "always_on"),
        ("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "1", "false"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10000", "10"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", None),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "none", None),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b c,secret", "a=b c"),
        ("OTEL_PYTHON_DJANGO_INSTRUMENT", "false", "False"),
        ("OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS", "false", None),
        ("OTEL_PYTHON_HTTPX_EXCLUDED_URLS", "[,ok", r"\[,ok"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b,bad", None),
    ],
)
def test_changed(name: str, before: str, now: str | None) -> None:
    """To what it was taken for, or to nothing."""
    assert {name: now} == changes({name: before})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "7"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "1000"),
        ("OTEL_SERVICE_NAME", "Shop"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b%20c"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b%20c"),
        ("OTEL_DISTRO_STRICT", "junk"),
        ("OTEL_ENTITIES", "junk"),
        ("OTEL_PYTHON_EXCLUDED_URLS", "a,b"),
        ("UNRELATED", " "),
    ],
)
def test_left_alone(name: str, value: str) -> None:
    """A good value, and everything that upstream does not read."""
    assert changes({name: value}) == {}


def test_opt_in_is_the_users() -> None:
    """The old names, when they are asked for."""
    settings = Settings()
    old = settings._replace(instrumentation=settings.instrumentation._replace(semconv_opt_in=()))
    assert for_import({OPT_IN: "none"}, old) == {OPT_IN: None}
    assert for_import({}, old) == {}


def test_restored() -> None:
    """Everything as before, except what the import set itself and a pattern that is read again later."""
    environ = {"OTEL_PROPAGATORS": "bogus", "OTEL_BSP_MAX_QUEUE_SIZE": "x", SERVER_REQUEST: "["}
    with during_import(environ):
        assert environ == {OPT_IN: "http,database", SERVER_REQUEST: r"\["}
        with during_import(environ):
            assert "OTEL_PROPAGATORS" not in environ
        assert "OTEL_PROPAGATORS" not in environ
        environ["OTEL_BSP_MAX_QUEUE_SIZE"] = "9"
    assert environ == {"OTEL_PROPAGATORS": "bogus", "OTEL_BSP_MAX_QUEUE_SIZE": "9", SERVER_REQUEST: r"\["}


@pytest.mark.parametrize(("value", "after"), [("bogus", {}), ("sdk_meter_provider", None)])
def test_provider_that_nobody_registered(value: str, after: dict[str, str] | None) -> None:
    """It would break get_meter() in the app, so it stays away; a real one comes back."""
    environ = {"OTEL_PYTHON_METER_PROVIDER": value}
    with during_import(environ):
        assert "OTEL_PYTHON_METER_PROVIDER" not in environ
    assert environ == ({"OTEL_PYTHON_METER_PROVIDER": value} if after is None else after)


def test_restored_after_a_failed_import() -> None:
    """The exception passes."""
    environ = {"OTEL_PROPAGATORS": "bogus"}
    with pytest.raises(ImportError), during_import(environ):
        raise ImportError
    assert environ == {"OTEL_PROPAGATORS": "bogus"}


PROGRAM = """
import os
from otel_distro.settings import upstream

before = dict(os.environ)
with upstream.during_import():
    import opentelemetry.propagate, opentelemetry.sdk.trace
    import opentelemetry.sdk.metrics, opentelemetry.sdk._logs
    from opentelemetry.sdk.trace import SpanLimits
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.instrumentation.flask import FlaskInstrumentor
    from opentelemetry.instrumentation.requests import RequestsInstrumentor

    SpanLimits()
    opentelemetry.sdk.metrics.MeterProvider()
    RequestsInstrumentor().instrument()
    FlaskInstrumentor().instrument()
import flask

app = flask.Flask("x")
app.add_url_rule("/", view_func=lambda: "ok")
print(app.test_client().get("/", headers={"x-a": "1"}).status_code)
for name in before:
    if os.environ.get(name) != before[name] and "CAPTURE_HEADERS_S" not in name and "R_PROVIDER" not in name:
        print(name, os.environ.get(name))
"""


@pytest.mark.parametrize("junk", ["[", "-1", ",", "junk", " "])
def test_upstream_under_junk(junk: str) -> None:
    """Every variable that upstream reads is junk: it imports, switches on and serves, without a word."""
    names = [name for name in BY_NAME if name.startswith("OTEL_")]
    environ = {**os.environ, **dict.fromkeys(names, junk)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "200\n", "")
