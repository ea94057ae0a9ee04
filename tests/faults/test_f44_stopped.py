# SPDX-License-Identifier: Apache-2.0
"""F44: a process that is stopped and goes on later: no burst, and the ledger is exact."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.harness.backend import Backend
from tests.harness.programs import OURS, environment, stop_group

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import json
import time

from opentelemetry import trace

tracer = trace.get_tracer("test")
print("ready", flush=True)
end = time.monotonic() + {seconds}
while time.monotonic() < end:
    tracer.start_span("span").end()
    time.sleep(0.001)
trace.get_tracer_provider().force_flush()
from otel_distro.runtime import counters

(balance,) = counters.balances()
print(json.dumps([balance.started, balance.exported, balance.missing]), flush=True)
"""


@pytest.mark.parametrize("stop_s", [1.0, pytest.param(60.0, marks=pytest.mark.tier2)])
def test_it_resumes(stop_s: float, tmp_path: Path) -> None:
    """SIGSTOP, SIGCONT: exports go on in their rhythm, nothing is lost."""
    (tmp_path / "program.py").write_text(PROGRAM.format(seconds=stop_s + 1.5))
    with Backend() as backend:
        process = subprocess.Popen(
            [*OURS, sys.executable, "program.py"],
            cwd=tmp_path,
            env=environment({"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}),
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.5)
            process.send_signal(signal.SIGSTOP)
            time.sleep(stop_s)
            continued_s = time.monotonic()
            process.send_signal(signal.SIGCONT)
            started, exported, missing = json.loads(process.stdout.readline())
            assert process.wait(20) == 0
            process.stdout.close()
        finally:
            stop_group(process)
        assert (exported, missing) == (started, 0)
        assert len(backend.spans()) == started
        soon = [request for request in backend.requests if 0 <= request.at_s - continued_s < 0.5]
        assert len(soon) <= 12
