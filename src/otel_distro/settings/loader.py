# SPDX-License-Identifier: Apache-2.0
"""Environment to Settings and Problems."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from otel_distro.settings import jaeger, otlp, plugins, sampler
from otel_distro.settings import url as urls
from otel_distro.settings.parse import members, readable
from otel_distro.settings.problem import Problem
from otel_distro.settings.reader import Reader
from otel_distro.settings.settings import (
    BatchSettings,
    InstrumentationSettings,
    LimitSettings,
    MetricSettings,
    ProxySettings,
    Settings,
    ZipkinSettings,
)
from otel_distro.settings.variables import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_distro.settings.settings import LogLevel, OtlpProtocol

__all__ = ["Problem", "Settings", "load", "load_from_environment", "read_environ"]

_OTLP_BY_NAME: dict[str, OtlpProtocol] = {"otlp_proto_http": "http/protobuf", "otlp_proto_grpc": "grpc"}
_OF_JAEGER_CLIENT = {"JAEGER": ("jaeger",), "B3": ("b3",), "W3C": ("tracecontext", "baggage")}


def read_environ() -> dict[str, str]:
    """A copy of the process environment."""
    return dict(os.environ)


def load_from_environment() -> Settings:
    """The settings of this process, for whoever was not given them; their problems were said at start-up."""
    return load(os.environ)[0]


def load(environ: Mapping[str, str]) -> tuple[Settings, tuple[Problem, ...]]:
    """Read everything that can be set. A bad value costs only itself and makes one Problem. Never raises.

    Beside the mapping, only the existence of files that it names is looked at.
    """
    reader = Reader(environ)
    traces, traces_protocol = _exporters(reader, "TRACES")
    metrics, metrics_protocol = _exporters(reader, "METRICS")
    logs, logs_protocol = _exporters(reader, "LOGS")
    service_name, resource_attributes = _identity(reader)
    value = reader.value
    settings = Settings(
        sdk_disabled=bool(reader.instead_of("OTEL_SDK_DISABLED", "JAEGER_DISABLED")),
        service_name=service_name,
        resource_attributes=resource_attributes,
        resource_detectors=value("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"),
        log_level=_log_level(reader),
        propagators=_propagators(reader),
        sampler=sampler.read(reader),
        id_generator=value("OTEL_PYTHON_ID_GENERATOR"),
        traces_exporters=traces,
        metrics_exporters=metrics,
        logs_exporters=logs,
        otlp_traces=otlp.read(reader, "TRACES", traces_protocol),
        otlp_metrics=otlp.read(reader, "METRICS", metrics_protocol),
        otlp_logs=otlp.read(reader, "LOGS", logs_protocol),
        jaeger=jaeger.read(reader, "jaeger" in traces),
        jaeger_client=jaeger.read_client(reader),
        zipkin=_zipkin(reader),
        proxies=_proxies(environ),
        bsp=_batches(reader, "OTEL_BSP_"),
        blrp=_batches(reader, "OTEL_BLRP_"),
        limits=_limits(reader),
        metrics=_metrics(reader),
        only_instrumentations=value("OTEL_DISTRO_INSTRUMENTATIONS"),
        disabled_instrumentations=_disabled(reader),
        instrumentation_options=value("OTEL_DISTRO_INSTRUMENTATION_OPTIONS"),
        instrumentation=_instrumentation(reader),
        sdk_internal_metrics=value("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"),
        children=value("OTEL_DISTRO_CHILDREN"),
        exit_timeout_s=reader.seconds("OTEL_DISTRO_EXIT_TIMEOUT"),
        flush_on_sigterm=value("OTEL_DISTRO_FLUSH_ON_SIGTERM"),
        drop_policy=value("OTEL_DISTRO_DROP_POLICY"),
        span_core=value("OTEL_DISTRO_SPAN_CORE"),
        strict=value("OTEL_DISTRO_STRICT"),
        quiet=value("OTEL_DISTRO_QUIET"),
        verbose=value("OTEL_DISTRO_VERBOSE"),
        viewer=value("OTEL_DISTRO_VIEWER"),
        launch=value("OTEL_DISTRO_LAUNCH"),
        gevent_patch=value("OTEL_PYTHON_AUTO_INSTRUMENTATION_EXPERIMENTAL_GEVENT_PATCH") is not None,
        origin=tuple(reader.origin.items()),
    )
    settings = _without_unknown_components(reader, settings)
    _report_unknown_names(reader)
    return settings, tuple(reader.problems)


def _without_unknown_components(reader: Reader, settings: Settings) -> Settings:
    """Names that nothing answers to are reported and left out; with none left, the default is used."""

    def known(variable: str, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = dict(plugins.unknown(variable, names))
        if not unknown:
            return names
        left = tuple(name for name in names if name not in unknown) or BY_NAME[variable].default or ()
        for reason in unknown.values():
            reader.report(variable, reason, f"using {','.join(left) or 'none'}", again=True)
        return tuple(left)

    def one(variable: str, name: str) -> str:
        for _, reason in plugins.unknown(variable, (name,)):
            default: str = BY_NAME[variable].default
            reader.report(variable, reason, f"using {default}", again=True)
            return default
        return name

    return settings._replace(
        traces_exporters=known("OTEL_TRACES_EXPORTER", settings.traces_exporters),
        metrics_exporters=known("OTEL_METRICS_EXPORTER", settings.metrics_exporters),
        logs_exporters=known("OTEL_LOGS_EXPORTER", settings.logs_exporters),
        propagators=known("OTEL_PROPAGATORS", settings.propagators),
        sampler=settings.sampler._replace(name=one("OTEL_TRACES_SAMPLER", settings.sampler.name)),
        id_generator=one("OTEL_PYTHON_ID_GENERATOR", settings.id_generator),
        resource_detectors=known("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", settings.resource_detectors),
    )


def _log_level(reader: Reader) -> LogLevel:
    if reader.given("OTEL_LOG_LEVEL") is None and reader.value("OTEL_DISTRO_VERBOSE"):
        return "debug"
    level: LogLevel = reader.value("OTEL_LOG_LEVEL")
    return level


def _exporters(reader: Reader, signal: str) -> tuple[tuple[str, ...], OtlpProtocol | None]:
    """The exporters of a signal, and the protocol if one of them is named in upstream's way."""
    name = f"OTEL_{signal}_EXPORTER"
    found: tuple[str, ...] | None = reader.given(name)
    if found is None:
        endpoint = f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"
        given = reader.given(endpoint)
        if signal != "TRACES" and given is not None and not isinstance(urls.split(given), str):
            reader.origin[name] = endpoint
            return ("otlp",), None
        return reader.value(name), None
    protocol = next((_OTLP_BY_NAME[exporter] for exporter in found if exporter in _OTLP_BY_NAME), None)
    renamed = ("otlp" if exporter in _OTLP_BY_NAME else exporter for exporter in found)
    return tuple(dict.fromkeys(renamed)), protocol


