# SPDX-License-Identifier: Apache-2.0
"""A point in monotonic time by which a whole operation must be over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.runtime.clock import monotonic_s

if TYPE_CHECKING:
    from collections.abc import Callable


class Deadline:
    """Total time for an operation of many steps; each step asks what remains."""

    __slots__ = ("_clock", "_end_s")

    def __init__(self, timeout_s: float | None, clock: Callable[[], float] = monotonic_s) -> None:
        """timeout_s: seconds from now; None never passes."""
        self._clock = clock
        self._end_s = None if timeout_s is None else clock() + timeout_s

    def remaining_s(self) -> float | None:
        """Seconds left, never below 0; None when there is no limit."""
        return None if self._end_s is None else max(0.0, self._end_s - self._clock())

    def passed(self) -> bool:
        """Whether the time is over."""
        return self._end_s is not None and self._clock() >= self._end_s

    def earlier_of(self, timeout_s: float | None) -> Deadline:
        """A deadline that passes with this one or after timeout_s, whichever comes first."""
        left = self.remaining_s()
        if timeout_s is None or (left is not None and left < timeout_s):
            timeout_s = left
        return Deadline(timeout_s, self._clock)
