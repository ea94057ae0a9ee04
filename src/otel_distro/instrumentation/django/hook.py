# SPDX-License-Identifier: Apache-2.0
"""Ask for start-up when Django loads its request handler or runs a command that is traced.

Django's settings are neither read nor touched: by then Django has read them itself. Standard library only,
and little of it.
"""

from __future__ import annotations

import functools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

_runs_tests = False


def install(module: ModuleType, start: Callable[[], None]) -> None:
    """Run start() once, right before what is traced first: a handler loads its middleware, or a command runs.

    module: django.core.handlers.base or django.core.management.base, just imported. start: must not raise; it
    may be called once for each of the two. `manage.py test` starts nothing.
    """
    if hasattr(module, "BaseCommand"):
        _install_commands(module, start)
    else:
        _install_handlers(module, start)


def _install_handlers(module: ModuleType, start: Callable[[], None]) -> None:
    handler_class: Any = module.BaseHandler
    original = handler_class.load_middleware
    started = False

    @functools.wraps(original)
    def load_middleware(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal started
        if not started and not _runs_tests:
            started = True
            if handler_class.load_middleware is load_middleware:
                handler_class.load_middleware = original
            start()
        return original(self, *args, **kwargs)

    handler_class.load_middleware = load_middleware


def _install_commands(module: ModuleType, start: Callable[[], None]) -> None:
    command_class: Any = module.BaseCommand
    command_class.execute = _Execute(command_class, command_class.execute, start)


class _Execute:
    """Stands for BaseCommand.execute. It acts when execute is looked up, so no frame of ours is in a traceback."""

    def __init__(self, command_class: Any, original: Any, start: Callable[[], None]) -> None:
        self._class = command_class
        self._original = original
        self._start: Callable[[], None] | None = start

    def __get__(self, command: Any, owner: Any) -> Any:
        if command is None:
            return self._original
        start = self._start
        if start is not None:
            self._look_at(command, start)
        found = vars(self._class).get("execute")
        if start is not None and found is not self and found is not None:
            return found.__get__(command, owner)  # tracing stands around ours now
        return self._original.__get__(command, owner)

    def _look_at(self, command: Any, start: Callable[[], None]) -> None:
        from otel_distro.instrumentation.django import commands

        global _runs_tests
        name = commands.name_of(command)
        if name == "test":
            _runs_tests = True
        elif not _runs_tests and commands.is_traced(name):
            self._start = None
            start()
