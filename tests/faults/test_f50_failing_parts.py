# SPDX-License-Identifier: Apache-2.0
"""F50: samplers, processors, exporters and exceptions of the app that raise while it runs: it never sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Sampler


class Failing(SpanProcessor):
    def on_start(self, span, parent_context=None):
        raise ValueError("on_start")

    def on_end(self, span):
        raise ValueError("on_end")

    def shutdown(self):
        raise ValueError("shutdown")

    def force_flush(self, timeout_millis=30000):
        raise ValueError("force_flush")


class FailingSampler(Sampler):
    def should_sample(self, *args, **kwargs):
        raise ValueError("should_sample")

    def get_description(self):
        return "failing"


class FailingExporter(SpanExporter):
    def export(self, spans):
        raise SystemExit(9)


class OwnError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


provider = trace.get_tracer_provider()
if hasattr(provider, "add_span_processor"):
    provider.add_span_processor(Failing())
tracer = trace.get_tracer("test")
try:
    with tracer.start_as_current_span("raised"):
        raise OwnError
except OwnError:
    print("the app's own exception")
for number in range(49):
    with tracer.start_as_current_span(f"span {number}"):
        pass
tracer.sampler = FailingSampler()
with tracer.start_as_current_span("unsampled"):
    print("inside")
"""


def test_the_app_never_sees_it(tmp_path: Path) -> None:
    """50 of 50 spans; what the failing sampler was asked about is unsampled."""
    with Backend() as backend:
        Oracle(tmp_path).check(PROGRAM, {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None)
        assert {span.name for span in backend.spans()} == {"raised", *(f"span {n}" for n in range(49))}
