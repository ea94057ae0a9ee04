# SPDX-License-Identifier: Apache-2.0
"""Forks that Python does not see, as uWSGI makes them: the child traces, and is not its parent's twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import ctypes
import os
import time

from opentelemetry import trace

tracer = trace.get_tracer("test")
with tracer.start_as_current_span("parent"):
    pass
time.sleep(0.4)
with tracer.start_as_current_span("queued in the parent"):
    pass
children = []
for number in range(3):
    pid = ctypes.PyDLL(None).fork()  # no hook of Python runs
    if pid == 0:
        for turn in range(10):
            with tracer.start_as_current_span(f"child {number}"):
                pass
        time.sleep(0.5)
        os._exit(0)
    children.append(pid)
print([os.waitpid(pid, 0)[1] for pid in children])
"""


def test_children_trace_under_their_own_ids(tmp_path: Path) -> None:
    """30 spans of three children, the parent's two once, all trace ids different, four instances."""
    with Backend() as backend:
        Oracle(tmp_path).check(PROGRAM, {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None)
        spans = backend.spans()
        assert sorted(span.name for span in spans) == sorted(
            ["parent", "queued in the parent", *(f"child {number}" for number in range(3) for _ in range(10))]
        )
        assert len({span.trace_id for span in spans}) == 32
        assert len({span.resource["service.instance.id"] for span in spans}) == 4
