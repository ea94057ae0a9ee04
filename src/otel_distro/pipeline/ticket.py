# SPDX-License-Identifier: Apache-2.0
"""A flush or shutdown that one thread does and others wait for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_distro.runtime.deadline import Deadline


class Ticket:
    """Work that somebody waits for. done: whether it is over."""

    __slots__ = ("_lock", "_well", "done")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self._well = False
        self.done = False

    def settle(self, well: bool) -> None:
        """It is over; well: whether everything was exported. Only the first call counts."""
        if not self.done:
            self._well = well
            self.done = True
            self._lock.release()

    def wait(self, deadline: Deadline) -> bool:
        """Whether everything was exported, and before the deadline."""
        left_s = deadline.remaining_s()
        if not self._lock.acquire(timeout=-1 if left_s is None else min(left_s, threading.TIMEOUT_MAX)):
            return False
        self._lock.release()  # for the next one who waits
        return self._well
