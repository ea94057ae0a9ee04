# SPDX-License-Identifier: Apache-2.0
"""A thread of our own, with a bell: started when it is needed, and away while the process forks.

A process that forks with a second thread alive is warned by Python 3.12, and its child may inherit a lock that
this thread held; so the thread leaves before the fork, unless it is busy, and comes back in the parent.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from otel_distro.runtime import fork, guard, log
from otel_distro.runtime.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable

_LEAVE_WITHIN_S = 0.02
"""How long a fork waits for a thread that is busy; it goes on then."""

FORK_WARNS = sys.version_info >= (3, 12)
"""Whether a fork with another thread alive makes Python print a warning; since 3.13 also with a thread that
was started right after it, so that one who leaves had better leave no work behind."""


class WorkerThread:
    """Runs work() until that returns. work() returns at its end, or soon after leaves() said so.

    The lock, the bell and the thread are made when the first start() comes, so that they are gevent's where gevent
    has patched by then. No method waits, except wait().
    """

    def __init__(self, name: str, work: Callable[[], None], after_fork: Callable[[], None]) -> None:
        """after_fork: called in the parent when the thread had left; it may start it again."""
        self._after_fork = after_fork
        self._name = name
        self._work = work
        self._bell: Any = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._asked_to_leave: list[bool] = []
        self._away = False
        fork.around(self._leave, self._come_back)

    @property
    def running(self) -> bool:
        """Whether there is a thread."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> bool:
        """Start the thread, unless it runs. False, and one line, when the system has no thread for it."""
        if self._away or not self._starting.acquire(blocking=False):
            return True  # it comes back after the fork; or another thread is at it
        try:
            if self.running:
                return True
            self._bell = threading.Lock()
            self._bell.acquire()
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()  # a greenlet, where gevent has patched: it may run before this returns
        except RuntimeError as error:  # no more threads, or the interpreter is ending
            self._thread = None
            log.warn(f"no thread can be started to export spans: {error}", key="thread")
            return False
        finally:
            self._starting.release()
        return True

    def ring(self) -> None:
        """End the thread's wait(), this one or the next. Safe in a signal handler."""
        try:
            self._bell.release()
        except RuntimeError:
            return  # it rings already

    def wait(self, timeout_s: float) -> None:
        """For the thread itself: until the bell rings."""
        if not self._asked_to_leave:
            self._bell.acquire(timeout=min(max(0.0, timeout_s), threading.TIMEOUT_MAX))

    @property
    def wanted_away(self) -> bool:
        """For the thread itself: whether it had better not begin anything long."""
        return bool(self._asked_to_leave)

    def leaves(self) -> bool:
        """For the thread itself: whether it must return from work() now."""
        try:
            return self._asked_to_leave.pop()  # one step: here, or where the fork has waited long enough
        except IndexError:
            return False

    def _run(self) -> None:
        identity, bell = threading.get_ident, self._bell
        guard.survive(self._name, self._work)
        while threading.get_ident is not identity:
            # gevent has patched since this thread began: threading would not find it in its books, and say so
            bell.acquire()

    def _leave(self) -> None:
        thread = self._thread
        if thread is None or not thread.is_alive() or thread is threading.current_thread() or _patched():
            return
        self._asked_to_leave.append(True)
        self.ring()
        thread.join(_LEAVE_WITHIN_S)
        if thread.is_alive():
            try:
                self._asked_to_leave.pop()
            except IndexError:
                thread.join(_LEAVE_WITHIN_S)  # it is leaving
            else:
                return  # it is busy, and goes on
        _wait_until_gone(thread)
        self._away = True

    def _come_back(self) -> None:
        if self._away:
            self._away = False
            self._after_fork()


def _wait_until_gone(thread: threading.Thread) -> None:
    """Python 3.12 counts the system's threads at a fork, and its join() returns a moment before the end."""
    if sys.version_info[:2] == (3, 12) and sys.platform == "linux":
        deadline = Deadline(_LEAVE_WITHIN_S)
        while os.path.exists(f"/proc/self/task/{thread.native_id}") and not deadline.passed():
            os.sched_yield()


def _patched() -> bool:
    """Whether gevent or eventlet has replaced threads by greenlets, which are none to the system."""
    return threading.get_ident.__module__ != "_thread"
