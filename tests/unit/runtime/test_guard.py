# SPDX-License-Identifier: Apache-2.0
"""What the guard keeps away from the app, and what it lets through."""

from __future__ import annotations

from typing import Any

import pytest

from otel_distro.runtime import counters, guard, log


class NoTextError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.fixture(autouse=True)
def fresh_log() -> None:
    log._last_said.clear()


def fail(error: BaseException) -> Any:
    raise error


def test_call_keeps_exceptions_away(capfd: pytest.CaptureFixture[str]) -> None:
    """Counted, one line that names the place, None; results pass."""
    before = counters.guarded().get("the place", 0)
    assert guard.call("the place", fail, ValueError("first\nsecond")) is None
    assert guard.call("the place", lambda a, b: a + b, 1, b=2) == 3
    assert counters.guarded()["the place"] == before + 1
    assert capfd.readouterr().err == "otel-distro: the place: ValueError: first\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), GeneratorExit()])
def test_call_lets_the_users_pass(error: BaseException) -> None:
    """An interrupt may be the user's."""
    with pytest.raises(type(error)):
        guard.call("x", fail, error)


def test_load_takes_system_exit_for_a_failure() -> None:
    """Code of others may leave while it is loaded; Ctrl-C still passes."""
    assert guard.load("x", fail, SystemExit(1)) is None
    with pytest.raises(KeyboardInterrupt):
        guard.load("x", fail, KeyboardInterrupt())


@pytest.mark.parametrize("error", [ValueError(), SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_survive_lets_nothing_pass(error: BaseException) -> None:
    """For our own threads."""
    assert guard.survive("x", fail, error) is None
    assert guard.survive("x", lambda: 5) == 5


def test_each_gives_everyone_a_chance() -> None:
    """One that fails does not keep the next from running."""
    seen: list[int] = []
    guard.each("x", [seen.append, lambda _: fail(ValueError()), seen.append], 7)
    assert seen == [7, 7]


def test_description_never_raises() -> None:
    """Type and first line; for exceptions without a text, only what can be said."""
    assert guard.describe(ValueError("a\nb")) == "ValueError: a"
    assert guard.describe(ValueError()) == "ValueError"
    assert guard.describe(NoTextError()) == "NoTextError: (its text cannot be shown)"


def test_traceback_only_at_debug(capfd: pytest.CaptureFixture[str]) -> None:
    """P7: no traceback unless somebody looks for a cause."""
    guard.call("x", fail, ValueError("y"))
    assert "Traceback" not in capfd.readouterr().err
    log.set_level("debug")
    try:
        guard.call("x", fail, ValueError("y"))
    finally:
        log.set_level("warn")
    assert "Traceback" in capfd.readouterr().err
