# SPDX-License-Identifier: Apache-2.0
"""One deadline for all that must be sent at the end. Real ends are in tests/process and tests/faults."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from otel_distro.runtime import counters
from otel_distro.runtime import exit as process_exit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_distro.runtime.deadline import Deadline


@pytest.fixture(autouse=True)
def fresh_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {"_flushes": [], "_ending": False, "_timeout_s": 2.0, "_armed": True}.items():
        monkeypatch.setattr(process_exit, name, value)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_all_flush_side_by_side_once() -> None:
    """Each with the same deadline; a failing one hurts nobody; a second call does nothing."""
    seen: list[float | None] = []

    def flush(deadline: Deadline) -> None:
        time.sleep(0.2)
        seen.append(deadline.remaining_s())

    def fail(deadline: Deadline) -> None:
        raise SystemExit(1)

    for one in (flush, fail, flush):
        process_exit.register(one)
    begun = time.monotonic()
    process_exit.flush_all()
    process_exit.flush_all()
    assert time.monotonic() - begun < 0.39
    assert len(seen) == 2
    assert all(left is not None and 1.0 < left < 1.9 for left in seen)


def test_the_deadline_is_the_settings() -> None:
    """OTEL_DISTRO_EXIT_TIMEOUT for everything together."""
    over = threading.Event()
    process_exit.configure(0.2)
    assert process_exit.timeout_s() == 0.2
    for _ in range(3):
        process_exit.register(lambda _: over.wait(5))
    begun = time.monotonic()
    process_exit.flush_all()
    assert time.monotonic() - begun < 1.0
    over.set()


def test_what_is_unregistered_is_left_alone() -> None:
    """Twice is harmless."""
    seen: list[object] = []
    process_exit.register(seen.append)
    process_exit.unregister(seen.append)
    process_exit.unregister(seen.append)
    process_exit.flush_all()
    assert seen == []


def test_losses_are_told(capfd: pytest.CaptureFixture[str]) -> None:
    """One line for each exporter that lost something, after the flush."""
    ledger = counters.open_ledger("http://told", lambda: 0)
    ledger.accepted.add()
    process_exit.register(lambda _: ledger.drop("exit"))
    process_exit.flush_all()
    counters.close_ledger(ledger)
    assert "otel-distro: spans made 1, sent 0, dropped 1 (1 exit; http://told)\n" in capfd.readouterr().err


def test_sigterm_is_taken_only_when_it_is_free() -> None:
    """Over SIG_DFL and in the main thread; never over SIG_IGN or a handler."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(process_exit.flush_on_sigterm()))
    thread.start()
    thread.join()
    assert results == [False]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert process_exit.flush_on_sigterm() is True
    assert process_exit.flush_on_sigterm() is True

    def own(number: int, frame: object) -> None:
        """The app's."""

    for handler in (signal.SIG_IGN, own):
        signal.signal(signal.SIGTERM, handler)
        assert process_exit.flush_on_sigterm() is False
        assert signal.getsignal(signal.SIGTERM) is handler
