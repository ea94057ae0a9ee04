# SPDX-License-Identifier: Apache-2.0
"""OTEL_DISTRO_SPAN_CORE=sdk: the SDK's own provider and processor, as the reference and as a way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from otel_distro.runtime import bounded, exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanLimits
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import Sampler

    from otel_distro.runtime.deadline import Deadline
    from otel_distro.settings.settings import Settings

_SHORTEST_DELAY_S = 0.001  # the SDK takes no 0
_NO_LIMIT_S = 86_400.0


def provider(
    sampler: Sampler,
    resource: Resource,
    id_generator: IdGenerator | None,
    limits: SpanLimits,
    exporters: Sequence[SpanExporter],
    settings: Settings,
) -> TracerProvider:
    """An SDK provider over our exporters. It keeps the exit budget, but neither the ledger nor retries."""
    made = TracerProvider(
        sampler=sampler, resource=resource, id_generator=id_generator, span_limits=limits, shutdown_on_exit=False
    )
    bsp = settings.bsp
    for exporter in exporters:
        made.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=bsp.max_queue_size,
                schedule_delay_millis=max(bsp.schedule_delay_s, _SHORTEST_DELAY_S) * 1000,
                max_export_batch_size=bsp.max_export_batch_size,
                export_timeout_millis=(_NO_LIMIT_S if bsp.export_timeout_s is None else bsp.export_timeout_s) * 1000,
            )
        )

    def flush(deadline: Deadline) -> None:
        bounded.run([("the SDK's processors", made.shutdown, ())], deadline)

    exit.register(flush)
    return made
