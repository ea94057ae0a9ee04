# SPDX-License-Identifier: Apache-2.0
"""Celery: every task's span arrives exactly once, in the trace of whoever sent the task."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.harness.backend import Backend
from tests.harness.programs import LAUNCHER, UPSTREAM, environment, sending_to, stop_group

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TASKS = 6
PRODUCER_KIND = 4
CONSUMER_KIND = 5

TASKS_PY = """
import os

from celery import Celery

folder = os.environ["BROKER_FOLDER"]
app = Celery("tasks", broker="filesystem://", backend=None)
app.conf.update(
    broker_transport_options={
        "data_folder_in": folder,
        "data_folder_out": folder,
        "control_folder": folder + "-control",
        "polling_interval": 0.1,
    },
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
)


@app.task(name="add")
def add(a, b):
    return a + b
"""

SEND_PY = f"""
from tasks import add

for number in range({TASKS}):
    add.delay(number, 1)
print("sent")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks.py").write_text(TASKS_PY)
    (tmp_path / "send.py").write_text(SEND_PY)
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker-control").mkdir()
    return tmp_path


@contextmanager
def worker(folder: Path, environ: dict[str, str], *options: str) -> Iterator[None]:
    """A Celery worker under the launcher, killed at the end."""
    command = [
        *LAUNCHER,
        sys.executable,
        "-m",
        "celery",
        "-A",
        "tasks",
        "worker",
        "--without-gossip",
        *options,
    ]
    command += [
        "--without-mingle",
        "--without-heartbeat",
        "--loglevel",
        "warning",
        "-n",
        f"{folder.name}@localhost",
    ]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield
        finally:
            stop_group(process)  # Celery's own way out of a filesystem broker takes four seconds


@pytest.mark.parametrize(
    ("options", "delay_ms"),
    [
        pytest.param(["--pool", "prefork", "-c", "2"], "300", id="prefork"),
        pytest.param(["--pool", "prefork", "-c", "1", "--max-tasks-per-child", "1"], "60000", id="one-task-per-child"),
        pytest.param(["--pool", "threads", "-c", "2"], "300", id="threads"),
    ],
)
def test_each_task_arrives_once_and_is_linked(folder: Path, options: list[str], delay_ms: str) -> None:
    """Six tasks: six sent, six run, each run below its sending. P5: also where each child ends after one task,
    by os._exit, long before the next export is due."""
    with Backend() as backend:
        environ = {"BROKER_FOLDER": str(folder / "broker"), **sending_to(backend.url)}
        send = [*LAUNCHER, sys.executable, "send.py"]
        done = subprocess.run(
            send,
            cwd=folder,
            env=environment(environ),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.stdout, done.returncode) == ("sent\n", 0), done.stderr
        assert UPSTREAM or done.stderr == ""
        sent = [span for span in backend.wait_for(TASKS) if span.kind == PRODUCER_KIND]
        with worker(folder, {**environ, "OTEL_BSP_SCHEDULE_DELAY": delay_ms}, *options):
            wait_for_consumed(backend)
        run = [span for span in backend.spans() if span.kind == CONSUMER_KIND]
        assert Counter(span.parent_id for span in run) == Counter(span.span_id for span in sent)
        assert len(sent) == TASKS
        assert backend.duplicates() == []


def wait_for_consumed(backend: Backend, timeout_s: float = 15.0) -> None:
    end = time.monotonic() + timeout_s
    while sum(span.kind == CONSUMER_KIND for span in backend.spans()) < TASKS:
        assert time.monotonic() < end, Counter(span.name for span in backend.spans())
        time.sleep(0.05)
