# SPDX-License-Identifier: Apache-2.0
"""What must be made anew in a forked child: one registration, one list of callbacks.

Python tells us of its own forks. A fork made in C (uWSGI) it does not see; there a memory page notices, which
the kernel empties in each child: reading a byte of it costs an eighth of asking for the process id.
"""

from __future__ import annotations

import mmap
import os
import sys
import weakref
from _thread import get_ident
from typing import TYPE_CHECKING, Any, Protocol

from otel_distro.runtime import counters, guard

if TYPE_CHECKING:
    from collections.abc import Callable

    Reference = Callable[[], Callable[[], None] | None]

_MADV_WIPEONFORK = 18  # Linux 4.14; the mmap module has no name for it

generation = 0
"""How many forks lie between this process and the one that imported this module."""

_in_child: list[Reference] = []
_before: list[Reference] = []
_in_parent: list[Reference] = []
_registered = False


class Page(Protocol):
    """Its first byte is 0 in a child that was forked behind Python's back."""

    def __getitem__(self, index: int, /) -> int: ...


class _AskForPid:
    """For systems that cannot empty a page on fork."""

    def __init__(self) -> None:
        self.pid = os.getpid()

    def __getitem__(self, index: int, /) -> int:
        return self.pid == os.getpid()

    def __setitem__(self, index: int, value: int, /) -> None:
        self.pid = os.getpid()


def _new_page() -> Any:
    if not hasattr(os, "fork"):
        return bytearray(1)
    if sys.platform == "linux":
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        try:
            page.madvise(_MADV_WIPEONFORK)
        except OSError:
            page.close()  # a kernel before 4.14
        else:
            return page
    return _AskForPid()


_page: Any = _new_page()
_page[0] = 1
page: Page = _page
"""Read `page[0]` on a hot path; when it is 0, call notice()."""


def in_child(callback: Callable[[], None]) -> None:
    """Call callback in every forked child before the app goes on. A bound method does not keep its object."""
    _remember(_in_child, callback)


def around(before: Callable[[], None], after: Callable[[], None]) -> None:
    """Call before() when Python is about to fork, and after() in the parent. They must be quick."""
    _remember(_before, before)
    _remember(_in_parent, after)


def _remember(callbacks: list[Reference], callback: Callable[[], None]) -> None:
    global _registered
    callbacks[:] = [known for known in callbacks if known() is not None]
    callbacks.append(weakref.WeakMethod(callback) if hasattr(callback, "__self__") else lambda: callback)
    if not _registered and hasattr(os, "register_at_fork"):
        _registered = True
        os.register_at_fork(
            before=lambda: _call("before a fork", _before),
            after_in_parent=lambda: _call("after a fork", _in_parent),
            after_in_child=_begin_child,
        )


def notice() -> None:
    """Begin the child, if this process was forked behind Python's back. Never raises."""
    if not page[0]:
        _begin_child()


def _forget_lost_imports() -> None:
    """Let this child import what another thread of the parent was importing when the fork cut it off.

    Our worker may import on its first export, and CPython never releases the lock of such a module in the child:
    the next import of it would wait for ever. The half-made module goes, too.
    """
    bootstrap: Any = sys.modules["_frozen_importlib"]
    this_thread = get_ident()
    for name, reference in tuple(bootstrap._module_locks.items()):
        lock = reference()
        if lock is None or lock.owner is None or lock.owner == this_thread:
            continue
        bootstrap._module_locks.pop(name, None)
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if getattr(spec, "_initializing", False):
            del sys.modules[name]


def _begin_child() -> None:
    global generation
    generation += 1
    _page[0] = 1
    counters.begin_child()
    guard.call("imports that a fork cut off", _forget_lost_imports)
    _call("in a forked child", _in_child)


def _call(what: str, callbacks: list[Reference]) -> None:
    for reference in tuple(callbacks):  # a callback may register another
        callback = reference()
        if callback is not None:
            guard.call(what, callback)
