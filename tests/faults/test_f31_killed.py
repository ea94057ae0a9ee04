# SPDX-License-Identifier: Apache-2.0
"""F31: kill -9 loses what was made since the last export, and no more."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import time

from opentelemetry import trace

tracer = trace.get_tracer("test")
for number in range(50):
    with tracer.start_as_current_span(f"span {number}"):
        pass
time.sleep(0.6)
with tracer.start_as_current_span("late"):
    pass
print("ready", flush=True)
time.sleep(30)
"""


def test_one_interval_is_lost_at_most(tmp_path: Path) -> None:
    """Spans older than the schedule delay are at the backend."""
    with Backend() as backend:
        run = Oracle(tmp_path).check(
            PROGRAM,
            {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, "OTEL_BSP_SCHEDULE_DELAY": "200"},
            signal.SIGKILL,
            exit_cost_s=None,
        )
        assert run.status == -signal.SIGKILL
        assert {f"span {number}" for number in range(50)} <= {span.name for span in backend.wait_for(50)}
