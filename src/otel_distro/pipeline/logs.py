# SPDX-License-Identifier: Apache-2.0
"""Log records as a signal, when their exporter is named: upstream's SDK and exporters, with our parsed settings.

The app's handlers and formats are left alone; records reach the provider through the logging instrumentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, ConsoleLogRecordExporter

from otel_distro.instrumentation import activation
from otel_distro.pipeline import upstream_exporters
from otel_distro.runtime import exit, guard
from otel_distro.settings.problem import Problem

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from otel_distro.settings.settings import Settings

_KNOWN = ("otlp", "console", "none")


def install(settings: Settings, resource: Resource) -> list[Problem]:
    """Set the global LoggerProvider. An exporter that cannot be made costs only itself."""
    found, problems = upstream_exporters.find(
        settings.logs_exporters, "OTEL_LOGS_EXPORTER", "opentelemetry_logs_exporter", _KNOWN
    )
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    for name, exporter in found:
        made = guard.load(f"logs exporter {name} could not be made", _exporter, name, exporter, settings)
        if made is not None:
            provider.add_log_record_processor(_processor(made, settings))
    set_logger_provider(provider)
    if not activation.is_installed("logging"):
        problems.append(
            Problem(
                "OTEL_LOGS_EXPORTER",
                ",".join(settings.logs_exporters),
                "log records reach it through an instrumentation that is not installed",
                "pip install opentelemetry-instrumentation-logging",
            )
        )
    exit.register(lambda deadline: provider.force_flush(int((deadline.remaining_s() or 0.0) * 1000)))
    return problems


def _exporter(name: str, exporter: Any, settings: Settings) -> Any:
    if name == "otlp":
        return upstream_exporters.otlp(settings.otlp_logs, "_log_exporter", "OTLPLogExporter")
    return ConsoleLogRecordExporter() if name == "console" else exporter()


def _processor(exporter: Any, settings: Settings) -> BatchLogRecordProcessor:
    timeout_s = settings.blrp.export_timeout_s
    return BatchLogRecordProcessor(
        exporter,
        schedule_delay_millis=max(1.0, settings.blrp.schedule_delay_s * 1000),
        max_export_batch_size=settings.blrp.max_export_batch_size,
        max_queue_size=settings.blrp.max_queue_size,
        export_timeout_millis=(timeout_s if timeout_s is not None else 86_400.0) * 1000,
    )
