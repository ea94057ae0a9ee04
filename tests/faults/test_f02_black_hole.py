# SPDX-License-Identifier: Apache-2.0
"""F02, F03, F04: a backend that swallows, is silent, or answers a byte at a time costs one deadline, not the app."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from otel_distro.exporters.retry import Retry
from otel_distro.runtime.deadline import Deadline
from tests.harness.backend import Backend
from tests.harness.delivering import delivering, otlp_exporter
from tests.harness.grpc_backend import GrpcBackend, silent
from tests.harness.hole import Hole
from tests.harness.spans import spans

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 0.3


@pytest.fixture(params=["hole", "hole, gRPC", "silent", "silent, gRPC", "trickle"])
def stuck(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Protocol and URL of a backend that keeps its callers waiting."""
    kind, _, grpc = request.param.partition(", ")
    protocol = "grpc" if grpc else "http/protobuf"
    if kind == "hole":
        server: Hole | Backend | GrpcBackend = Hole()
    else:
        server = GrpcBackend(silent) if grpc else Backend(kind)
    with server:
        yield protocol, server.url


def test_an_attempt_ends_at_the_timeout(stuck: tuple[str, str]) -> None:
    exporter = otlp_exporter(*stuck, timeout_s=TIMEOUT_S)
    began = time.monotonic()
    outcome = exporter.export_once(spans(5), Deadline(10))
    assert time.monotonic() - began < TIMEOUT_S + 0.5
    assert isinstance(outcome, Retry)
    exporter.shutdown()


def test_an_attempt_ends_at_the_callers_deadline(stuck: tuple[str, str]) -> None:
    exporter = otlp_exporter(*stuck, timeout_s=None)
    began = time.monotonic()
    exporter.export_once(spans(5), Deadline(TIMEOUT_S))
    assert time.monotonic() - began < TIMEOUT_S + 0.5
    exporter.shutdown()


def test_only_the_worker_waits_and_the_end_is_in_time(stuck: tuple[str, str]) -> None:
    began = time.monotonic()
    with delivering(*stuck, exit_s=TIMEOUT_S, timeout_s=10.0) as processor:
        for span in spans(200):
            processor.on_end(span)
        assert time.monotonic() - began < 0.5
        time.sleep(0.3)
    assert time.monotonic() - began < TIMEOUT_S + 1.7
    balance = processor.balance()
    assert (balance.accepted, balance.exported, balance.dropped, balance.missing) == (200, 0, {"exit": 200}, 0)
