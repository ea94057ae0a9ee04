# SPDX-License-Identifier: Apache-2.0
"""F60: spans nested 900 deep, ended twice, never ended, linked in a circle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
from opentelemetry import trace

tracer = trace.get_tracer("test")


def deeper(level):
    with tracer.start_as_current_span(f"level {level}"):
        if level:
            deeper(level - 1)


import sys

sys.setrecursionlimit(5000)
deeper(899)
twice = tracer.start_span("twice")
twice.end()
twice.end()
for _ in range(1000):
    tracer.start_span("never ended")
a, b = tracer.start_span("a"), tracer.start_span("b")
a.add_link(b.get_span_context())
b.add_link(a.get_span_context())
a.add_link(a.get_span_context())
a.end()
b.end()
print("done")
"""
MILLION = """
import gc
import json
import resource

from opentelemetry import trace

tracer = trace.get_tracer("test")


def make(count):
    for number in range(count):
        span = tracer.start_span("span", attributes={{"number": number % 100}})
        if number % 2:
            span.end()


def objects():
    gc.collect()
    return len(gc.get_objects())


provider = trace.get_tracer_provider()
make(20_000)
if hasattr(provider, "force_flush"):
    provider.force_flush(30_000)
before = objects()
make({count})
if hasattr(provider, "force_flush"):
    provider.force_flush(60_000)
with open("growth", "w") as file:
    json.dump(objects() - before, file)
"""


def test_odd_spans_arrive_as_they_are(tmp_path: Path) -> None:
    """All that ended, once; recursion errors are the app's own business."""
    with Backend() as backend:
        Oracle(tmp_path).check(PROGRAM, {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None)
        spans = {span.name: span for span in backend.spans()}
        assert len(spans) == len(backend.spans()) == 903
        assert len({spans[f"level {level}"].trace_id for level in range(900)}) == 1
        assert len(spans["a"].links) == 2


@pytest.mark.parametrize("count", [30_000, pytest.param(1_000_000, marks=pytest.mark.tier2)])
def test_nothing_leaks(count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans that end, and spans that are forgotten, leave no object behind."""
    monkeypatch.setattr("tests.harness.app_oracle.TIMEOUT_S", 180.0)
    with Backend() as backend:
        Oracle(tmp_path).check(
            MILLION.format(count=count), {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None
        )
        assert json.loads((tmp_path / "growth").read_text()) < 500
