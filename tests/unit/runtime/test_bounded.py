# SPDX-License-Identifier: Apache-2.0
"""Calls side by side within one deadline."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from otel_distro.runtime import bounded
from otel_distro.runtime.deadline import Deadline

if TYPE_CHECKING:
    import pytest


def test_results_in_order() -> None:
    """What the calls return, None for those that fail with whatever."""

    def leave() -> None:
        raise SystemExit(1)

    results = bounded.run([("a", int, ("5",)), ("b", int, ("x",)), ("c", leave, ()), ("d", str, ())], Deadline(5))
    assert results == [5, None, None, ""]
    assert bounded.run([], Deadline(0)) == []


def test_late_calls_are_left_behind() -> None:
    """The deadline holds for all together; the quick ones are not lost."""
    over = threading.Event()
    begun = time.monotonic()
    results = bounded.run([("slow", over.wait, (5,)), ("slow", over.wait, (5,)), ("quick", int, ())], Deadline(0.2))
    assert time.monotonic() - begun < 1
    over.set()
    assert results == [bounded.LATE, bounded.LATE, 0]


def test_without_threads_calls_are_made_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the end of the interpreter, or when the system has no thread left."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert bounded.run([("a", int, ("5",)), ("b", int, ("6",))], Deadline(5)) == [5, 6]
