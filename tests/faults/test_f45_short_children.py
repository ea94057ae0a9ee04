# SPDX-License-Identifier: Apache-2.0
"""F45: a program that starts many short children of its own kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import subprocess
import sys
import time

began = time.monotonic()
for number in range({count}):
    subprocess.run([sys.executable, "-c", "pass"], check=True)
print("done")
"""


def check(count: int, folder: Path) -> None:
    with Backend() as backend:
        oracle, program = Oracle(folder), PROGRAM.format(count=count)
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}
        run = oracle.check(program, variables, exit_cost_s=None)
        oracle.check_cost(run, program, variables, exit_cost_s=0.05 * count)
        assert run.own_lines == ()
        assert backend.requests == []


def test_children_that_trace_nothing_cost_little(tmp_path: Path) -> None:
    """No request, no line, no recursion."""
    check(20, tmp_path)


@pytest.mark.tier2
def test_a_thousand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """50 ms each at most."""
    monkeypatch.setattr("tests.harness.app_oracle.TIMEOUT_S", 300.0)
    check(1000, tmp_path)
