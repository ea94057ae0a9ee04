# SPDX-License-Identifier: Apache-2.0
"""F05: a backend that is busy for a moment gets everything, once, and not before half a second has passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend, status

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import time

from opentelemetry import trace

tracer = trace.get_tracer("test")
for number in range(200):
    with tracer.start_as_current_span(f"span {{number}}"):
        pass
time.sleep({pause_s})
print("done")
"""


@pytest.mark.parametrize(("code", "pause_s"), [(502, 0), (503, 0), (504, 0), (503, 1.5)])
def test_busy_then_well(code: int, pause_s: float, tmp_path: Path) -> None:
    """The retry comes while the app runs, or at its end."""
    with Backend(status(code), "ok") as backend:
        Oracle(tmp_path).check(
            PROGRAM.format(pause_s=pause_s), {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None
        )
        assert len(backend.spans()) == 200
        assert backend.duplicates() == []
        first, second = backend.requests[:2]
        assert second.at_s - first.at_s >= 0.5
