# SPDX-License-Identifier: Apache-2.0
"""The frozen, typed result of reading the environment. Durations in seconds, sizes in bytes.

A timeout of None means no limit. `origin` maps a variable's name to where its value came from, for
every variable that was not left at its default.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

OtlpProtocol: TypeAlias = Literal["http/protobuf", "http/json", "grpc"]
JaegerProtocol: TypeAlias = Literal["http/thrift.binary", "grpc", "udp/thrift.compact", "udp/thrift.binary"]
Compression: TypeAlias = Literal["none", "gzip", "deflate"]
Children: TypeAlias = Literal["all", "workers", "none"]
LogLevel: TypeAlias = Literal["debug", "info", "warn", "error", "none"]


class OtlpSettings(NamedTuple):
    """How one signal is sent over OTLP.

    endpoint: the URL requests are posted to, path included (HTTP); scheme://host:port (gRPC).
    endpoint_origin: the variable that gave it, or "default".
    insecure: plaintext (gRPC); always follows the endpoint's scheme.
    headers: lower-case names, percent-decoded values, usable on the chosen protocol.
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


class JaegerSettings(NamedTuple):
    """How spans are sent in Jaeger's own formats. endpoint is used for HTTP and gRPC, agent_* for UDP."""

    protocol: JaegerProtocol = "http/thrift.binary"
    endpoint: str = "http://localhost:14268/api/traces"
    agent_host: str = "localhost"
    agent_port: int = 6831
    timeout_s: float | None = 10.0
    user: str | None = None
    password: str | None = None
    certificate: str | None = None
    insecure: bool = False


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
    """Span limits. None means unlimited."""

    span_attributes: int | None = 128
    span_attribute_length: int | None = None
    event_attributes: int | None = 128
    link_attributes: int | None = 128
    attribute_length: int | None = None
    events: int | None = 128
    links: int | None = 128


class MetricSettings(NamedTuple):
    """Metrics, when an exporter is named for them."""

    export_interval_s: float = 60.0
    export_timeout_s: float | None = 30.0
    exemplar_filter: str = "trace_based"
    temporality_preference: str = "cumulative"
    default_histogram_aggregation: str = "explicit_bucket_histogram"
    prometheus_host: str = "localhost"
    prometheus_port: int = 9464


class Settings(NamedTuple):
    """Everything that was read from the environment, parsed."""

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
    bsp: BatchSettings = BatchSettings()
    blrp: BatchSettings = BatchSettings(schedule_delay_s=1.0)
    limits: LimitSettings = LimitSettings()
    metrics: MetricSettings = MetricSettings()
    only_instrumentations: tuple[str, ...] = ()
    disabled_instrumentations: tuple[str, ...] = ()
    instrumentation_options: tuple[tuple[str, str, str], ...] = ()
    sdk_internal_metrics: bool = False
    children: Children = "all"
    exit_timeout_s: float = 2.0
    flush_on_sigterm: bool = True
    drop_policy: Literal["oldest", "newest"] = "oldest"
    span_core: Literal["otel_distro", "sdk"] = "otel_distro"
    strict: bool = False
    quiet: bool = False
    origin: tuple[tuple[str, str], ...] = ()
