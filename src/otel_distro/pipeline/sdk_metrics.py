# SPDX-License-Identifier: Apache-2.0
"""The `otel.sdk.*` metrics of tracers, processors and exporters; made only when they are asked for.

Processors and exporters cost nothing more for them: their metrics are read from the ledger when a reader
collects. Source: semantic conventions, "OpenTelemetry SDK metrics" (development).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Observation
from opentelemetry.sdk.trace import SpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import MeterProvider

    from otel_distro.pipeline.batch_span_processor import BatchSpanProcessor
    from otel_distro.runtime.counters import Balance

SCOPE = "opentelemetry-sdk"
_PROCESSOR = "batching_span_processor"
# reasons that the processor answers for, by the conventions' error.type; the others are the exporter's
_PROCESSOR_DROPS = {"queue_full": "queue_full", "after_shutdown": "already_shutdown"}

_numbers: dict[str, int] = {}


class LiveSpans(SpanProcessor):
    """Takes a span off otel.sdk.span.live when it ends."""

    def on_end(self, span: Any) -> None:
        """See SpanProcessor."""
        ended = getattr(span, "_on_end_metric", None)
        if ended is not None:
            ended()


def observe(processor: BatchSpanProcessor, meter_provider: MeterProvider, exporter_type: str) -> None:
    """Offer the metrics of a batch span processor and of its exporter.

    exporter_type: the conventions' otel.component.type, e.g. `otlp_http_span_exporter`.
    """
    meter = meter_provider.get_meter(SCOPE)
    ours, exporters = _component(_PROCESSOR), _component(exporter_type)
    balance, in_flight = processor.balance, processor.in_flight

    def processed(_: object) -> Iterable[Observation]:
        now = balance()
        handed_over = now.accepted - now.queued + in_flight()
        dropped = {error: now.dropped.get(reason, 0) for reason, error in _PROCESSOR_DROPS.items()}
        yield Observation(handed_over - sum(dropped.values()), ours)
        for error, count in dropped.items():
            if count:
                yield Observation(count, {**ours, "error.type": error})

    def exported(_: object) -> Iterable[Observation]:
        now = balance()
        yield Observation(now.exported, exporters)
        for reason, count in now.dropped.items():
            if reason not in _PROCESSOR_DROPS:
                yield Observation(count, {**exporters, "error.type": reason})

    def gauge(name: str, what: str, read: Callable[[], int], attributes: dict[str, str]) -> None:
        meter.create_observable_up_down_counter(
            name, [lambda _: [Observation(read(), attributes)]], unit="{span}", description=what
        )

    def queue_size(read: Callable[[], Balance] = balance) -> int:
        return read().queued - in_flight()

    meter.create_observable_counter(
        "otel.sdk.processor.span.processed", [processed], unit="{span}", description="Spans that left the queue."
    )
    meter.create_observable_counter(
        "otel.sdk.exporter.span.exported", [exported], unit="{span}", description="Spans whose export is over."
    )
    gauge("otel.sdk.processor.span.queue.size", "Spans in the queue.", queue_size, ours)
    gauge("otel.sdk.processor.span.queue.capacity", "Spans the queue may hold.", lambda: processor.capacity, ours)
    gauge("otel.sdk.exporter.span.inflight", "Spans being exported.", in_flight, exporters)


def _component(kind: str) -> dict[str, str]:
    number = _numbers.get(kind, 0)
    _numbers[kind] = number + 1
    return {"otel.component.type": kind, "otel.component.name": f"{kind}/{number}"}
