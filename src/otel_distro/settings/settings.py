# SPDX-License-Identifier: Apache-2.0
"""The frozen, typed result of reading the environment. Durations in seconds, sizes in bytes.

A timeout of None means no limit. `origin` maps a variable's name to where its value came from, for every
variable that decided something: "environment", or the name of the variable that stood in for it.
"""

# annotations are evaluated here: typing compiles each one that is text, which costs start-up time

from typing import Literal, NamedTuple, TypeAlias

OtlpProtocol: TypeAlias = Literal["http/protobuf", "http/json", "grpc"]
JaegerProtocol: TypeAlias = Literal["http/thrift.binary", "grpc", "udp/thrift.compact", "udp/thrift.binary"]
Compression: TypeAlias = Literal["none", "gzip", "deflate"]
Children: TypeAlias = Literal["all", "workers", "none"]
Viewer: TypeAlias = Literal["auto", "on", "off"]
LogLevel: TypeAlias = Literal["debug", "info", "warn", "error", "none"]

KNOWN_METHODS = ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE")


class OtlpSettings(NamedTuple):
    """How one signal is sent over OTLP.

    endpoint: the URL requests are posted to, path included (HTTP); scheme://host:port, or a target in gRPC's
        own notation such as unix:/path (gRPC). A user and password in it have become a header, so it can
        be shown once `redact.url` has masked its query.
    endpoint_origin: the variable that gave it, or "default".
    insecure: plaintext (gRPC); always follows the endpoint's scheme, if it has one.
    headers: lower-case names, percent-decoded values, usable on the chosen protocol.
    certificate, client_key, client_certificate: paths as the user gave them; the files may not exist.
    retryable_codes: names of gRPC status codes worth another try; () means those of the OTLP specification.
    """

    protocol: OtlpProtocol = "http/protobuf"
    endpoint: str = "http://localhost:4318/v1/traces"
    endpoint_origin: str = "default"
    insecure: bool = True
    headers: tuple[tuple[str, str], ...] = ()
    timeout_s: float | None = 10.0
    compression: Compression = "none"
    certificate: str | None = None
    client_key: str | None = None
    client_certificate: str | None = None
    credential_provider: str | None = None
    max_request_bytes: int = 64 * 1024 * 1024
    max_response_bytes: int = 4 * 1024 * 1024
    retryable_codes: tuple[str, ...] = ()


class JaegerSettings(NamedTuple):
    """How spans are sent in Jaeger's own formats. endpoint is used for HTTP and gRPC, agent_* for UDP.

    user, password: for basic authentication; password is None without a user. token: for a bearer header.
    insecure: plaintext for a gRPC endpoint without scheme.
    """

    protocol: JaegerProtocol = "http/thrift.binary"
    endpoint: str = "http://localhost:14268/api/traces"
    agent_host: str = "localhost"
    agent_port: int = 6831
    timeout_s: float | None = 10.0
    user: str | None = None
    password: str | None = None
    certificate: str | None = None
    insecure: bool = False
    token: str | None = None


class JaegerClientSettings(NamedTuple):
    """What jaeger-client itself read from the environment, and its users expect to count. None: not given."""

    service_name: str | None = None
    agent_host: str | None = None
    agent_port: int | None = None
    tags: tuple[tuple[str, str], ...] = ()
    traceid_128bit: bool = False


class ProxySettings(NamedTuple):
    """http_proxy, https_proxy, no_proxy: URLs with their credentials, never to be shown; the exceptions."""

    http: str | None = None
    https: str | None = None
    no_proxy: tuple[str, ...] = ()


class ZipkinSettings(NamedTuple):
    """How spans are sent to Zipkin."""

    endpoint: str = "http://localhost:9411/api/v2/spans"
    timeout_s: float | None = 10.0


class JaegerRemoteSettings(NamedTuple):
    """Argument of the jaeger_remote samplers."""

    endpoint: str = "http://localhost:5778/sampling"
    polling_interval_s: float = 60.0
    initial_sampling_rate: float = 0.001


class SamplerSettings(NamedTuple):
    """name: the specification's sampler name, lower case. ratio: for the *traceidratio samplers.
    rate: traces a second, for ratelimiting. argument: the raw text, for samplers of other packages."""

    name: str = "parentbased_always_on"
    ratio: float = 1.0
    rate: float = 1.0
    remote: JaegerRemoteSettings = JaegerRemoteSettings()
    argument: str | None = None


class BatchSettings(NamedTuple):
    """OTEL_BSP_* or OTEL_BLRP_*. Sizes count items; max_queue_bytes bounds their estimated memory."""

    schedule_delay_s: float = 5.0
    export_timeout_s: float | None = 30.0
    max_queue_size: int = 2048
    max_export_batch_size: int = 512
    max_queue_bytes: int = 48 * 1024 * 1024