def _identity(reader: Reader) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    """service.name, and all other attributes of the resource."""
    attributes: dict[str, str] = dict(reader.given("OTEL_ENTITIES") or ())
    attributes.update(reader.instead_of("OTEL_RESOURCE_ATTRIBUTES", "JAEGER_TAGS") or ())
    name = "OTEL_SERVICE_NAME"
    among_attributes = attributes.pop("service.name", None)
    service_name: str | None = reader.given(name)
    if service_name is None and among_attributes:
        service_name = among_attributes
        reader.origin[name] = "OTEL_RESOURCE_ATTRIBUTES"
    if service_name is None:
        service_name = reader.instead_of(name, "JAEGER_SERVICE_NAME")
    return service_name, tuple(attributes.items())


def _propagators(reader: Reader) -> tuple[str, ...]:
    name = "OTEL_PROPAGATORS"
    if reader.given(name) is None:
        of_client = reader.fallback("JAEGER_PROPAGATION")
        if of_client:
            reader.origin[name] = "JAEGER_PROPAGATION"
            return tuple(propagator for item in of_client for propagator in _OF_JAEGER_CLIENT[item])
    found: tuple[str, ...] = reader.value(name)
    return found


def _zipkin(reader: Reader) -> ZipkinSettings:
    name = "OTEL_EXPORTER_ZIPKIN_ENDPOINT"
    found = urls.split(reader.value(name))
    endpoint = reader.value(name)
    if isinstance(found, str) or found.scheme not in ("", "http", "https"):
        reader.report(name, found if isinstance(found, str) else "no http:// or https:// URL", "using the default")
        endpoint = ZipkinSettings().endpoint
    elif not found.scheme:
        endpoint = f"http://{endpoint}"
        reader.report(name, "no scheme", f"using {found._replace(scheme='http').origin()}")
    return ZipkinSettings(endpoint, reader.timeout_s("OTEL_EXPORTER_ZIPKIN_TIMEOUT"))


