# SPDX-License-Identifier: Apache-2.0
"""Any SpanExporter behind the interface of ours, as far as success and failure tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export import SpanExportResult

from otel_distro.exporters.retry import Delivered, Outcome, Refused
from otel_distro.exporters.span_exporter import OutcomeSpanExporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

    from otel_distro.runtime.deadline import Deadline

FAILED = "exporter_failed"
"""The error_type of an exporter that said failure, and not why."""


class ForeignExporter(OutcomeSpanExporter):
    """Adapts an exporter of somebody else; it may retry by itself, so its failure is final."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.destination = type(exporter).__name__

    def export_once(self, spans: Sequence[ReadableSpan], deadline: Deadline) -> Outcome:  # noqa: ARG002
        """One call of its export(). Raises what that raises; a deadline cannot be passed on."""
        if self._exporter.export(spans) is SpanExportResult.SUCCESS:
            return Delivered()
        return Refused("the export failed", FAILED)

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporter.force_flush(timeout_millis)
