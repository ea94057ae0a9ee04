# SPDX-License-Identifier: Apache-2.0
"""OTLP/JSON on standard output, one ExportTraceServiceRequest per line, for a log collector to pick up.

Source: OpenTelemetry Protocol File Exporter (development), exporter name `otlp/stdout`.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from otel_distro.exporters.retry import Delivered, Outcome, Refused
from otel_distro.exporters.span_exporter import OutcomeSpanExporter, with_left_out
from otel_distro.wire.otlp_json import Encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_distro.runtime.deadline import Deadline


class OtlpStdoutSpanExporter(OutcomeSpanExporter):
    """Writes to the descriptor, past Python's buffers and locks; flushing the app's output is the app's."""

    destination = "stdout"

    def __init__(self) -> None:
        self._encoder = Encoder()

    def export_once(self, spans: Sequence[ReadableSpan], deadline: Deadline) -> Outcome:  # noqa: ARG002
        """See OutcomeSpanExporter."""
        encoded = self._encoder.encode(spans)
        if encoded.span_count:
            try:
                _write(encoded.body + b"\n")
            except (OSError, ValueError, AttributeError) as error:
                return Refused(f"stdout cannot be written ({error})", type(error).__name__)
        return with_left_out(Delivered(), encoded.rejected, len(spans))

    def shutdown(self) -> None:
        """Nothing is held."""


def _write(data: bytes) -> None:
    descriptor = sys.stdout.fileno()
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
