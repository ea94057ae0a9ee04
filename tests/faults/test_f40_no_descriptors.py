# SPDX-License-Identifier: Apache-2.0
"""F40: without a free descriptor spans wait, and are sent once when there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import os
import resource
import time

from opentelemetry import trace

tracer = trace.get_tracer("test")  # what is imported once is there before the descriptors are gone
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
taken = []
while True:
    try:
        taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        break
for number in range(50):
    with tracer.start_as_current_span(f"span {number}"):
        pass
time.sleep(0.5)
for descriptor in taken:
    os.close(descriptor)
time.sleep(1.2)
print("done")
"""


def test_spans_are_sent_once_it_is_possible(tmp_path: Path) -> None:
    """None lost, none doubled."""
    with Backend() as backend:
        Oracle(tmp_path).check(PROGRAM, {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None)
        assert len(backend.spans()) == 50
        assert backend.duplicates() == []
