# SPDX-License-Identifier: Apache-2.0
"""gevent: the worker is cooperative when patching came first, and harmless when it came later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("gevent")

PROGRAM = """
import time

from opentelemetry import trace

tracer = trace.get_tracer("test")
if {early}:
    with tracer.start_as_current_span("before patching"):
        pass
    time.sleep(0.3)  # the worker's thread has started and exported
from gevent import monkey

monkey.patch_all()
import gevent

longest = 0.0


def watch():
    global longest
    while True:
        asleep = time.perf_counter()
        gevent.sleep(0.001)
        longest = max(longest, time.perf_counter() - asleep)


def work(number):
    for _ in range(20):
        with tracer.start_as_current_span(f"work {{number}}"):
            gevent.sleep(0.005)


watcher = gevent.spawn(watch)
gevent.joinall([gevent.spawn(work, number) for number in range(40)])
if hasattr(trace.get_tracer_provider(), "force_flush"):
    assert trace.get_tracer_provider().force_flush(5000)
watcher.kill()
print("no long stall" if longest < 0.1 else f"a stall of {{longest * 1000:.0f}} ms")
"""


@pytest.mark.parametrize("early", [False, True], ids=["patched first", "patched later"])
def test_the_hub_goes_on(early: bool, tmp_path: Path) -> None:
    """All spans arrive, greenlets go on while they are sent, and nobody complains at the end."""
    with Backend() as backend:
        Oracle(tmp_path).check(
            PROGRAM.format(early=early), {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None
        )
        assert len(backend.spans()) == 800 + early
