# SPDX-License-Identifier: Apache-2.0
"""Metrics, when their exporter is named: upstream's SDK and exporters, with our parsed settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import metrics
from opentelemetry.sdk.metrics import (
    AlwaysOffExemplarFilter,
    AlwaysOnExemplarFilter,
    Counter,
    Histogram,
    MeterProvider,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    TraceBasedExemplarFilter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ConsoleMetricExporter,
    MetricReader,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
)

from otel_distro.pipeline import upstream_exporters
from otel_distro.runtime import exit, guard

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from otel_distro.settings.problem import Problem
    from otel_distro.settings.settings import Settings

_EXEMPLAR_FILTERS: dict[str, Any] = {
    "always_on": AlwaysOnExemplarFilter,
    "always_off": AlwaysOffExemplarFilter,
    "trace_based": TraceBasedExemplarFilter,
}
_KNOWN = ("otlp", "prometheus", "console", "none")


def install(settings: Settings, resource: Resource) -> list[Problem]:
    """Set the global MeterProvider. A reader that cannot be made (a busy Prometheus port) costs only itself."""
    found, problems = upstream_exporters.find(
        settings.metrics_exporters, "OTEL_METRICS_EXPORTER", "opentelemetry_metrics_exporter", _KNOWN
    )
    readers = []
    for name, exporter in found:
        reader = guard.load(f"metrics exporter {name} could not be made", _reader, name, exporter, settings)
        if reader is not None:
            readers.append(reader)
    exemplar_filter = _EXEMPLAR_FILTERS.get(settings.metrics.exemplar_filter, TraceBasedExemplarFilter)
    provider = MeterProvider(
        metric_readers=readers, resource=resource, exemplar_filter=exemplar_filter(), shutdown_on_exit=False
    )
    metrics.set_meter_provider(provider)
    exit.register(lambda deadline: provider.shutdown(timeout_millis=(deadline.remaining_s() or 0.0) * 1000))
    return problems


def _reader(name: str, exporter: Any, settings: Settings) -> MetricReader:
    if name == "prometheus":
        return _prometheus(exporter, settings)
    if name == "otlp":
        made = upstream_exporters.otlp(
            settings.otlp_metrics,
            "metric_exporter",
            "OTLPMetricExporter",
            preferred_temporality=_temporality(settings.metrics.temporality_preference),
            preferred_aggregation=_aggregation(settings.metrics.default_histogram_aggregation),
        )
    else:
        made = ConsoleMetricExporter() if name == "console" else exporter()
    if isinstance(made, MetricReader):
        return made
    timeout_s = settings.metrics.export_timeout_s
    return PeriodicExportingMetricReader(
        made,
        export_interval_millis=settings.metrics.export_interval_s * 1000,
        export_timeout_millis=(timeout_s if timeout_s is not None else 86_400.0) * 1000,
    )


def _prometheus(reader: Any, settings: Settings) -> MetricReader:
    from prometheus_client import start_http_server

    start_http_server(port=settings.metrics.prometheus_port, addr=settings.metrics.prometheus_host)
    made: MetricReader = reader()
    return made


def _temporality(preference: str) -> dict[type, AggregationTemporality]:
    """Which instruments report deltas. Source: OTLP metrics exporter specification, temporality preference."""
    delta = {
        "delta": (Counter, Histogram, ObservableCounter),
        "lowmemory": (Counter, Histogram),
    }.get(preference, ())
    kinds = (Counter, UpDownCounter, Histogram, ObservableCounter, ObservableUpDownCounter, ObservableGauge)
    return {
        kind: AggregationTemporality.DELTA if kind in delta else AggregationTemporality.CUMULATIVE for kind in kinds
    }


def _aggregation(name: str) -> dict[type, Any]:
    if name == "base2_exponential_bucket_histogram":
        return {Histogram: ExponentialBucketHistogramAggregation()}
    return {Histogram: ExplicitBucketHistogramAggregation()}
