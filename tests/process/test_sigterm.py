# SPDX-License-Identifier: Apache-2.0
"""SIGTERM in unusual moments. The usual ones are rows F32 and F33 of the faults."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend, slow
from tests.harness.programs import OURS, environment, stop_group

if TYPE_CHECKING:
    from pathlib import Path

TRACE = """
import os
import signal
import sys
import time

from opentelemetry import trace

tracer = trace.get_tracer("test")
with tracer.start_as_current_span("span"):
    pass
"""
WAIT = """
print("ready", flush=True)
time.sleep(30)
"""
AT_THE_END = """
print("ready", flush=True)
"""
CHILD = """
pid = os.fork()
if pid == 0:
    with tracer.start_as_current_span("child"):
        pass
    time.sleep(30)
time.sleep(0.4)
os.kill(pid, signal.SIGTERM)
print(os.waitpid(pid, 0)[1])
"""
POOL = """
import multiprocessing


def work(number):
    with tracer.start_as_current_span(f"work {number}"):
        return number


with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(work, range(4), chunksize=1))
"""
GEVENT = """
from gevent import monkey

monkey.patch_all()
import gevent

from opentelemetry import trace

with trace.get_tracer("test").start_as_current_span("span"):
    pass
print("ready", flush=True)
gevent.sleep(30)
"""


def start(program: str, folder: Path, url: str, **variables: str) -> subprocess.Popen[bytes]:
    (folder / "program.py").write_text(program)
    process = subprocess.Popen(
        [*OURS, sys.executable, "program.py"],
        cwd=folder,
        env=environment({"OTEL_EXPORTER_OTLP_ENDPOINT": url, **variables}),
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    return process


def test_a_second_sigterm_ends_the_flush(tmp_path: Path) -> None:
    """Whoever insists does not wait for a silent backend."""
    with Backend("silent") as backend:
        process = start(TRACE + WAIT, tmp_path, backend.url, OTEL_DISTRO_EXIT_TIMEOUT="10000")
        try:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(2) == -signal.SIGTERM
        finally:
            stop_group(process)


def test_sigterm_during_the_flush_at_exit(tmp_path: Path) -> None:
    """The flush may finish; then the process dies by the signal, as it would without us."""
    with Backend(slow(0.8)) as backend:
        process = start(TRACE + AT_THE_END, tmp_path, backend.url)
        try:
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            assert process.wait(3) == -signal.SIGTERM
            assert [span.name for span in backend.spans()] == ["span"]
        finally:
            stop_group(process)


@pytest.mark.parametrize(
    ("program", "names"), [(CHILD, ["span", "child"]), (POOL, ["span", *(f"work {n}" for n in range(4))])]
)
def test_children_flush_on_sigterm(program: str, names: list[str], tmp_path: Path) -> None:
    """A forked child, and the workers that multiprocessing.Pool terminates: their spans arrive, status as ever."""
    with Backend() as backend:
        Oracle(tmp_path).check(
            TRACE + program,
            {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, "OTEL_BSP_SCHEDULE_DELAY": "20000"},
            exit_cost_s=None,
        )
        assert sorted(span.name for span in backend.spans()) == sorted(names)


def test_gevents_hub_may_get_the_signal(tmp_path: Path) -> None:
    """The hub must not wait, so a greenlet flushes; the status is the same."""
    pytest.importorskip("gevent")
    with Backend() as backend:
        run = Oracle(tmp_path).check(
            GEVENT,
            {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, "OTEL_BSP_SCHEDULE_DELAY": "20000"},
            signal.SIGTERM,
            exit_cost_s=None,
        )
        assert run.status == -signal.SIGTERM
        assert [span.name for span in backend.spans()] == ["span"]
