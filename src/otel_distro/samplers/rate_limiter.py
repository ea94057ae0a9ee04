# SPDX-License-Identifier: Apache-2.0
"""How many traces a second may pass."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

from otel_distro.runtime import fork
from otel_distro.runtime.clock import monotonic_s

if TYPE_CHECKING:
    from collections.abc import Callable

_lock = threading.Lock()  # one for all: it is held for a few instructions


def _renew_lock() -> None:
    """A thread of the parent may have held it while the process forked."""
    global _lock
    _lock = threading.Lock()


fork.in_child(_renew_lock)


class RateLimiter:
    """A leaky bucket of credits: one per trace, `per_second` new ones each second, at most max(it, 1).

    Safe for threads, and usable in a child process whatever the parent's threads did while it forked.
    Source: Jaeger client libraries, rate limiting sampler.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = monotonic_s) -> None:
        """per_second: 0 or more, finite. The first balance is random: processes start out of step."""
        self._clock = clock
        self._per_second = per_second
        self._limit = max(per_second, 1.0)
        self._balance = random.random() * self._limit  # noqa: S311
        self._last_s = clock()

    @property
    def per_second(self) -> float:
        """The rate now."""
        return self._per_second

    def take(self) -> bool:
        """Use up one credit, if there is one. Never raises."""
        if not fork.page[0]:
            fork.notice()
        with _lock:
            self._refill()
            if self._balance < 1.0:
                return False
            self._balance -= 1.0
            return True

    def set_rate(self, per_second: float) -> None:
        """Go on at another rate; the balance keeps its share of the limit."""
        with _lock:
            self._refill()
            limit = max(per_second, 1.0)
            self._balance *= limit / self._limit
            self._per_second, self._limit = per_second, limit

    def _refill(self) -> None:
        now = self._clock()
        self._balance = min(self._limit, self._balance + max(0.0, now - self._last_s) * self._per_second)
        self._last_s = now
