# SPDX-License-Identifier: Apache-2.0
"""load(): environment to Settings and Problems. The rows are requirements of the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.settings import Settings, load, load_from_environment, read_environ
from otel_distro.settings.variables import BY_NAME, VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping


class Row(NamedTuple):
    """environ, as `A=1 B=2`; the path of a field; its value; the variables that make a problem."""

    environ: str
    field: str
    expected: Any
    problems: tuple[str, ...] = ()


def environ_of(text: str) -> dict[str, str]:
    """`A=1 B=2` to a mapping; ~ stands for a blank."""
    pairs = (item.partition("=") for item in text.split())
    return {name: value.replace("~", " ") for name, _, value in pairs}


def field_of(settings: Settings, path: str) -> Any:
    """`bsp.max_queue_size` of the settings."""
    found: Any = settings
    for part in path.split("."):
        found = getattr(found, part)
    return found


BSP, BLRP, OTLP = "OTEL_BSP_", "OTEL_BLRP_", "OTEL_EXPORTER_OTLP_"
CAPTURE = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_"
ROWS = (
    Row("OTEL_SDK_DISABLED=true", "sdk_disabled", True),
    Row("OTEL_SDK_DISABLED=TRUE", "sdk_disabled", True),
    Row("OTEL_SDK_DISABLED=1", "sdk_disabled", False, ("OTEL_SDK_DISABLED",)),
    Row("OTEL_SDK_DISABLED=", "sdk_disabled", False),
    Row(
        "OTEL_ENTITIES=service{service.name=app}[service.version=1.0]",
        "resource_attributes",
        (("service.version", "1.0"),),
    ),
    Row("OTEL_ENTITIES=service{service.name=app}", "service_name", "app"),
    Row("OTEL_RESOURCE_ATTRIBUTES=a=b,bad,c=d", "resource_attributes", (), ("OTEL_RESOURCE_ATTRIBUTES",)),
    Row("OTEL_RESOURCE_ATTRIBUTES=k%2Ce=v", "resource_attributes", (("k,e", "v"),)),
    Row("OTEL_RESOURCE_ATTRIBUTES=service.name=a", "service_name", "a"),
    Row("OTEL_RESOURCE_ATTRIBUTES=service.name=a OTEL_SERVICE_NAME=b", "service_name", "b"),
    Row("OTEL_RESOURCE_ATTRIBUTES=service.name=a OTEL_SERVICE_NAME=", "service_name", "a"),
    Row("OTEL_SERVICE_NAME=~~", "service_name", None, ("OTEL_SERVICE_NAME",)),
    Row("OTEL_SERVICE_NAME=~shop~", "service_name", "shop"),
    Row("OTEL_LOG_LEVEL=DEBUG", "log_level", "debug"),
    Row("OTEL_LOG_LEVEL=none", "log_level", "none"),
    Row("OTEL_DISTRO_VERBOSE=1", "log_level", "debug"),
    Row("OTEL_DISTRO_VERBOSE=1 OTEL_LOG_LEVEL=error", "log_level", "error"),
    Row("OTEL_LOG_LEVEL=bogus", "log_level", "warn", ("OTEL_LOG_LEVEL",)),
    Row("OTEL_PROPAGATORS=bogus,tracecontext", "propagators", ("tracecontext",), ("OTEL_PROPAGATORS",)),
    Row(
        "OTEL_PROPAGATORS=b3,B3Multi,jaeger,xray,ottrace",
        "propagators",
        ("b3", "b3multi", "jaeger", "xray", "ottrace"),
    ),
    Row("OTEL_PROPAGATORS=tracecontext,", "propagators", ("tracecontext",)),
    Row("OTEL_PROPAGATORS=b3,b3,tracecontext", "propagators", ("b3", "tracecontext")),
    Row("OTEL_PROPAGATORS=tracecontext,none", "propagators", ("tracecontext",), ("OTEL_PROPAGATORS",)),
    Row("OTEL_PROPAGATORS=none", "propagators", ()),
    Row("OTEL_PROPAGATORS=", "propagators", ("tracecontext", "baggage")),
    *(
        row
        for prefix, field, delay in ((BSP, "bsp", 5.0), (BLRP, "blrp", 1.0))
        for row in (
            Row(f"{prefix}SCHEDULE_DELAY=-1", f"{field}.schedule_delay_s", delay, (f"{prefix}SCHEDULE_DELAY",)),
            Row(f"{prefix}SCHEDULE_DELAY=5s", f"{field}.schedule_delay_s", delay, (f"{prefix}SCHEDULE_DELAY",)),
            Row(f"{prefix}SCHEDULE_DELAY=0", f"{field}.schedule_delay_s", 0.0),
            Row(f"{prefix}SCHEDULE_DELAY=", f"{field}.schedule_delay_s", delay),
            Row(f"{prefix}EXPORT_TIMEOUT=1000", f"{field}.export_timeout_s", 1.0),
            Row(f"{prefix}EXPORT_TIMEOUT=0", f"{field}.export_timeout_s", None),
            Row(f"{prefix}EXPORT_TIMEOUT=-1", f"{field}.export_timeout_s", 30.0, (f"{prefix}EXPORT_TIMEOUT",)),
            Row(f"{prefix}MAX_QUEUE_SIZE=0", f"{field}.max_queue_size", 2048, (f"{prefix}MAX_QUEUE_SIZE",)),
            Row(f"{prefix}MAX_QUEUE_SIZE=256", f"{field}.max_export_batch_size", 256),
            Row(
                f"{prefix}MAX_EXPORT_BATCH_SIZE=4096",
                f"{field}.max_export_batch_size",
                2048,
                (f"{prefix}MAX_EXPORT_BATCH_SIZE",),
            ),
            Row(
                f"{prefix}MAX_EXPORT_BATCH_SIZE=1e3",
                f"{field}.max_export_batch_size",
                512,
                (f"{prefix}MAX_EXPORT_BATCH_SIZE",),
            ),
        )
    ),
    *(
        row
        for name, field, default in (
            ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "limits.attribute_length", None),
            ("OTEL_ATTRIBUTE_COUNT_LIMIT", "limits.span_attributes", 128),
            ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "limits.span_attribute_length", None),
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "limits.span_attributes", 128),
            ("OTEL_SPAN_EVENT_COUNT_LIMIT", "limits.events", 128),
            ("OTEL_SPAN_LINK_COUNT_LIMIT", "limits.links", 128),
            ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "limits.event_attributes", 128),
            ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "limits.link_attributes", 128),
            ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "limits.log_attributes", 128),
            ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "limits.log_attribute_length", None),
        )
        for row in (
            Row(f"{name}=abc", field, default, (name,)),
            Row(f"{name}=unlimited", field, default, (name,)),
            Row(f"{name}=-1", field, default, (name,)),
            Row(f"{name}=3.5", field, default, (name,)),
            Row(f"{name}=", field, default),
            Row(f"{name}=~7~", field, 7),
            Row(f"{name}=0", field, 0),
        )
    ),
    Row("OTEL_ATTRIBUTE_COUNT_LIMIT=9", "limits.link_attributes", 9),
    Row("OTEL_ATTRIBUTE_COUNT_LIMIT=9 OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=5", "limits.span_attributes", 5),
    Row("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=9", "limits.span_attribute_length", 9),
    Row("OTEL_METRIC_EXPORT_INTERVAL=-1", "metrics.export_interval_s", 60.0, ("OTEL_METRIC_EXPORT_INTERVAL",)),
    Row("OTEL_METRIC_EXPORT_INTERVAL=0", "metrics.export_interval_s", 60.0, ("OTEL_METRIC_EXPORT_INTERVAL",)),
    Row("OTEL_METRIC_EXPORT_TIMEOUT=1000", "metrics.export_timeout_s", 1.0),
    Row("OTEL_METRICS_EXEMPLAR_FILTER=ALWAYS_ON", "metrics.exemplar_filter", "always_on"),
    Row(f"{OTLP}METRICS_TEMPORALITY_PREFERENCE=", "metrics.temporality_preference", "cumulative"),
    Row(f"{OTLP}METRICS_TEMPORALITY_PREFERENCE=DELTA", "metrics.temporality_preference", "delta"),
    Row(
        f"{OTLP}METRICS_DEFAULT_HISTOGRAM_AGGREGATION=",
        "metrics.default_histogram_aggregation",
        "explicit_bucket_histogram",
    ),
    Row("OTEL_TRACES_EXPORTER=bogus,console", "traces_exporters", ("console",), ("OTEL_TRACES_EXPORTER",)),
    Row("OTEL_TRACES_EXPORTER=OTLP", "traces_exporters", ("otlp",)),
    Row("OTEL_TRACES_EXPORTER=console,", "traces_exporters", ("console",)),
    Row("OTEL_TRACES_EXPORTER=", "traces_exporters", ("otlp",)),
    Row("OTEL_TRACES_EXPORTER=otlp/stdout", "traces_exporters", ("otlp/stdout",)),
    Row("OTEL_TRACES_EXPORTER=otlp,none", "traces_exporters", ("otlp",), ("OTEL_TRACES_EXPORTER",)),
    Row("OTEL_TRACES_EXPORTER=none", "traces_exporters", ()),
    Row("OTEL_TRACES_EXPORTER=logging", "traces_exporters", ("console",), ("OTEL_TRACES_EXPORTER",)),
    Row("OTEL_TRACES_EXPORTER=otlp_proto_grpc", "otlp_traces.protocol", "grpc"),
    Row("OTEL_TRACES_EXPORTER=otlp_proto_grpc", "traces_exporters", ("otlp",)),
    Row("OTEL_METRICS_EXPORTER=bogus,console", "metrics_exporters", ("console",), ("OTEL_METRICS_EXPORTER",)),
    Row("OTEL_METRICS_EXPORTER=", "metrics_exporters", ()),
    Row(f"{OTLP}METRICS_ENDPOINT=http://h/m", "metrics_exporters", ("otlp",)),
    Row(f"{OTLP}ENDPOINT=http://h", "metrics_exporters", ()),
    Row("OTEL_LOGS_EXPORTER=OTLP", "logs_exporters", ("otlp",)),
    Row(f"{OTLP}LOGS_ENDPOINT=http://h/l", "logs_exporters", ("otlp",)),
    Row(f"{OTLP}LOGS_ENDPOINT=http://h/l OTEL_LOGS_EXPORTER=none", "logs_exporters", ()),
    Row("OTEL_EXPORTER_ZIPKIN_TIMEOUT=abc", "zipkin.timeout_s", 10.0, ("OTEL_EXPORTER_ZIPKIN_TIMEOUT",)),
    Row("OTEL_EXPORTER_ZIPKIN_PROTOCOL=json", "zipkin.endpoint", "http://localhost:9411/api/v2/spans"),
    Row(
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT=h:9411/x",
        "zipkin.endpoint",
        "http://h:9411/x",
        ("OTEL_EXPORTER_ZIPKIN_ENDPOINT",),
    ),
    *(
        Row(
            f"OTEL_EXPORTER_PROMETHEUS_PORT={bad}",
            "metrics.prometheus_port",
            9464,
            ("OTEL_EXPORTER_PROMETHEUS_PORT",),
        )
        for bad in ("abc", "-1", "99999")
    ),
    Row("OTEL_EXPORTER_PROMETHEUS_PORT=", "metrics.prometheus_port", 9464),
    Row("OTEL_CONFIG_FILE=f.yaml OTEL_SERVICE_NAME=a", "service_name", "a", ("OTEL_CONFIG_FILE",)),
    Row("OTEL_EXPERIMENTAL_CONFIG_FILE=f.yaml", "service_name", None, ("OTEL_EXPERIMENTAL_CONFIG_FILE",)),
    Row("OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN=logs", "service_name", None),
    Row("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS=GET,FOO", "instrumentation.known_methods", ("GET", "FOO")),
    Row("OTEL_SEMCONV_STABILITY_OPT_IN=http/dup", "instrumentation.semconv_opt_in", ("http/dup",)),
    Row("OTEL_SEMCONV_STABILITY_OPT_IN=none", "instrumentation.semconv_opt_in", ()),
    *(
        Row(f"{CAPTURE}{suffix}=[", f"instrumentation.{field}", (r"\[",), (f"{CAPTURE}{suffix}",))
        for suffix, field in (
            ("SERVER_REQUEST", "server_request_headers"),
            ("SERVER_RESPONSE", "server_response_headers"),
            ("CLIENT_REQUEST", "client_request_headers"),
            ("CLIENT_RESPONSE", "client_response_headers"),
            ("SANITIZE_FIELDS", "sanitize_fields"),
        )
    ),
    Row("OTEL_PYTHON_EXCLUDED_URLS=healthz", "instrumentation.django_excluded_urls", ("healthz",)),
    Row(
        "OTEL_PYTHON_EXCLUDED_URLS=a OTEL_PYTHON_FLASK_EXCLUDED_URLS=b",
        "instrumentation.flask_excluded_urls",
        ("b",),
    ),
    Row(
        "OTEL_PYTHON_FLASK_EXCLUDED_URLS=*healthz",
        "instrumentation.flask_excluded_urls",
        (r"\*healthz",),
        ("OTEL_PYTHON_FLASK_EXCLUDED_URLS",),
    ),
    Row("OTEL_PYTHON_DJANGO_INSTRUMENT=false", "disabled_instrumentations", ("django",)),
    Row("OTEL_PYTHON_DJANGO_INSTRUMENT=False", "instrumentation.django_instrument", False),
    Row(
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=FLASK,~redis*",
        "disabled_instrumentations",
        ("flask", "redis*"),
    ),
    Row("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=*", "disabled_instrumentations", ("*",)),
    Row(
        "OTEL_PYTHON_AUTO_INSTRUMENTATION_EXPERIMENTAL_GEVENT_PATCH=bogus",
        "gevent_patch",
        False,
        ("OTEL_PYTHON_AUTO_INSTRUMENTATION_EXPERIMENTAL_GEVENT_PATCH",),
    ),
    *(
        Row(f"{name}=bogus", "service_name", None, (name,))
        for name in (
            *("OTEL_PYTHON_DISTRO", "OTEL_PYTHON_CONFIGURATOR", "OTEL_PYTHON_CONTEXT"),
            *("OTEL_PYTHON_TRACER_PROVIDER", "OTEL_PYTHON_LOGGER_PROVIDER", "OTEL_PYTHON_METER_PROVIDER"),
            *("OTEL_PYTHON_TRACER_CONFIGURATOR", "OTEL_PYTHON_LOGGER_CONFIGURATOR"),
            *("OTEL_EXPORTER_OTLP_SPAN_INSECURE", "OTEL_EXPORTER_OTLP_METRIC_INSECURE"),
        )
    ),
    Row("OTEL_PYTHON_ID_GENERATOR=Mine", "id_generator", "random", ("OTEL_PYTHON_ID_GENERATOR",)),
    Row(
        "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS=slow,*",
        "resource_detectors",
        ("*",),
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",),
    ),
    Row("OTEL_DISTRO_STRICT=1", "strict", True),
    Row("OTEL_DISTRO_EXIT_TIMEOUT=500", "exit_timeout_s", 0.5),
    Row("OTEL_DISTRO_CHILDREN=Workers", "children", "workers"),
    Row("OTEL_DISTRO_MIN_SPAN_DURATION=5", "instrumentation.min_span_duration_s", 0.005),
    Row("http_proxy=http://p:1", "proxies.http", "http://p:1"),
    Row("HTTP_PROXY=http://p:1 http_proxy=", "proxies.http", None),
    Row("HTTP_PROXY=http://p:1 REQUEST_METHOD=GET", "proxies.http", None),
    Row("HTTPS_PROXY=http://p:1 NO_PROXY=a,.b", "proxies.no_proxy", ("a", ".b")),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.environ[:70]}-{row.field}")
def test_requirement(row: Row) -> None:
    """The value as the specification wants it, and exactly the problems it wants."""
    settings, problems = load(environ_of(row.environ))
    assert row.expected == field_of(settings, row.field)
    assert row.problems == tuple(problem.variable for problem in problems)


def test_nothing_set() -> None:
    """The defaults of the table are those of the types."""
    assert load({}) == (Settings(), ())


def test_problem_in_one_line() -> None:
    """Variable, value, what is wrong, what is used: control characters escaped."""
    _, problems = load({"OTEL_BSP_SCHEDULE_DELAY": "a\x1b[1m\nb"})
    expected = "OTEL_BSP_SCHEDULE_DELAY=a\\x1b[1m\\nb: not a whole number of milliseconds; using 5000"
    assert expected == str(problems[0])


def test_origin() -> None:
    """What decided each value: the environment, or the variable that stood in."""
    environ = {
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=a",
        "OTEL_BSP_MAX_QUEUE_SIZE": "2048",
        "JAEGER_DISABLED": "true",
    }
    settings, _ = load({**environ, "OTEL_BSP_SCHEDULE_DELAY": "junk", "OTEL_LOG_LEVEL": ""})
    assert dict(settings.origin) == {
        "OTEL_RESOURCE_ATTRIBUTES": "environment",
        "OTEL_BSP_MAX_QUEUE_SIZE": "environment",
        "OTEL_SERVICE_NAME": "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_SDK_DISABLED": "JAEGER_DISABLED",
        "JAEGER_DISABLED": "environment",
    }


def test_process_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """For those who were given no settings."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    assert load_from_environment().service_name == "shop"
    assert read_environ()["OTEL_SERVICE_NAME"] == "shop"