class LimitSettings(NamedTuple):
    """Span and log record limits. None means unlimited."""

    span_attributes: int | None = 128
    span_attribute_length: int | None = None
    event_attributes: int | None = 128
    link_attributes: int | None = 128
    attribute_length: int | None = None
    events: int | None = 128
    links: int | None = 128
    log_attributes: int | None = 128
    log_attribute_length: int | None = None


class MetricSettings(NamedTuple):
    """Metrics, when an exporter is named for them."""

    export_interval_s: float = 60.0
    export_timeout_s: float | None = 30.0
    exemplar_filter: str = "trace_based"
    temporality_preference: str = "cumulative"
    default_histogram_aggregation: str = "explicit_bucket_histogram"
    prometheus_host: str = "localhost"
    prometheus_port: int = 9464


class InstrumentationSettings(NamedTuple):
    """What the instrumentors do. All patterns are regular expressions that compile, alone and joined by |.

    semconv_opt_in: () selects the old attribute names. known_methods: as written, upper or lower case.
    django_excluded_urls, flask_excluded_urls: the framework's own list, or the general one.
    trace_functions: `package.module:function` or `package.module:Class.method`; may hold globs.
    """

    server_request_headers: tuple[str, ...] = ()
    server_response_headers: tuple[str, ...] = ()
    client_request_headers: tuple[str, ...] = ()
    client_response_headers: tuple[str, ...] = ()
    sanitize_fields: tuple[str, ...] = ()
    known_methods: tuple[str, ...] = KNOWN_METHODS
    capture_all_methods: bool = False
    semconv_opt_in: tuple[str, ...] = ("http", "database")
    excluded_urls: tuple[str, ...] = ()
    django_excluded_urls: tuple[str, ...] = ()
    flask_excluded_urls: tuple[str, ...] = ()
    exclude_health_checks: bool = False
    django_instrument: bool = True
    django_middleware_position: int = 0
    django_traced_request_attrs: tuple[str, ...] = ()
    django_spans: tuple[str, ...] = ()
    flask_traced_request_attrs: tuple[str, ...] = ()
    flask_spans: tuple[str, ...] = ()
    min_span_duration_s: float = 0.0
    trace_functions: tuple[str, ...] = ()
    trace_functions_file: str | None = None
    redact: tuple[str, ...] = ()
    forwarded_headers: bool = True
    response_headers: bool = False
    baggage_attributes: tuple[str, ...] = ()
    log_correlation: bool = False
    sqlcommenter: bool = False
    explain: bool = False


class Settings(NamedTuple):
    """Everything that was read from the environment, parsed.

    service_name: as the user gave it, in whichever variable; None when it is to be found out.
    resource_attributes: without service.name.
    launch: what otel-distro-run left for this process, opaque here.
    """

    sdk_disabled: bool = False
    service_name: str | None = None
    resource_attributes: tuple[tuple[str, str], ...] = ()
    resource_detectors: tuple[str, ...] = ()
    log_level: LogLevel = "warn"
    propagators: tuple[str, ...] = ("tracecontext", "baggage")
    sampler: SamplerSettings = SamplerSettings()
    id_generator: str = "random"
    traces_exporters: tuple[str, ...] = ("otlp",)
    metrics_exporters: tuple[str, ...] = ()
    logs_exporters: tuple[str, ...] = ()
    otlp_traces: OtlpSettings = OtlpSettings()
    otlp_metrics: OtlpSettings = OtlpSettings(endpoint="http://localhost:4318/v1/metrics")
    otlp_logs: OtlpSettings = OtlpSettings(endpoint="http://localhost:4318/v1/logs")
    jaeger: JaegerSettings = JaegerSettings()
    jaeger_client: JaegerClientSettings = JaegerClientSettings()
    zipkin: ZipkinSettings = ZipkinSettings()
    proxies: ProxySettings = ProxySettings()
    bsp: BatchSettings = BatchSettings()
    blrp: BatchSettings = BatchSettings(schedule_delay_s=1.0)
    limits: LimitSettings = LimitSettings()
    metrics: MetricSettings = MetricSettings()
    only_instrumentations: tuple[str, ...] = ()
    disabled_instrumentations: tuple[str, ...] = ()
    instrumentation_options: tuple[tuple[str, str, str], ...] = ()
    instrumentation: InstrumentationSettings = InstrumentationSettings()
    sdk_internal_metrics: bool = False
    children: Children = "all"
    exit_timeout_s: float = 2.0
    flush_on_sigterm: bool = True
    drop_policy: Literal["oldest", "newest"] = "oldest"
    span_core: Literal["otel_distro", "sdk"] = "otel_distro"
    strict: bool = False
    quiet: bool = False
    verbose: bool = False
    viewer: Viewer = "auto"
    launch: str | None = None
    gevent_patch: bool = False
    origin: tuple[tuple[str, str], ...] = ()
