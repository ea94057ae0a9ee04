# SPDX-License-Identifier: Apache-2.0
"""F20: whatever is instrumented, the exporters' own requests make no spans."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from tests.harness.backend import Backend
from tests.harness.grpc_backend import GrpcBackend

PROGRAM = """
    import contextlib, io, sys
    from importlib.metadata import entry_points
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    on = []
    for entry in entry_points(group="opentelemetry_instrumentor"):
        if entry.name in ("django", "flask"):
            continue  # they wait for apps
        with contextlib.suppress(ImportError):
            entry.load()().instrument(skip_dep_check=True)
            on.append(entry.name)
    assert "requests" in on, on

    from otel_distro import exporters
    from otel_distro.exporters.retry import Delivered
    from otel_distro.runtime.deadline import Deadline
    from otel_distro.settings.settings import OtlpSettings, Settings, ZipkinSettings
    from tests.harness.delivering import otlp_exporter
    from tests.harness.spans import spans

    http, grpc = sys.argv[1:]
    (zipkin,), _ = exporters.create(Settings(traces_exporters=("zipkin",), zipkin=ZipkinSettings(http)))
    for exporter in (otlp_exporter("http/protobuf", http), otlp_exporter("grpc", grpc), zipkin):
        assert exporter.export_once(spans(3), Deadline(5)) == Delivered()
        exporter.shutdown()
    assert memory.get_finished_spans() == (), memory.get_finished_spans()
"""


def test_no_spans_of_our_own_requests() -> None:
    with Backend() as http, GrpcBackend() as grpc:
        program = [sys.executable, "-c", textwrap.dedent(PROGRAM), http.traces_url, grpc.url]
        subprocess.run(program, check=True, timeout=40)
        assert len(http.spans()) == 3
        assert len(grpc.spans()) == 3
