# SPDX-License-Identifier: Apache-2.0
"""CPU time of encoding spans to OTLP bytes: ours against upstream's, alternating in one run.

    python benchmarks/encode.py [--batch 512] [--rounds 15]

Prints medians (min to max) in microseconds per span and the ratio. Spans look like those of a Django
request: 12 attributes, most of which repeat; the path, a query and the peer's port differ from span to span.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from otel_distro.wire.otlp import Encoder

if TYPE_CHECKING:
    from collections.abc import Callable


def make_spans(count: int, first: int) -> list[Any]:
    """Ended SDK spans with 12 attributes each, numbered from first."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
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


class LeanSpan:
    """The shape of our own span class: ids as ints, attributes in a plain dict."""

    __slots__ = (
        "_attributes", "_dropped_attributes", "_dropped_events", "_dropped_links", "_end_time", "_events",
        "_instrumentation_scope", "_kind", "_links", "_name", "_parent_id", "_parent_is_remote", "_resource",
        "_span_id", "_start_time", "_status", "_trace_flags", "_trace_id", "_trace_state",
    )  # fmt: skip

    def __init__(self, span: Any) -> None:
        context = span.get_span_context()
        self._trace_id, self._span_id, self._trace_flags = (
            context.trace_id,
            context.span_id,
            int(context.trace_flags),
        )
        self._parent_id, self._parent_is_remote, self._trace_state = 0, False, None
        self._attributes = dict(span._attributes)
        self._events = self._links = None
        self._dropped_attributes = self._dropped_events = self._dropped_links = 0
        for name in (
            "_name",
            "_kind",
            "_start_time",
            "_end_time",
            "_resource",
            "_instrumentation_scope",
            "_status",
        ):
            setattr(self, name, getattr(span, name))


def cpu_us(work: Callable[[], object], spans: int) -> float:
    """CPU microseconds per span of one call."""
    began = time.process_time_ns()
    work()
    return (time.process_time_ns() - began) / 1000 / spans


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    batches = [make_spans(options.batch, n * options.batch) for n in range(options.rounds + 2)]
    lean = [[LeanSpan(span) for span in batch] for batch in batches]
    encoder, lean_encoder = Encoder(), Encoder()
    figures: dict[str, list[float]] = {"upstream": [], "ours, SDK spans": [], "ours, our spans": []}
    for i in range(options.rounds + 2):
        batch, lean_batch = batches[i], lean[i]
        found = (
            cpu_us(lambda batch=batch: encode_spans(batch).SerializeToString(), options.batch),
            cpu_us(lambda batch=batch: encoder.encode(batch), options.batch),
            cpu_us(lambda batch=lean_batch: lean_encoder.encode(batch), options.batch),
        )
        if i >= 2:  # the first two warm the caches
            for values, value in zip(figures.values(), found, strict=True):
                values.append(value)
    base = statistics.median(figures["upstream"])
    for name, values in figures.items():
        median = statistics.median(values)
        print(f"{name:18} {median:7.2f} us ({min(values):.2f} to {max(values):.2f})  {median / base:6.1%}")


if __name__ == "__main__":
    main()
