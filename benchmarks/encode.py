# SPDX-License-Identifier: Apache-2.0
"""CPU time of encoding spans to OTLP bytes: ours against upstream's, alternating in one run.

    python benchmarks/encode.py [--batch 512] [--rounds 15]

Prints medians (min to max) in microseconds per span and the ratio. Spans look like those of a Django
request: 12 attributes, most of which repeat; the path, the query and the peer's port differ from span to span.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from otel_distro.pipeline.provider import TracerProvider
from otel_distro.wire.otlp import Encoder

if TYPE_CHECKING:
    from collections.abc import Callable


def make_spans(provider_class: type[sdk.TracerProvider], count: int, first: int) -> list[Any]:
    """Ended spans with 12 attributes each, numbered from first."""
    exporter = InMemorySpanExporter()
    provider = provider_class(resource=Resource.create({"service.name": "shop"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("opentelemetry.instrumentation.django", "0.66b1")
    for i in range(first, first + count):
        attributes = {
            "http.request.method": "GET",
            "server.address": "shop.example.com",
            "url.scheme": "https",
            "server.port": 443,
            "client.address": "203.0.113.7",
            "network.peer.port": i % 60_000,
            "url.path": f"/orders/{i}/items",
            "network.protocol.version": "1.1",
            "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "http.route": "orders/<int:pk>/items",
            "http.response.status_code": 200,
            "url.query": f"page={i}",
        }
        tracer.start_span("GET orders/<int:pk>/items", kind=SpanKind.SERVER, attributes=attributes).end()
    return list(exporter.get_finished_spans())


def cpu_us(work: Callable[[Any], object], batch: list[Any]) -> float:
    """CPU microseconds per span of one call."""
    began = time.process_time_ns()
    work(batch)
    return (time.process_time_ns() - began) / 1000 / len(batch)


def upstream(batch: list[Any]) -> bytes:
    """What upstream's exporters do."""
    return bytes(encode_spans(batch).SerializeToString())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    encoder = Encoder()
    cases: dict[str, tuple[Callable[[Any], object], type[sdk.TracerProvider]]] = {
        "upstream, SDK spans": (upstream, sdk.TracerProvider),
        "ours, SDK spans": (encoder.encode, sdk.TracerProvider),
        "ours, our spans": (encoder.encode, TracerProvider),
    }
    figures: dict[str, list[float]] = {name: [] for name in cases}
    for i in range(options.rounds + 2):
        for name, (work, provider_class) in cases.items():
            figure = cpu_us(work, make_spans(provider_class, options.batch, i * options.batch))
            if i >= 2:  # the first two warm the caches
                figures[name].append(figure)
    base = statistics.median(figures["upstream, SDK spans"])
    for name, values in figures.items():
        median = statistics.median(values)
        print(f"{name:20} {median:7.2f} us ({min(values):.2f} to {max(values):.2f})  {median / base:6.1%}")


if __name__ == "__main__":
    main()
