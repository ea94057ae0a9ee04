# SPDX-License-Identifier: Apache-2.0
"""F34: however a program ends, it ends as without us. os._exit and abort lose what was not yet sent."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

TRACE = """
import os
import sys
import threading
import time

from opentelemetry import trace

with trace.get_tracer("test").start_as_current_span("span"):
    pass
print("made")
sys.stdout.flush()
"""
ENDS = {
    "end of program": ("", True),
    "sys.exit(7)": ("sys.exit(7)", True),
    "sys.exit('words')": ("sys.exit('words')", True),
    "exception": ("raise ValueError('the app failed')", True),
    "exception in a thread": ("threading.Thread(target=lambda: 1 / 0).start()", True),
    "recursion": ("f = lambda: f()\nf()", True),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", True),
    "os._exit(3)": ("os._exit(3)", False),
    "os.abort()": ("os.abort()", False),
}


@pytest.mark.parametrize("how", ENDS)
def test_the_end_is_the_same(how: str, tmp_path: Path) -> None:
    """Status, output and the app's own tracebacks."""
    end, arrives = ENDS[how]
    with Backend() as backend:
        Oracle(tmp_path).check(TRACE + end, {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None)
        if arrives:
            assert [span.name for span in backend.spans()] == ["span"]


@pytest.mark.parametrize("caught", [False, True])
def test_ctrl_c(caught: bool, tmp_path: Path) -> None:
    """KeyboardInterrupt reaches the program; uncaught it dies by SIGINT as ever, with its spans sent."""
    wait = "print('ready', flush=True)\ntime.sleep(30)\n"
    program = f"try:\n    {wait.replace(chr(10), chr(10) + '    ')}\nexcept KeyboardInterrupt:\n    print('caught')\n"
    with Backend() as backend:
        run = Oracle(tmp_path).check(
            TRACE + (program if caught else wait),
            {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url},
            signal.SIGINT,
            exit_cost_s=None,
        )
        assert run.status == (0 if caught else -signal.SIGINT)
        assert [span.name for span in backend.spans()] == ["span"]
