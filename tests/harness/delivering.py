# SPDX-License-Identifier: Apache-2.0
"""An exporter behind our batch span processor, for fault rows about backends.

with delivering("http/protobuf", backend.traces_url) as processor:
    for span in spans(50):
        processor.on_end(span)
    backend.wait_for(50)
balance = processor.balance()
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from otel_distro import exporters
from otel_distro.exporters.span_exporter import OutcomeSpanExporter
from otel_distro.pipeline.batch_span_processor import BatchSpanProcessor
from otel_distro.settings.settings import BatchSettings, OtlpSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


def otlp_exporter(protocol: str, url: str, **settings: Any) -> OutcomeSpanExporter:
    """The OTLP exporter for a protocol, made as the registry makes it."""
    otlp = OtlpSettings(protocol=protocol, endpoint=url, **settings)
    (exporter,), problems = exporters.create(Settings(otlp_traces=otlp))
    assert problems == []
    assert isinstance(exporter, OutcomeSpanExporter)
    return exporter


@contextmanager
def delivering(
    protocol: str, url: str, exit_s: float = 2.0, delay_s: float = 0.2, **settings: Any
) -> Iterator[BatchSpanProcessor]:
    """A processor that sends soon, but not before a test has put all its spans in; shut down within exit_s."""
    exporter = otlp_exporter(protocol, url, **settings)
    processor = BatchSpanProcessor(exporter, BatchSettings(schedule_delay_s=delay_s))
    try:
        yield processor
    finally:
        processor.shutdown(exit_s * 1000)
        exporter.shutdown()


def our_lines(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """What we wrote to stderr since the last look; grpcio's core writes lines of its own there."""
    return [line for line in capfd.readouterr().err.splitlines() if line.startswith("otel-distro:")]