def _proxies(environ: Mapping[str, str]) -> ProxySettings:
    """Lower case wins. HTTP_PROXY does not count in a CGI program, where it comes from a request's header."""

    def given(name: str) -> str | None:
        return readable(environ.get(name, environ.get(name.upper(), ""))).strip() or None

    cgi = "REQUEST_METHOD" in environ and "http_proxy" not in environ
    return ProxySettings(
        http=None if cgi else given("http_proxy"),
        https=given("https_proxy"),
        no_proxy=tuple(members(given("no_proxy") or "")),
    )


def _batches(reader: Reader, prefix: str) -> BatchSettings:
    delay, queue = f"{prefix}SCHEDULE_DELAY", f"{prefix}MAX_QUEUE_SIZE"
    if prefix == "OTEL_BSP_":
        delay_ms = reader.instead_of(delay, "JAEGER_REPORTER_FLUSH_INTERVAL")
        queue_size = reader.instead_of(queue, "JAEGER_REPORTER_MAX_QUEUE_SIZE")
    else:
        delay_ms, queue_size = reader.given(delay), reader.given(queue)
    queue_size = reader.value(queue) if queue_size is None else queue_size
    batch = f"{prefix}MAX_EXPORT_BATCH_SIZE"
    if (reader.given(batch) or 0) > queue_size:
        reader.report(batch, f"more than the queue takes ({queue_size})", f"using {queue_size}")
    return BatchSettings(
        schedule_delay_s=(reader.value(delay) if delay_ms is None else delay_ms) / 1000,
        export_timeout_s=reader.timeout_s(f"{prefix}EXPORT_TIMEOUT"),
        max_queue_size=queue_size,
        max_export_batch_size=min(reader.value(batch), queue_size),
        max_queue_bytes=reader.value("OTEL_DISTRO_MAX_QUEUE_BYTES"),
    )


def _limits(reader: Reader) -> LimitSettings:
    def own(name: str, general: Any) -> Any:
        found = reader.given(name)
        return general if found is None else found

    attributes = reader.value("OTEL_ATTRIBUTE_COUNT_LIMIT")
    length = reader.given("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")
    return LimitSettings(
        span_attributes=own("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", attributes),
        span_attribute_length=own("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", length),
        event_attributes=own("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", attributes),
        link_attributes=own("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", attributes),
        attribute_length=length,
        events=reader.value("OTEL_SPAN_EVENT_COUNT_LIMIT"),
        links=reader.value("OTEL_SPAN_LINK_COUNT_LIMIT"),
        log_attributes=own("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", attributes),
        log_attribute_length=own("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", length),
    )


