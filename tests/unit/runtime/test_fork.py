# SPDX-License-Identifier: Apache-2.0
"""Callbacks for forked children. Real forks are in tests/process: nothing forks inside pytest."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from otel_distro.runtime import fork

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def only_our_callbacks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(fork, "_in_child", [])
    monkeypatch.setattr(fork, "generation", 0)
    yield
    fork._page[0] = 1


class Thing:
    def __init__(self, seen: list[str]) -> None:
        self.seen = seen

    def begin(self) -> None:
        self.seen.append("thing")


def test_callbacks_run_in_order_and_survive_each_other() -> None:
    """One that fails does not keep the next from running."""
    seen: list[str] = []

    def fail() -> None:
        raise ValueError

    fork.in_child(lambda: seen.append("first"))
    fork.in_child(fail)
    fork.in_child(lambda: seen.append("last"))
    fork._begin_child()
    assert seen == ["first", "last"]
    assert fork.generation == 1


def test_objects_are_not_kept() -> None:
    """A method's object may go; then it is no longer called, and not remembered."""
    seen: list[str] = []
    thing = Thing(seen)
    fork.in_child(thing.begin)
    fork._begin_child()
    del thing
    gc.collect()
    fork._begin_child()
    assert seen == ["thing"]
    fork.in_child(lambda: None)
    assert len(fork._in_child) == 1


def test_a_fork_behind_pythons_back_is_noticed() -> None:
    """An emptied page begins the child once."""
    seen: list[int] = []
    fork.in_child(lambda: seen.append(1))
    fork.notice()
    assert seen == []
    fork._page[0] = 0  # what the kernel does to the page of a child
    fork.notice()
    fork.notice()
    assert seen == [1]
    assert fork.page[0] == 1


def test_systems_without_such_pages_compare_process_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS, or Linux before 4.14."""
    page = fork._AskForPid()
    assert page[0]
    page.pid = 1
    assert not page[0]
    page[0] = 1
    assert page[0]
