# SPDX-License-Identifier: Apache-2.0
"""Our own lines on stderr: short, whole, rarely, and never an exception."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from otel_distro.runtime import log

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def fresh_log() -> Iterator[None]:
    log._last_said.clear()
    yield
    log._last_said.clear()
    log.set_level("warn")


def test_levels(capfd: pytest.CaptureFixture[str]) -> None:
    """Warnings by default; debug shows all, none nothing."""
    for level, lines in {"warn": 2, "debug": 4, "info": 3, "error": 1, "none": 0}.items():
        log._last_said.clear()
        log.set_level(level)
        for say in (log.debug, log.info, log.warn, log.error):
            say(f"words {say.__name__}")
        assert len(capfd.readouterr().err.splitlines()) == lines


def test_the_same_problem_is_told_once_a_minute(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its key, whatever the words."""
    now = [1000.0]
    monkeypatch.setattr(log, "monotonic_s", lambda: now[0])
    for number in range(100):
        log.warn(f"words {number}", key="the same")
    log.warn("another")
    now[0] += 61
    log.warn("words again", key="the same")
    assert capfd.readouterr().err.splitlines() == [
        "otel-distro: words 0", "otel-distro: another", "otel-distro: words again",
    ]  # fmt: skip


def test_many_problems_are_bounded() -> None:
    """The memory of what was said does not grow with the number of problems."""
    log.set_level("error")
    for number in range(10_000):
        log.error("", key=str(number)) if number < 0 else log._said_lately(str(number))
    assert len(log._last_said) <= 256


def test_lines_are_escaped_and_short(capfd: pytest.CaptureFixture[str]) -> None:
    """No control character of somebody else reaches a terminal; at most 2 KiB a line."""
    log.write_line("a\x1b[31mred\nnext\r\u2028 \ud800 " + "x" * 10_000)
    written = capfd.readouterr().err
    assert written.count("\n") == 1
    assert "\x1b" not in written
    assert "a\\x1b[31mred\\nnext\\r" in written
    assert len(written) < 2200


@pytest.mark.parametrize("stream", [None, io.StringIO(), object()])
def test_any_stderr_will_do(stream: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed, replaced, or none at all."""
    monkeypatch.setattr(sys, "stderr", stream)
    log.write_line("words")
