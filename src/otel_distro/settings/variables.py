# SPDX-License-Identifier: Apache-2.0
"""THE TABLE: every environment variable that is read here, or that others read and this package knows about.

This file holds what the OpenTelemetry specification defines, and puts the parts together. The reference
page, `otel-distro-run --help-env` and the search for typing errors are made from the table.
"""

from otel_distro.settings import parse as p
from otel_distro.settings import variables_distro, variables_instrumentation, variables_jaeger
from otel_distro.settings.variable import Variable, rows

_SPEC = "OpenTelemetry specification, Environment Variables"
_PYTHON = "OpenTelemetry Python, environment variables"
_OURS = "otel-distro"

PROPAGATORS = ("tracecontext", "baggage", "b3", "b3multi", "jaeger", "xray", "ottrace")
SAMPLERS = (
    *("always_on", "always_off", "traceidratio", "ratelimiting", "jaeger_remote", "xray"),
    *("parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
    *("parentbased_ratelimiting", "parentbased_jaeger_remote"),
)
SIGNALS = {"": "all signals", "TRACES_": "spans", "METRICS_": "metrics", "LOGS_": "log records"}
_GRPC_CODES = (
    *("CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *(
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
    ),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
_SAMPLER_ARG = (
    "For traceidratio a number from 0 to 1 (1.0); for ratelimiting traces a second (1.0); "
    "for jaeger_remote endpoint=URL,pollingIntervalMs=60000,initialSamplingRate=0.001."
)
_CONFIG_FILE = "configuration files are not supported yet"
_ENVIRONMENT = "using the environment variables"
_UPSTREAM_OTLP = ("otlp_proto_http", "otlp_proto_grpc")  # what upstream calls the two kinds of otlp


def _general() -> list[Variable]:
    level = p.one_of("debug", "info", "warn", "error", "none", warning="warn", trace="debug", fatal="error")
    return [
        *rows(
            "general",
            f"{_SPEC}, General SDK Configuration",
            (
                "OTEL_SDK_DISABLED",
                p.boolean,
                False,
                "true: no SDK, no thread and no instrumentation; trace context is still passed on.",
            ),
            (
                "OTEL_SERVICE_NAME",
                p.text,
                None,
                "Name of the service; wins over service.name in OTEL_RESOURCE_ATTRIBUTES.",
                "(from the command: Django project, WSGI application, module or script)",
            ),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                p.attributes,
                None,
                "key=value list of resource attributes, percent-encoded. One bad item costs the whole list.",
            ),
            (
                "OTEL_LOG_LEVEL",
                level,
                "warn",
                "Level of otel-distro's own lines on stderr: debug, info, warn, error or none.",
            ),
            (
                "OTEL_PROPAGATORS",
                p.choices(*PROPAGATORS),
                ("tracecontext", "baggage"),
                f"How context travels in headers: list of {', '.join(PROPAGATORS)}; or none alone.",
            ),
            (
                "OTEL_TRACES_SAMPLER",
                p.name(*SAMPLERS),
                "parentbased_always_on",
                f"Which traces are recorded: {', '.join(SAMPLERS)}.",
            ),
            (
                "OTEL_TRACES_SAMPLER_ARG",
                p.text,
                None,
                _SAMPLER_ARG,
            ),
        ),
        *rows(
            "general",
            "OpenTelemetry specification, Entities (in development)",
            (
                "OTEL_ENTITIES",
                p.entities,
                None,
                "Entities, type{id=value}[attribute=value];... OTEL_RESOURCE_ATTRIBUTES wins over theirs.",
            ),
        ),
        *rows(
            "general",
            f"{_SPEC}, Declarative configuration",
            (
                "OTEL_CONFIG_FILE",
                p.unsupported(_CONFIG_FILE, _ENVIRONMENT),
                None,
                "Declarative configuration file: not supported yet, the other variables are used.",
            ),
            (
                "OTEL_EXPERIMENTAL_CONFIG_FILE",
                p.unsupported(f"a deprecated name of OTEL_CONFIG_FILE; {_CONFIG_FILE}", _ENVIRONMENT),
                None,
                "Deprecated name of OTEL_CONFIG_FILE.",
            ),
        ),
    ]


def _exporters() -> list[Variable]:
    port, text, timeout = p.port, p.text, p.timeout
    both = ("otlp", "console", "otlp/stdout", *_UPSTREAM_OTLP)
    return [
        *rows(
            "exporters",
            f"{_SPEC}, Exporter Selection",
            (
                "OTEL_TRACES_EXPORTER",
                p.choices("jaeger", "zipkin", *both, logging="console"),
                ("otlp",),
                "Where spans go: list of otlp, jaeger, zipkin, console, otlp/stdout; or none alone.",
            ),
            (
                "OTEL_METRICS_EXPORTER",
                p.choices("prometheus", *both, logging="console"),
                (),
                "Where metrics go: list of otlp, prometheus, console, otlp/stdout; or none alone.",
                "none; otlp if OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is set",
            ),
            (
                "OTEL_LOGS_EXPORTER",
                p.choices(*both, logging="console"),
                (),
                "Where log records go: list of otlp, console, otlp/stdout; or none alone.",
                "none; otlp if OTEL_EXPORTER_OTLP_LOGS_ENDPOINT is set",
            ),
        ),
        *rows(
            "exporters",
            f"{_SPEC}, Zipkin Exporter",
            (
                "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
                text,
                "http://localhost:9411/api/v2/spans",
                "URL of Zipkin, used as it is.",
            ),
            (
                "OTEL_EXPORTER_ZIPKIN_TIMEOUT",
                timeout,
                10000,
                "Longest time for one request, in milliseconds; 0: no limit.",
            ),
        ),
        *rows(
            "exporters",
            f"{_SPEC}, Zipkin Exporter",
            ("OTEL_EXPORTER_ZIPKIN_PROTOCOL", text, None, "A reserved name."),
            kind="no effect",
        ),
        *rows(
            "exporters",
            f"{_SPEC}, Prometheus Exporter",
            (
                "OTEL_EXPORTER_PROMETHEUS_HOST",
                text,
                "localhost",
                "Address that the Prometheus exporter listens on.",
            ),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", port, 9464, "Port that the Prometheus exporter listens on."),
        ),
    ]


def _otlp() -> list[Variable]:
    protocol = p.one_of("http/protobuf", "http/json", "grpc", http="http/protobuf", protobuf="http/protobuf")
    compression = p.one_of("none", "gzip", "deflate")
    endpoint = "http://localhost:4318; gRPC http://localhost:4317"
    source = "OpenTelemetry specification, OTLP Exporter Configuration"
    table: list[Variable] = []
    for signal, what in SIGNALS.items():
        prefix = f"OTEL_EXPORTER_OTLP_{signal}"
        path = "used as it is" if signal else "/v1/traces and so on are added over HTTP"
        replaced = "; replaces the general list" if signal else ""
        plain = (
            ("ENDPOINT", p.text, None, f"URL to which {what} are sent; {path}.", endpoint),
            ("PROTOCOL", protocol, "http/protobuf", f"http/protobuf, http/json or grpc, for {what}."),
            (
                "TIMEOUT",
                p.timeout,
                10000,
                f"Longest time for one export of {what}, in milliseconds; 0: no limit.",
            ),
            ("COMPRESSION", compression, "none", f"gzip or none, for {what}; deflate over HTTP only."),
            (
                "INSECURE",
                p.boolean,
                False,
                f"gRPC endpoint without scheme, {what}: true is plaintext, false is TLS.",
            ),
            ("CERTIFICATE", p.file, None, f"PEM file of the authority to trust, for {what}."),
            ("CLIENT_KEY", p.file, None, f"PEM file with the client's private key, for {what}."),
            ("CLIENT_CERTIFICATE", p.file, None, f"PEM file with the client's certificate, for {what}."),
        )
        secret = (
            "HEADERS",
            p.headers,
            None,
            f"name=value list of headers for {what}, percent-encoded{replaced}.",
        )
        found = [*rows("OTLP", source, *plain), *rows("OTLP", source, secret, secret=True)]
        for transport in ("HTTP", "GRPC"):
            name = f"OTEL_PYTHON_EXPORTER_OTLP_{transport}_{signal}CREDENTIAL_PROVIDER"
            doc = f"Entry point that gives the credentials for {what} over {transport}; or nothing is sent."
            found.append(Variable(name, p.text, None, doc, _PYTHON, "OTLP"))
        for one in found:
            row = one if one.name.startswith("OTEL_") else one._replace(name=prefix + one.name)
            table.append(row._replace(default=None, shown="(as for all signals)") if signal else row)
    obsolete = p.unsupported(
        "an obsolete name without effect", "use OTEL_EXPORTER_OTLP_TRACES_INSECURE or _METRICS_INSECURE"
    )
    codes = "(those of the OTLP specification)"
    return [
        *table,
        *rows(
            "OTLP",
            source,
            ("OTEL_EXPORTER_OTLP_SPAN_INSECURE", obsolete, None, "An obsolete name."),
            ("OTEL_EXPORTER_OTLP_METRIC_INSECURE", obsolete, None, "An obsolete name."),
            kind="no effect",
        ),
        *rows(
            "OTLP",
            _PYTHON,
            (
                "OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES",
                p.subset(*_GRPC_CODES),
                None,
                "gRPC status names after which a batch is sent again.",
                codes,
            ),
        ),
    ]


def _batching() -> list[Variable]:
    table: list[Variable] = []
    for prefix, delay, what, section in (
        ("OTEL_BSP_", 5000, "spans", "Batch Span Processor"),
        ("OTEL_BLRP_", 1000, "log records", "Batch LogRecord Processor"),
    ):
        table += rows(
            "batching",
            f"{_SPEC}, {section}",
            (
                f"{prefix}SCHEDULE_DELAY",
                p.milliseconds,
                delay,
                f"Longest wait between two exports of {what}, in milliseconds.",
            ),
            (
                f"{prefix}EXPORT_TIMEOUT",
                p.timeout,
                30000,
                f"Longest time to export a batch of {what}, retries included, in milliseconds; 0: no limit.",
            ),
            (
                f"{prefix}MAX_QUEUE_SIZE",
                p.size,
                2048,
                f"Most {what} that may wait; what comes on top is dropped and counted.",
                "2048; as many as OTEL_DISTRO_MAX_QUEUE_BYTES allows" if what == "spans" else "",
            ),
            (
                f"{prefix}MAX_EXPORT_BATCH_SIZE",
                p.size,
                512,
                f"Most {what} in a request; never more than the queue takes.",
            ),
        )
    memory = 48 * 1024 * 1024
    return [
        *table,
        *rows(
            "batching",
            _OURS,
            (
                "OTEL_DISTRO_MAX_QUEUE_BYTES",
                p.number(1, 2**63 - 1),
                memory,
                "Most memory for waiting spans, estimated, in bytes.",
            ),
            (
                "OTEL_DISTRO_DROP_POLICY",
                p.one_of("oldest", "newest"),
                "oldest",
                "What a full queue drops: oldest or newest.",
            ),
        ),
    ]


def _network() -> list[Variable]:
    source = "curl, environment variables"
    loopback = "this machine itself is always reached without"
    return [
        *rows(
            "network",
            source,
            ("http_proxy", p.text, None, f"Proxy for http:// endpoints, URL; {loopback}. Or HTTP_PROXY."),
            ("https_proxy", p.text, None, f"Proxy for https:// endpoints, URL; {loopback}. Or HTTPS_PROXY."),
            secret=True,
        ),
        *rows("network", source, ("no_proxy", p.names, (), "Hosts reached without a proxy. Or NO_PROXY.")),
    ]


def _limits() -> list[Variable]:
    count, unlimited, general = p.count, "(no limit)", "(OTEL_ATTRIBUTE_COUNT_LIMIT)"
    length = "(OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT)"
    return [
        *rows(
            "limits",
            f"{_SPEC}, Attribute Limits",
            ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", count, None, "Most characters in a text value.", unlimited),
            (
                "OTEL_ATTRIBUTE_COUNT_LIMIT",
                count,
                128,
                "Most attributes of a span, event, link or log record.",
            ),
        ),
        *rows(
            "limits",
            f"{_SPEC}, Span Limits",
            (
                "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
                count,
                None,
                "Most characters in a text value of a span.",
                length,
            ),
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", count, None, "Most attributes of a span.", general),
            ("OTEL_SPAN_EVENT_COUNT_LIMIT", count, 128, "Most events of a span."),
            ("OTEL_SPAN_LINK_COUNT_LIMIT", count, 128, "Most links of a span."),
            ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", count, None, "Most attributes of an event.", general),
            ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", count, None, "Most attributes of a link.", general),
        ),
        *rows(
            "limits",
            f"{_SPEC}, LogRecord Limits",
            (
                "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
                count,
                None,
                "Most characters in a text value of a log record.",
                length,
            ),
            (
                "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
                count,
                None,
                "Most attributes of a log record.",
                general,
            ),
        ),
    ]


def _metrics() -> list[Variable]:
    exemplars = p.one_of("trace_based", "always_on", "always_off")
    temporality = p.one_of("cumulative", "delta", "lowmemory")
    histograms = p.one_of("explicit_bucket_histogram", "base2_exponential_bucket_histogram")
    otlp = "OTEL_EXPORTER_OTLP_METRICS_"
    return [
        *rows(
            "metrics",
            f"{_SPEC}, Metrics SDK Configuration",
            (
                "OTEL_METRIC_EXPORT_INTERVAL",
                p.size,
                60000,
                "Time from the start of one export to the next, in milliseconds.",
            ),
            (
                "OTEL_METRIC_EXPORT_TIMEOUT",
                p.timeout,
                30000,
                "Longest time for one export, in milliseconds; 0: no limit.",
            ),
            (
                "OTEL_METRICS_EXEMPLAR_FILTER",
                exemplars,
                "trace_based",
                "Exemplars: trace_based, always_on or always_off.",
            ),
        ),
        *rows(
            "metrics",
            "OpenTelemetry specification, Metrics Exporter - OTLP",
            (f"{otlp}TEMPORALITY_PREFERENCE", temporality, "cumulative", "cumulative, delta or lowmemory."),
            (
                f"{otlp}DEFAULT_HISTOGRAM_AGGREGATION",
                histograms,
                "explicit_bucket_histogram",
                "explicit_bucket_histogram or base2_exponential_bucket_histogram.",
            ),
        ),
        *rows(
            "metrics",
            _PYTHON,
            (
                "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED",
                p.boolean,
                False,
                "true: metrics about the SDK itself.",
            ),
        ),
    ]


VARIABLES: tuple[Variable, ...] = (
    *_general(),
    *_exporters(),
    *_otlp(),
    *_batching(),
    *_limits(),
    *_metrics(),
    *_network(),
    *variables_instrumentation.ROWS,
    *variables_distro.ROWS,
    *variables_jaeger.ROWS,
)
"""All rows, in the order in which problems are reported and the reference page shows them."""

BY_NAME: dict[str, Variable] = {row.name: row for row in VARIABLES}
