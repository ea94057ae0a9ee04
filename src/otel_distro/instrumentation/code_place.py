# SPDX-License-Identifier: Apache-2.0
"""The line of the user's own code that something happened on: not Python's, not a library's, not ours."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType, ModuleType, TracebackType

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LIBRARY_FOLDERS = ("site-packages", "dist-packages")
_SCRIPTS = "Scripts" if os.name == "nt" else "bin"
_NOT_USERS = (  # the standard library, and the scripts of installed packages, as bin/gunicorn
    os.path.dirname(os.__file__) + os.sep,
    *(os.path.join(prefix, _SCRIPTS) + os.sep for prefix in {sys.prefix, sys.base_prefix}),
)
_MAX_FRAMES = 100
_MAX_WRAPPERS = 8
_MAX_KNOWN = 4096

_frameworks: set[str] = set()
_known: dict[str, bool] = {}  # a plain dict, because this is asked for twenty frames of every query


def of_caller(depth: int = 1) -> dict[str, str | int] | None:
    """code.* attributes of the nearest frame in the user's code, at most 100 frames up; None without one."""
    frame: FrameType | None = sys._getframe(depth)
    known, left = _known.get, _MAX_FRAMES
    while frame is not None and left:
        file_name = frame.f_code.co_filename
        is_users = known(file_name)
        if is_users is None:
            is_users = _is_users(file_name)
        if is_users:
            return _attributes(frame, frame.f_lineno)
        frame = frame.f_back
        left -= 1
    return None


def of_traceback(trace: TracebackType | None) -> dict[str, str | int] | None:
    """code.* attributes of the innermost user frame that an exception passed; None without one."""
    found = None
    while trace is not None:
        if _is_users(trace.tb_frame.f_code.co_filename):
            found = trace
        trace = trace.tb_next
    return None if found is None else _attributes(found.tb_frame, found.tb_lineno)


def is_framework(module: ModuleType) -> None:
    """Say that a package is nobody's own code, wherever it is installed."""
    _frameworks.update(folder + os.sep for folder in getattr(module, "__path__", ()))
    _known.clear()


def of_function(function: Any) -> dict[str, str | int]:
    """code.* attributes of a function, method or class: its name, and its place when it is written in Python."""
    inner = function
    for _ in range(_MAX_WRAPPERS):
        inner = inner.func if isinstance(inner, partial) else getattr(inner, "__wrapped__", inner)
    named = inner if not hasattr(function, "__qualname__") else function
    kind = type(function)
    name = getattr(named, "__qualname__", kind.__qualname__)
    module = getattr(named, "__module__", kind.__module__)
    attributes: dict[str, str | int] = {"code.function.name": f"{module}.{name}"}
    code = getattr(inner, "__code__", None)
    if code is not None:
        attributes["code.file.path"] = code.co_filename
        attributes["code.line.number"] = code.co_firstlineno
    return attributes


def _attributes(frame: FrameType, line: int | None) -> dict[str, str | int]:
    code = frame.f_code
    function = getattr(code, "co_qualname", code.co_name)  # Python 3.10 has no co_qualname
    attributes: dict[str, str | int] = {
        "code.file.path": code.co_filename,
        "code.function.name": f"{frame.f_globals.get('__name__', '')}.{function}",
    }
    if line is not None:
        attributes["code.line.number"] = line
    return attributes


def is_ours(file_name: str) -> bool:
    """Whether this is a file of this package."""
    return file_name.startswith(_OURS)


def _is_users(file_name: str) -> bool:
    known = _known.get(file_name)
    if known is None:
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        known = _known[file_name] = _looks_like_users(file_name)
    return known


def _looks_like_users(file_name: str) -> bool:
    if file_name.startswith(("<frozen", "<__array", _OURS)):
        return False
    if any(folder in file_name for folder in _LIBRARY_FOLDERS) or os.path.basename(file_name) == "manage.py":
        return False
    return not file_name.startswith((*_NOT_USERS, *_frameworks))
