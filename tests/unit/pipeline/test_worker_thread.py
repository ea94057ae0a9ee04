# SPDX-License-Identifier: Apache-2.0
"""A thread that can be woken, and that is away while the process forks. Real forks are in tests/faults."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from otel_distro.pipeline.worker_thread import WorkerThread

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


class Job:
    """Waits for its bell, unless it is busy, until it is over."""

    def __init__(self) -> None:
        self.turns = 0
        self.back = 0
        self.busy = threading.Event()
        self.over = threading.Event()
        self.worker = WorkerThread("test worker", self.work, self.after_fork)

    def work(self) -> None:
        while not self.over.is_set():
            while self.busy.is_set():
                time.sleep(0.001)
            self.worker.wait(5)
            self.turns += 1
            if self.worker.leaves():
                return

    def after_fork(self) -> None:
        self.back += 1
        self.worker.start()

    def end(self) -> None:
        self.over.set()
        self.busy.clear()
        self.worker.ring()
        wait_until(lambda: not self.worker.running)


def test_the_bell_wakes_it() -> None:
    """Rung before or while it waits, once or often."""
    job = Job()
    assert not job.worker.running
    assert job.worker.start()
    assert job.worker.start()
    assert job.worker.running
    for turn in range(1, 4):
        job.worker.ring()
        job.worker.ring()
        wait_until(lambda turn=turn: job.turns >= turn)
    job.end()


def test_it_leaves_for_a_fork_and_comes_back() -> None:
    """An idle thread is gone before the fork; whoever would start it meanwhile does not."""
    job = Job()
    job.worker._leave()
    job.worker._come_back()
    assert (job.worker.running, job.back) == (False, 0)
    job.worker.start()
    for fork in range(1, 4):
        job.worker._leave()
        assert not job.worker.running
        assert job.worker.start()
        assert not job.worker.running
        job.worker._come_back()
        assert job.worker.running
        assert job.back == fork
    job.end()


def test_a_busy_thread_stays() -> None:
    """The fork waits a moment, not for ever; nothing is left of the wish."""
    job = Job()
    job.busy.set()
    job.worker.start()
    begun = time.monotonic()
    job.worker._leave()
    assert time.monotonic() - begun < 0.5
    assert job.worker.running
    job.worker._come_back()
    assert job.back == 0
    assert not job.worker.wanted_away
    job.end()


def test_a_system_without_threads(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """One line; the next start tries again."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    job = Job()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert not job.worker.start()
        assert not job.worker.running
    assert job.worker.start()
    job.end()
