# SPDX-License-Identifier: Apache-2.0
"""F39: where no thread can be started the app runs, one line says so, and the spans are sent at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import threading


def refuse(self):
    raise RuntimeError("can't start new thread")


threading.Thread.start = refuse

from opentelemetry import trace

for number in range(50):
    with trace.get_tracer("test").start_as_current_span(f"span {number}"):
        pass
print("done")
"""


def test_the_app_runs(tmp_path: Path) -> None:
    """Python's own error for it; as a cgroup's limit of processes causes."""
    with Backend() as backend:
        run = Oracle(tmp_path).check(PROGRAM, {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None)
        assert len(run.own_lines) == 1
        assert "no thread can be started" in run.own_lines[0]
        assert len(backend.spans()) == 50
