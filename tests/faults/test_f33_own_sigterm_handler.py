# SPDX-License-Identifier: Apache-2.0
"""F33: a handler of the app's wins, whether it was set before or after us."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

SET = """
import signal
import sys


def on_sigterm(number, frame):
    print("the app's own handler", flush=True)
    sys.exit(5)


signal.signal(signal.SIGTERM, on_sigterm)
"""
IGNORED = """
import signal

signal.signal(signal.SIGTERM, signal.SIG_IGN)
"""
TRACE = """
import time

from opentelemetry import trace

with trace.get_tracer("test").start_as_current_span("span"):
    pass
"""
WAIT = """
print("ready", signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL, flush=True)
time.sleep({seconds})
"""


@pytest.mark.parametrize("program", [SET + TRACE, TRACE + SET], ids=["before", "after"])
def test_the_apps_handler_runs(program: str, tmp_path: Path) -> None:
    """With its output and its status; the span arrives at the interpreter's end."""
    with Backend() as backend:
        run = Oracle(tmp_path).check(
            program + WAIT.format(seconds=30),
            {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url},
            signal.SIGTERM,
            exit_cost_s=None,
        )
        assert run.status == 5
        assert [span.name for span in backend.spans()] == ["span"]


@pytest.mark.parametrize("program", [IGNORED + TRACE, TRACE + IGNORED], ids=["before", "after"])
def test_ignoring_stays_ignoring(program: str, tmp_path: Path) -> None:
    """SIG_IGN is a wish, too."""
    with Backend() as backend:
        run = Oracle(tmp_path).check(
            program + WAIT.format(seconds=0.7),
            {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url},
            signal.SIGTERM,
            exit_cost_s=None,
        )
        assert run.status == 0
        assert [span.name for span in backend.spans()] == ["span"]
