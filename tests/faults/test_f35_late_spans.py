# SPDX-License-Identifier: Apache-2.0
"""F35: spans made while the interpreter ends are kept, and threads that go on tracing hurt nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

AT_EXIT = """
import atexit

from opentelemetry import trace


def last_words():
    with trace.get_tracer("test").start_as_current_span("at exit"):
        print("last words")


atexit.register(last_words)
with trace.get_tracer("test").start_as_current_span("before"):
    pass
"""
ONLY_AT_EXIT = AT_EXIT.rpartition("with ")[0]
STILL_TRACING = """
import threading
import time

from opentelemetry import trace

tracer = trace.get_tracer("test")


def work():
    while True:
        with tracer.start_as_current_span("work"):
            time.sleep(0.0001)


for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.3)
print("end")
"""
POOL = """
import time
from concurrent.futures import ThreadPoolExecutor

from opentelemetry import trace


def work(number):
    time.sleep(0.3)
    with trace.get_tracer("test").start_as_current_span(f"work {number}"):
        return number


pool = ThreadPoolExecutor(4)
for number in range(8):
    pool.submit(work, number)
print("end")
"""


def test_spans_in_atexit_arrive(tmp_path: Path) -> None:
    """Handlers that the app registered after our start, also when they make the first span of all."""
    for program, names in ((AT_EXIT, {"before", "at exit"}), (ONLY_AT_EXIT, {"at exit"})):
        with Backend() as backend:
            Oracle(tmp_path).check(program, {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None)
            assert {span.name for span in backend.spans()} == names


def test_daemon_threads_may_go_on(tmp_path: Path) -> None:
    """No exception, no hang; what ended before the end has arrived."""
    with Backend() as backend:
        oracle, variables = Oracle(tmp_path), {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}
        run = oracle.check(STILL_TRACING, variables, exit_cost_s=None)
        assert len(backend.spans()) > 100
        assert all("after shutdown" in line for line in run.own_lines), run.own_lines
        oracle.check_cost(run, STILL_TRACING, variables, exit_cost_s=0.5)


def test_pools_finish_their_work(tmp_path: Path) -> None:
    """What a ThreadPoolExecutor traces after the main thread has ended."""
    with Backend() as backend:
        Oracle(tmp_path).check(POOL, {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None)
        assert {span.name for span in backend.spans()} == {f"work {number}" for number in range(8)}
