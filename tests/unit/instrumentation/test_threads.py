# SPDX-License-Identifier: Apache-2.0
"""P43: work in threads belongs to the span that has started it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from otel_distro.instrumentation import threading as ours
from otel_distro.settings.settings import Settings
from tests.harness.span_recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    ours.instrument(Settings())
    yield Recorder()
    ours.uninstrument()


class Worker(threading.Thread):
    """A subclass with a run() of its own."""

    def __init__(self, work: Any) -> None:
        super().__init__()
        self.work = work

    def run(self) -> None:
        self.work()


def test_threads_executors_and_run_in_executor(recorder: Recorder) -> None:
    """Each has the parent that was current when the work was handed over."""
    tracer = recorder.provider.get_tracer("t")

    def work() -> str:
        with tracer.start_as_current_span("work"):
            return threading.current_thread().name

    async def in_loop() -> None:
        await asyncio.get_running_loop().run_in_executor(None, work)
        await asyncio.to_thread(work)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result(5)  # the pool's thread begins outside any span
        with tracer.start_as_current_span("parent"):
            for thread in (threading.Thread(target=work), Worker(work), threading.Timer(0, work)):
                thread.start()
                thread.join(5)
            pool.submit(work).result(5)
            assert len(list(pool.map(lambda _: work(), range(2)))) == 2
            asyncio.run(in_loop())
        pool.submit(work).result(5)
    parents = [span.parent for span in recorder.take() if span.name == "work"]
    assert parents == [None, *["parent"] * 8, None]


def test_what_the_work_returns_and_raises_is_unchanged(recorder: Recorder) -> None:
    """With arguments by position and by name."""

    def work(a: int, *, fn: int) -> int:
        if a < 0:
            raise KeyError(a)
        return a + fn

    with recorder.provider.get_tracer("t").start_as_current_span("parent"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(work, 1, fn=2).result(5) == 3
        with pytest.raises(KeyError):
            pool.submit(work, -1, fn=2).result(5)


def test_a_thread_keeps_nothing_of_us(recorder: Recorder) -> None:
    """No context stays on the object once it runs."""
    with recorder.provider.get_tracer("t").start_as_current_span("parent"):
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join(5)
    assert not [name for name in vars(thread) if "otel" in name]
