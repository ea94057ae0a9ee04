# SPDX-License-Identifier: Apache-2.0
"""F17: a backend that is up for a second and down for a second, for a minute: nothing is lost."""

from __future__ import annotations

import time

import pytest

from otel_distro.pipeline.batch_span_processor import BatchSpanProcessor
from otel_distro.pipeline.provider import TracerProvider
from otel_distro.settings.settings import BatchSettings
from tests.harness.backend import Backend, flap
from tests.harness.delivering import otlp_exporter


@pytest.mark.tier2
def test_nothing_is_lost() -> None:
    """And at most 1 % is doubled."""
    with Backend(flap(1.0, 1.0)) as backend:
        provider = TracerProvider(shutdown_on_exit=False)
        processor = BatchSpanProcessor(
            otlp_exporter("http/protobuf", backend.traces_url), BatchSettings(schedule_delay_s=0.5), elastic=True
        )
        provider.add_span_processor(processor)
        tracer = provider.get_tracer("test")
        made, end = 0, time.monotonic() + 60
        while time.monotonic() < end:
            tracer.start_span("span").end()
            made += 1
            time.sleep(0.002)
        backend.script("ok")
        unique = {span.span_id for span in backend.wait_for(made, timeout_s=60)}
        assert len(unique) == made
        assert len(backend.duplicates()) <= made / 100
        assert provider.shutdown()
        assert processor.balance().confirmed == made
