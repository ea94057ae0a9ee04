# SPDX-License-Identifier: Apache-2.0
"""Total time for an operation of many steps."""

from __future__ import annotations

from otel_distro.runtime.deadline import Deadline


def test_deadline_passes() -> None:
    """What remains shrinks with the clock, and is never below 0."""
    now = [100.0]
    deadline = Deadline(5.0, lambda: now[0])
    assert (deadline.remaining_s(), deadline.passed()) == (5.0, False)
    now[0] = 104.0
    assert (deadline.remaining_s(), deadline.passed()) == (1.0, False)
    now[0] = 106.0
    assert (deadline.remaining_s(), deadline.passed()) == (0.0, True)


def test_none_never_passes() -> None:
    """A timeout of 0 in the settings is None here."""
    deadline = Deadline(None)
    assert (deadline.remaining_s(), deadline.passed()) == (None, False)


def test_the_earlier_of_two() -> None:
    """The whole operation's deadline bounds each step's."""
    clock = lambda: 0.0  # noqa: E731 - a clock that stands still
    assert Deadline(5.0, clock).earlier_of(2.0).remaining_s() == 2.0
    assert Deadline(5.0, clock).earlier_of(9.0).remaining_s() == 5.0
    assert Deadline(5.0, clock).earlier_of(None).remaining_s() == 5.0
    assert Deadline(None, clock).earlier_of(2.0).remaining_s() == 2.0
    assert Deadline(None, clock).earlier_of(None).remaining_s() is None
