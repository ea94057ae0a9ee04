# SPDX-License-Identifier: Apache-2.0
"""F43: a wall clock that is a day off, runs backwards or stands still disturbs no schedule and no duration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import time

real_ns = time.time_ns
started = real_ns()
clocks = {{
    "a day ahead": lambda: real_ns() + 86_400 * 10**9,
    "backwards": lambda: 2 * started - real_ns(),
    "frozen": lambda: started,
    "before 1970": lambda: -5,
}}
time.time_ns = clocks[{clock!r}]
time.time = lambda: time.time_ns() / 1e9

from opentelemetry import trace

for turn in range(3):
    for number in range(10):
        with trace.get_tracer("test").start_as_current_span(f"span {{turn}}") as span:
            span.add_event("event")
    time.sleep(0.25)
print("done")
"""


@pytest.mark.parametrize("clock", ["a day ahead", "backwards", "frozen", "before 1970"])
def test_schedule_and_durations_hold(clock: str, tmp_path: Path) -> None:
    """Exports come in their rhythm; no span ends before it began."""
    with Backend() as backend:
        Oracle(tmp_path).check(
            PROGRAM.format(clock=clock),
            {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, "OTEL_BSP_SCHEDULE_DELAY": "100"},
            exit_cost_s=None,
        )
        assert len(backend.spans()) == 30
        assert len(backend.requests) >= 3
        assert all(span.end_ns >= span.start_ns for span in backend.spans())