def _metrics(reader: Reader) -> MetricSettings:
    otlp_metrics = "OTEL_EXPORTER_OTLP_METRICS_"
    return MetricSettings(
        export_interval_s=reader.seconds("OTEL_METRIC_EXPORT_INTERVAL"),
        export_timeout_s=reader.timeout_s("OTEL_METRIC_EXPORT_TIMEOUT"),
        exemplar_filter=reader.value("OTEL_METRICS_EXEMPLAR_FILTER"),
        temporality_preference=reader.value(f"{otlp_metrics}TEMPORALITY_PREFERENCE"),
        default_histogram_aggregation=reader.value(f"{otlp_metrics}DEFAULT_HISTOGRAM_AGGREGATION"),
        prometheus_host=reader.value("OTEL_EXPORTER_PROMETHEUS_HOST"),
        prometheus_port=reader.value("OTEL_EXPORTER_PROMETHEUS_PORT"),
    )


def _disabled(reader: Reader) -> tuple[str, ...]:
    found: tuple[str, ...] = reader.value("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS")
    return found if reader.value("OTEL_PYTHON_DJANGO_INSTRUMENT") else (*found, "django")


def _instrumentation(reader: Reader) -> InstrumentationSettings:
    value = reader.value
    capture = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_"
    excluded = value("OTEL_PYTHON_EXCLUDED_URLS")
    return InstrumentationSettings(
        server_request_headers=value(f"{capture}SERVER_REQUEST"),
        server_response_headers=value(f"{capture}SERVER_RESPONSE"),
        client_request_headers=value(f"{capture}CLIENT_REQUEST"),
        client_response_headers=value(f"{capture}CLIENT_RESPONSE"),
        sanitize_fields=value(f"{capture}SANITIZE_FIELDS"),
        known_methods=value("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS"),
        capture_all_methods=value("OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS"),
        semconv_opt_in=value("OTEL_SEMCONV_STABILITY_OPT_IN"),
        excluded_urls=excluded,
        django_excluded_urls=reader.first("OTEL_PYTHON_DJANGO_EXCLUDED_URLS") or excluded,
        flask_excluded_urls=reader.first("OTEL_PYTHON_FLASK_EXCLUDED_URLS") or excluded,
        exclude_health_checks=value("OTEL_DISTRO_EXCLUDE_HEALTH_CHECKS"),
        django_instrument=value("OTEL_PYTHON_DJANGO_INSTRUMENT"),
        django_middleware_position=value("OTEL_PYTHON_DJANGO_MIDDLEWARE_POSITION"),
        django_traced_request_attrs=value("OTEL_PYTHON_DJANGO_TRACED_REQUEST_ATTRS"),
        django_spans=value("OTEL_DISTRO_DJANGO_SPANS"),
        flask_traced_request_attrs=value("OTEL_PYTHON_FLASK_TRACED_REQUEST_ATTRS"),
        flask_spans=value("OTEL_DISTRO_FLASK_SPANS"),
        min_span_duration_s=reader.seconds("OTEL_DISTRO_MIN_SPAN_DURATION"),
        trace_functions=value("OTEL_DISTRO_TRACE_FUNCTIONS"),
        trace_functions_file=value("OTEL_DISTRO_TRACE_FUNCTIONS_FILE"),
        redact=value("OTEL_DISTRO_REDACT"),
        forwarded_headers=value("OTEL_DISTRO_FORWARDED_HEADERS"),
        response_headers=value("OTEL_DISTRO_RESPONSE_HEADERS"),
        baggage_attributes=value("OTEL_DISTRO_BAGGAGE_ATTRIBUTES"),
        log_correlation=value("OTEL_DISTRO_LOG_CORRELATION"),
        sqlcommenter=value("OTEL_DISTRO_SQLCOMMENTER"),
        explain=value("OTEL_DISTRO_EXPLAIN"),
    )


def _report_unknown_names(reader: Reader) -> None:
    unknown = [name for name in reader.texts if name not in BY_NAME and name.startswith("OTEL_")]
    if unknown:
        from otel_distro.settings import typos

        for name in unknown[: typos.MOST]:
            meant = typos.meant(name)
            if meant is not None:
                reader.report(name, "not a known variable", f"did you mean {meant}?")
