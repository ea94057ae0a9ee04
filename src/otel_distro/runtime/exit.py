# SPDX-License-Identifier: Apache-2.0
"""What happens to unsent spans when the process ends: one deadline for everything, whatever the backend does.

Ways out of a process, and what is done:

    the interpreter ends         atexit; registered early, so that it runs after the app's own handlers
    SIGTERM over SIG_DFL         a handler that flushes, restores SIG_DFL and sends the signal again
    a multiprocessing child      a finalizer, because such children leave by os._exit
    a billiard (Celery) child    its pool's own exit is wrapped, for the same reason
    os._exit, exec, kill -9      nothing; spans since the last export are lost

A process in which nothing was registered, or no span was made, does nothing at all here.
"""

from __future__ import annotations

import atexit
import functools
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from otel_distro.runtime import bounded, counters, fork, guard, log
from otel_distro.runtime.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    Flush = Callable[[Deadline], object]

_BOOKS_S = 0.1  # after the deadline, until the last has counted what it could not send

_RESERVE_S = 0.15  # what ending itself takes, so that the whole stays within the timeout

_flushes: list[Flush] = []
_timeout_s = 2.0
_armed = False
_ending = False
_dying = False
_die_after_flush = False


def configure(timeout_s: float) -> None:
    """Set OTEL_DISTRO_EXIT_TIMEOUT: how long all exporters together may delay the end of the process."""
    global _timeout_s
    _timeout_s = timeout_s


def timeout_s() -> float:
    """How long all exporters together may delay the end of the process."""
    return _timeout_s


def arm() -> None:
    """Take our place in the interpreter's atexit list; what is registered there later runs before us."""
    global _armed
    if not _armed:
        _armed = True
        atexit.register(_at_exit)


def at_exit_of(caller: str) -> Callable[[], None]:
    """Hand our place in the atexit list to a caller that was there before any code of the app.

    caller: for the debug log. Returns what it is to call when the interpreter ends.
    """
    global _armed
    _armed = True
    log.debug(f"the flush at exit is called by {caller}")
    return _at_exit


def register(flush: Flush) -> None:
    """Call flush(deadline) when the process ends. It sends what is unsent and stops."""
    arm()
    _flushes.append(flush)


def unregister(flush: Flush) -> None:
    """Forget a flush; harmless when it is not registered."""
    if flush in _flushes:
        _flushes.remove(flush)


def _at_exit() -> None:
    guard.survive("at exit", flush_all)
    if _die_after_flush:
        _die()


def flush_all() -> None:
    """Send what is unsent within the exit timeout, say what was lost. Only the first call does anything."""
    global _ending
    if _ending:
        return
    _ending = True
    deadline = Deadline(_timeout_s - min(_RESERVE_S, _timeout_s / 10))
    flushes, _flushes[:] = list(_flushes), []
    if len(flushes) == 1:
        guard.survive("at exit", flushes[0], deadline)
    else:
        bounded.run([("at exit", flush, (deadline,)) for flush in flushes], Deadline(_timeout_s + _BOOKS_S))
    for line in counters.summaries():
        log.warn(line)


# --- SIGTERM


def flush_on_sigterm() -> bool:
    """Flush before death by SIGTERM, if nobody else handles that signal. Returns whether we do now.

    Nothing is touched outside the main thread, or when a handler is there already; one that the app installs
    later simply replaces ours.
    """
    try:
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            return signal.getsignal(signal.SIGTERM) is _on_sigterm
        signal.signal(signal.SIGTERM, _on_sigterm)
    except ValueError:  # not the main thread
        return False
    return True


def _on_sigterm(_number: int, _frame: FrameType | None) -> None:
    global _dying, _die_after_flush
    if not _dying:
        _dying = True
        if _ending:
            _die_after_flush = True  # the main thread is flushing: it may finish
            return
        if _in_gevent_hub():
            sys.modules["gevent"].spawn(_flush_and_die)  # the hub itself may not wait
            return
        _flush_and_die()
    _die()


def _flush_and_die() -> None:
    guard.survive("at SIGTERM", flush_all)
    _die()


def _die() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def _in_gevent_hub() -> bool:
    gevent = sys.modules.get("gevent")
    return gevent is not None and bool(guard.call("gevent", lambda: gevent.getcurrent() is gevent.get_hub()))


# --- children that leave by os._exit


def on_multiprocessing_imported(module: Any) -> None:
    """To be called with `multiprocessing.util` or `billiard.util` once it is imported.

    Each child flushes as the last of its finalizers. The registration itself starts nothing, so that a fork
    server stays clean.
    """

    def finalize_child(_registered: object) -> None:
        module.Finalize(None, flush_all, exitpriority=-1_000_000)

    # a child forgets its parent's finalizers before it runs what was registered for after the fork
    module.register_after_fork(flush_all, finalize_child)


def on_billiard_pool_imported(module: Any) -> None:
    """To be called with `billiard.pool` once it is imported: its workers run no finalizers."""
    leave = module.Worker._do_exit

    @functools.wraps(leave)
    def flush_and_leave(self: Any, *args: Any, **kwargs: Any) -> Any:
        guard.survive("at the end of a pool worker", flush_all)
        return leave(self, *args, **kwargs)

    module.Worker._do_exit = flush_and_leave


def _begin_child() -> None:
    global _ending, _dying, _die_after_flush
    _ending = _dying = _die_after_flush = False


fork.in_child(_begin_child)
