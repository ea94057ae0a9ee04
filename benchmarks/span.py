# SPDX-License-Identifier: Apache-2.0
"""What a span costs its maker, ours beside the SDK's, alternating in one process.

Prints nanoseconds of the calling thread's CPU per operation (best of the rounds) and the ratio. The worker
threads export into nothing. Run: python benchmarks/span.py [rounds]
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor as SdkBatchSpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import DEFAULT_OFF, DEFAULT_ON

from otel_distro.pipeline.batch_span_processor import BatchSpanProcessor
from otel_distro.pipeline.provider import TracerProvider

if TYPE_CHECKING:
    from collections.abc import Callable

ATTRIBUTES = {
    "http.request.method": "GET",
    "url.scheme": "http",
    "url.path": "/orders/1234/",
    "server.address": "shop.example.com",
    "server.port": 8000,
    "client.address": "192.0.2.7",
    "network.protocol.version": "1.1",
    "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "http.route": "orders/<int:pk>/",
    "http.response.status_code": 200,
    "app.cached": False,
    "app.score": 0.75,
}
EIGHT = dict(list(ATTRIBUTES.items())[:8])
COUNT = 1_000  # fits the queues, so that no drop is measured


class Nowhere(SpanExporter):
    """Takes everything."""

    def export(self, spans: Any) -> SpanExportResult:  # noqa: ARG002
        return SpanExportResult.SUCCESS


def tracers(sampler: Any) -> tuple[Any, Any]:
    """The SDK's tracer and ours, each with a batch span processor."""
    logging.disable(logging.CRITICAL)
    made = []
    for provider_class, processor in (
        (SdkTracerProvider, SdkBatchSpanProcessor(Nowhere())),
        (TracerProvider, BatchSpanProcessor(Nowhere())),
    ):
        provider = provider_class(sampler=sampler, resource=Resource({"service.name": "bench"}))
        provider.add_span_processor(processor)
        made.append(provider.get_tracer("bench"))
    return made[0], made[1]


def as_current(tracer: Any) -> None:
    with tracer.start_as_current_span("GET /orders/", attributes=ATTRIBUTES):
        pass


def child_as_current(tracer: Any) -> None:
    with tracer.start_as_current_span("SELECT", attributes=EIGHT):
        pass


def detached(tracer: Any) -> None:
    tracer.start_span("GET /orders/", attributes=EIGHT).end()


def eight_set(tracer: Any) -> None:
    span = tracer.start_span("GET /orders/")
    set_attribute = span.set_attribute
    for key, value in EIGHT.items():
        set_attribute(key, value)
    span.end()


def bare(tracer: Any) -> None:
    with tracer.start_as_current_span("work"):
        pass


def failing(tracer: Any) -> None:
    try:
        with tracer.start_as_current_span("work"):
            raise ValueError("no")  # noqa: TRY301
    except ValueError:
        return


def measure(operation: Callable[[Any], None], tracer: Any) -> float:
    """Nanoseconds of this thread per operation."""
    time.sleep(0.03)  # the queues run empty
    begun = time.thread_time_ns()
    for _ in range(COUNT):
        operation(tracer)
    return (time.thread_time_ns() - begun) / COUNT


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    on, off = tracers(DEFAULT_ON), tracers(DEFAULT_OFF)
    cases = [
        ("create to queue, 12 attributes, as current span", as_current, on),
        ("start and end, 8 attributes", detached, on),
        ("eight set_attribute calls, with the span", eight_set, on),
        ("no attributes, as current span", bare, on),
        ("an exception leaves the span", failing, on),
        ("not sampled, 12 attributes, as current span", as_current, off),
    ]
    print(f"{'':50}{'SDK ns':>10}{'ours ns':>10}{'ratio':>8}")
    for name, operation, pair in cases:
        best = [float("inf"), float("inf")]
        for _ in range(rounds):
            for which in (0, 1):
                best[which] = min(best[which], measure(operation, pair[which]))
        print(f"{name:50}{best[0]:10,.0f}{best[1]:10,.0f}{best[1] / best[0]:8.1%}")
    with on[0].start_as_current_span("parent"):
        sdk = min(measure(child_as_current, on[0]) for _ in range(rounds))
    with on[1].start_as_current_span("parent"):
        ours = min(measure(child_as_current, on[1]) for _ in range(rounds))
    print(f"{'child span, 8 attributes, as current span':50}{sdk:10,.0f}{ours:10,.0f}{ours / sdk:8.1%}")


if __name__ == "__main__":
    main()
