# SPDX-License-Identifier: Apache-2.0
"""F59: 100,000 spans at once, apart or in one trace: bounded memory, and a count that is exact."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import contextlib
import json
import sys

from opentelemetry import trace

tracer = trace.get_tracer("test")
whole = tracer.start_as_current_span("whole") if {one_trace} else contextlib.nullcontext()
with whole:
    for number in range(100_000 - {one_trace}):
        tracer.start_span("span", attributes={{"number": number, "path": "/orders", "cached": False}}).end()
provider = trace.get_tracer_provider()
if hasattr(provider, "force_flush"):
    provider.force_flush(10_000)
    from otel_distro.runtime import counters

    (balance,) = counters.balances()
    with open("balance", "w") as file:
        json.dump([balance.started, balance.exported, balance.lost, balance.missing], file)
"""


@pytest.mark.parametrize(
    ("one_trace", "variables"), [(1, {}), (0, {"OTEL_BSP_MAX_QUEUE_SIZE": "2048"})], ids=["one trace", "2048"]
)
def test_the_ledger_is_exact(one_trace: int, variables: dict[str, str], tmp_path: Path) -> None:
    """What arrived and what is said to be dropped add up to what was made."""
    with Backend() as backend:
        Oracle(tmp_path).check(
            PROGRAM.format(one_trace=one_trace),
            {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, **variables},
            exit_cost_s=None,
        )
        started, exported, lost, missing = json.loads((tmp_path / "balance").read_text())
        assert (started, missing) == (100_000, 0)
        assert exported + lost == started
        assert exported == len({span.span_id for span in backend.spans()}) == len(backend.spans())
