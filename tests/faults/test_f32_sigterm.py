# SPDX-License-Identifier: Apache-2.0
"""F32: SIGTERM over SIG_DFL: everything is sent, and the process dies by SIGTERM."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

MAIN_THREAD = """
import time

from opentelemetry import trace

tracer = trace.get_tracer("test")
for number in range(50):
    with tracer.start_as_current_span(f"span {number}"):
        pass
print("ready", flush=True)
time.sleep(30)
"""
OTHER_THREAD = """
import threading

from opentelemetry import trace


def work():
    tracer = trace.get_tracer("test")
    for number in range(50):
        with tracer.start_as_current_span(f"span {number}"):
            pass
    print("ready", flush=True)


threading.Thread(target=work).start()
threading.Event().wait(30)
"""
BUSY_MAIN_THREAD = """
from opentelemetry import trace

tracer = trace.get_tracer("test")
number = 0
while True:
    with tracer.start_as_current_span(f"span {number}"):
        number += 1
    if number == 50:
        print("ready", flush=True)
"""


@pytest.mark.parametrize("program", [MAIN_THREAD, OTHER_THREAD, BUSY_MAIN_THREAD], ids=["main", "other", "busy"])
def test_everything_arrives_and_the_status_stays(program: str, tmp_path: Path) -> None:
    """50 of 50, status -15, also while the main thread is in the middle of a span."""
    with Backend() as backend:
        run = Oracle(tmp_path).check(
            program,
            {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, "OTEL_BSP_SCHEDULE_DELAY": "30000"},
            signal.SIGTERM,
            exit_cost_s=None,
        )
        assert run.status == -signal.SIGTERM
        assert {f"span {number}" for number in range(50)} <= {span.name for span in backend.spans()}


def test_a_silent_backend_does_not_keep_it_alive(tmp_path: Path) -> None:
    """The exit timeout holds here, too."""
    with Backend("silent") as backend:
        oracle = Oracle(tmp_path)
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, "OTEL_DISTRO_EXIT_TIMEOUT": "500"}
        run = oracle.check(MAIN_THREAD, variables, signal.SIGTERM, exit_cost_s=None)
        assert run.status == -signal.SIGTERM
        oracle.check_cost(run, MAIN_THREAD, variables, signal.SIGTERM, exit_cost_s=0.6)


def test_the_switch(tmp_path: Path) -> None:
    """OTEL_DISTRO_FLUSH_ON_SIGTERM=false: the signal is as it was."""
    program = "import signal\nfrom opentelemetry import trace\ntrace.get_tracer('x')\nprint(signal.getsignal(15))\n"
    with Backend() as backend:
        Oracle(tmp_path).check(
            program,
            {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, "OTEL_DISTRO_FLUSH_ON_SIGTERM": "false"},
            exit_cost_s=None,
        )
