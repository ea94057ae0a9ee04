# SPDX-License-Identifier: Apache-2.0
"""F41: when memory runs out inside us, the app does not get our MemoryError, and the loss is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys

from opentelemetry import trace

tracer = trace.get_tracer("test")
provider = trace.get_tracer_provider()
if hasattr(provider, "force_flush"):
    processor = provider._processors._span_processors[-1]
    from otel_distro.runtime import counters

    def fail(*args):
        raise MemoryError

    with tracer.start_as_current_span("first"):
        pass
    provider.force_flush()
    place = {place!r}
    if place == "encode":
        processor._exporter._encoder.encode = fail
    else:


        class Full:
            append = fail

            def __len__(self):
                return 0

        processor._queue = Full()
for number in range(50):
    with tracer.start_as_current_span(f"span {{number}}"):
        pass
print("done")
"""


@pytest.mark.parametrize("place", ["encode", "queue"])
def test_the_app_goes_on(place: str, tmp_path: Path) -> None:
    """Simulated where most memory is taken: a large request, or the queue."""
    with Backend() as backend:
        run = Oracle(tmp_path).check(
            PROGRAM.format(place=place), {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None
        )
        assert any("MemoryError" in line for line in run.own_lines)
        assert [span.name for span in backend.spans()] == ["first"]
