# SPDX-License-Identifier: Apache-2.0
"""F06: 70 % of the replies fail for five seconds under full load; ten seconds later everything is there."""

from __future__ import annotations

import threading
import time

import pytest

from otel_distro.pipeline.batch_span_processor import BatchSpanProcessor
from otel_distro.pipeline.provider import TracerProvider
from otel_distro.settings.settings import BatchSettings
from tests.harness.backend import Backend, fail
from tests.harness.delivering import otlp_exporter


@pytest.mark.tier2
def test_everything_arrives_after_all() -> None:
    """1,000 spans a second from 4 threads."""
    with Backend(fail(70)) as backend:
        provider = TracerProvider(shutdown_on_exit=False)
        processor = BatchSpanProcessor(
            otlp_exporter("http/protobuf", backend.traces_url), BatchSettings(), elastic=True
        )
        provider.add_span_processor(processor)
        tracer = provider.get_tracer("test")

        def make() -> None:
            for _ in range(1250):
                tracer.start_span("span").end()
                time.sleep(0.004)

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        backend.script("ok")
        backend.wait_for(5000, timeout_s=10)
        assert backend.duplicates() == []
        assert provider.shutdown()
        assert processor.balance().dropped == {}
        assert processor.balance().missing == 0
