# SPDX-License-Identifier: Apache-2.0
"""F07: 429 with Retry-After, whatever it says: no request before its time, and nothing lost."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from otel_distro.exporters.retry import Retry, Wait, next_step
from otel_distro.runtime.deadline import Deadline
from tests.harness.backend import Backend, status
from tests.harness.delivering import delivering, otlp_exporter
from tests.harness.grpc_backend import GrpcBackend, accept, failure
from tests.harness.spans import spans


@pytest.mark.parametrize(("retry_after", "least_s"), [("1", 1.0), ("junk", 0.5), ("0", 0.5)])
def test_the_next_request_comes_in_its_time_and_brings_everything(retry_after: str, least_s: float) -> None:
    with Backend(status(429, retry_after), "ok") as backend:
        with delivering("http/protobuf", backend.traces_url) as processor:
            for span in spans(50):
                processor.on_end(span)
            backend.wait_for(50)
        first, second = backend.requests[:2]
        assert second.at_s - first.at_s >= least_s
        assert backend.duplicates() == []
        assert processor.balance().confirmed == 50


@pytest.mark.parametrize(
    ("retry_after", "least_s", "most_s"),
    [(lambda: formatdate(time.time() + 100, usegmt=True), 98.0, 111.0), (lambda: "86400", 300.0, 300.0)],
)
def test_dates_and_long_waits_count_up_to_five_minutes(retry_after: object, least_s: float, most_s: float) -> None:
    with Backend(status(429, retry_after())) as backend:
        exporter = otlp_exporter("http/protobuf", backend.traces_url)
        step = next_step(exporter.export_once(spans(1), Deadline(5)), 1, 1)
        assert isinstance(step, Wait)
        assert least_s <= step.delay_s <= most_s
        exporter.shutdown()


def test_grpc_says_it_with_retry_info() -> None:
    with GrpcBackend(failure("RESOURCE_EXHAUSTED", retry_after_s=0.7), accept) as backend:
        exporter = otlp_exporter("grpc", backend.url)
        outcome = exporter.export_once(spans(1), Deadline(5))
        assert isinstance(outcome, Retry)
        assert outcome.after_s == pytest.approx(0.7)
        exporter.shutdown()
