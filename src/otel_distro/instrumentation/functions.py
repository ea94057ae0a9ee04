# SPDX-License-Identifier: Apache-2.0
"""Spans for functions named in settings: found when their module is imported, put back by uninstrument().

A name under which nothing is found is reported once, at exit, with what may have been meant.
"""

from __future__ import annotations

import atexit
import inspect
import sys
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation import first_party, function_names, import_hook
from otel_distro.instrumentation.function_spans import TRACED_MARK, FunctionSpans
from otel_distro.instrumentation.redaction import Redactor
from otel_distro.runtime import guard, log

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from otel_distro.instrumentation.function_names import Wanted
    from otel_distro.settings.settings import Settings

_tracing: FunctionTracing | None = None


def instrument(settings: Settings, **options: Any) -> None:
    """Trace the functions that the settings name, as they are imported. options: tracer_provider."""
    global _tracing
    wishes = settings.instrumentation
    text = ",".join(wishes.trace_functions)
    if wishes.trace_functions_file is not None:
        text = f"{text}\n{_read(wishes.trace_functions_file)}"
    wanted, bad = function_names.parse(text)
    if bad:
        log.warn(f"OTEL_DISTRO_TRACE_FUNCTIONS: not understood: {', '.join(bad)}; write module:function")
    if not wanted:
        return
    redactor = Redactor(wishes.redact)
    spans = FunctionSpans(first_party.tracer_of("functions", options), redactor, wishes.min_span_duration_s)
    _tracing = FunctionTracing(spans, wanted)
    _tracing.begin()
    atexit.register(report)


def uninstrument() -> None:
    """Put everything back as it was."""
    global _tracing
    tracing, _tracing = _tracing, None
    if tracing is not None:
        tracing.end()
    atexit.unregister(report)


def look_again() -> None:
    """Look once more at modules that were not complete at first, as `__main__`."""
    if _tracing is not None:
        _tracing.look_again()


def report() -> None:
    """One line for each name under which nothing was found."""
    if _tracing is not None:
        _tracing.look_again()
        for line in _tracing.missing():
            log.warn(f"OTEL_DISTRO_TRACE_FUNCTIONS: {line}")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""  # the settings have said that it cannot be read


class FunctionTracing:
    """The functions that are wanted, and what has been found of them."""

    def __init__(self, spans: FunctionSpans, wanted: Sequence[Wanted]) -> None:
        self._spans = spans
        self._wanted = list(wanted)
        self._found: set[str] = set()
        self._unfit: set[str] = set()
        self._done: list[tuple[Any, str, Any, Any]] = []  # owner, name, what was there, what is there now

    def begin(self) -> None:
        """Look at what is imported, and wait for the rest."""
        names = {entry.module for entry in self._wanted if not entry.has_module_glob()}
        if any(entry.has_module_glob() for entry in self._wanted):
            import_hook._install()
            sys.meta_path.insert(0, self)  # before the hook's finder, which then knows the name
            names.update(name for name in list(sys.modules) if self._wants(name))
        for name in names:
            import_hook.after(name, self._look_at)

    def end(self) -> None:
        """Put everything back that nobody has replaced since."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        while self._done:
            owner, name, before, now = self._done.pop()
            if vars(owner).get(name) is now:
                setattr(owner, name, before)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        """See importlib.abc.MetaPathFinder: finds nothing, but hears of every import."""
        if name not in sys.modules and self._wants(name):
            import_hook.after(name, self._look_at)

    def look_again(self) -> None:
        """Functions that came into their modules after we looked."""
        for entry in self._wanted:
            for name in [entry.module] if not entry.has_module_glob() else []:
                module = sys.modules.get(name)
                if module is not None and entry.text not in self._found:
                    self._look_at(module)

    def missing(self) -> list[str]:
        """What was not found, with a guess at what was meant."""
        texts = dict.fromkeys(entry.text for entry in self._wanted if entry.text not in self._found)
        return [self._guess(text) for text in texts if text not in self._unfit]

    def _wants(self, module: str) -> bool:
        return any(entry.has_module_glob() and entry.matches_module(module) for entry in self._wanted)

    def _look_at(self, module: ModuleType) -> None:
        for entry in self._wanted:
            if entry.matches_module(module.__name__):
                guard.call(f"function {entry.text}", self._trace, module, entry)

    def _trace(self, module: ModuleType, entry: Wanted) -> None:
        owner: Any = module
        for name in entry.path[:-1]:
            owner = vars(owner).get(name)
            if owner is None or inspect.ismodule(owner):
                return
        last = entry.path[-1]
        for name in [name for name in list(vars(owner)) if fnmatchcase(name, last)] if entry.is_glob() else [last]:
            there = vars(owner).get(name)
            if there is None or (entry.is_glob() and not _belongs_to(there, module, name)):
                continue
            self._wrap(owner, name, there, entry)

    def _wrap(self, owner: Any, name: str, there: Any, entry: Wanted) -> None:
        if inspect.isclass(there):
            self._found.add(entry.text)
            for method, function in list(vars(there).items()):
                if _belongs_to(function, sys.modules[there.__module__], method):
                    self._wrap(there, method, function, entry)
            return
        function = getattr(there, "__func__", there) if isinstance(there, (staticmethod, classmethod)) else there
        if hasattr(function, TRACED_MARK):
            self._found.add(entry.text)
            return
        wrapped: Any = self._spans.wrap(function, entry.arguments)
        if wrapped is None:
            if not entry.is_glob():
                self._unfit.add(entry.text)
                log.warn(
                    f"OTEL_DISTRO_TRACE_FUNCTIONS: {entry.text} is a {type(there).__name__}, which cannot be traced"
                )
            return
        if isinstance(there, (staticmethod, classmethod)):
            wrapped = type(there)(wrapped)
        setattr(owner, name, wrapped)
        self._done.append((owner, name, there, vars(owner)[name]))
        self._found.add(entry.text)
        if inspect.ismodule(owner):
            self._replace_elsewhere(there, wrapped)

    def _replace_elsewhere(self, function: Any, wrapped: Any) -> None:
        """In modules that have taken the function over by name before we saw it."""
        for module in list(sys.modules.values()):
            names = getattr(module, "__dict__", None)
            if not isinstance(names, dict):
                continue
            for name, value in list(names.items()):
                if value is function:
                    names[name] = wrapped
                    self._done.append((module, name, function, wrapped))

    def _guess(self, text: str) -> str:
        entries = [entry for entry in self._wanted if entry.text == text]
        loaded = [entry for entry in entries if entry.module in sys.modules]
        if not loaded:
            close = get_close_matches(entries[0].module, list(sys.modules), 1)
            meant = f"; did you mean {close[0]}?" if close else ""
            return f"{text}: no module {entries[0].module} was imported{meant}"
        entry = loaded[0]
        owner: Any = sys.modules[entry.module]
        for name in entry.path[:-1]:
            owner = vars(owner).get(name, owner)
        close = get_close_matches(entry.path[-1], [name for name in vars(owner) if not name.startswith("__")], 1)
        meant = f"; did you mean {close[0]}?" if close else ""
        return f"{text}: {entry.module} has no {'.'.join(entry.path)}{meant}"


def _belongs_to(value: Any, module: ModuleType, name: str) -> bool:
    """Whether a glob means this: a function defined in the module itself, and none of Python's own methods."""
    if name.startswith("__") and name.endswith("__"):
        return False
    function = getattr(value, "__func__", value) if isinstance(value, (staticmethod, classmethod)) else value
    return inspect.isfunction(function) and function.__module__ == module.__name__