JUNK = {
    "empty": "",
    "blanks": " \t ",
    "junk": "junk \u2603 \udcff",
    "negative": "-1",
    "zero": "0",
    "huge": "9" * 400,
    "case": "TrUe",
    "comma": ",",
    "percent": "%zz%=%",
    "controls": "\x1b[31m\nx",
    "pattern": "*[(",
}


@pytest.mark.parametrize("kind", JUNK)
def test_f55_each_variable_alone(kind: str) -> None:
    """F55: load never raises; at most one problem, in one line; an empty value makes none."""
    for row in VARIABLES:
        settings, problems = load({row.name: JUNK[kind]})
        assert isinstance(settings, Settings)
        assert len(problems) <= 1, row.name
        assert all(problem.variable == row.name for problem in problems)
        assert all(str(problem).isprintable() and len(str(problem)) < 1000 for problem in problems)
        if kind == "empty":
            assert problems == ()
            assert Settings() == settings


@pytest.mark.parametrize("kind", JUNK)
def test_f55_all_variables_together(kind: str) -> None:
    """F55: one problem for each variable at most."""
    _, problems = load(dict.fromkeys(BY_NAME, JUNK[kind]))
    names = [problem.variable for problem in problems]
    assert sorted(set(names)) == sorted(names)


NAMES = st.one_of(st.sampled_from(sorted(BY_NAME)), st.text(max_size=30).map("OTEL_".__add__), st.text(max_size=10))


@given(st.dictionaries(NAMES, st.text(max_size=60), max_size=12))
def test_never_raises(environ: Mapping[str, str]) -> None:
    """Any environment gives settings, and problems that can be printed."""
    settings, problems = load(environ)
    assert isinstance(settings, Settings)
    assert all(str(problem).isprintable() for problem in problems)
