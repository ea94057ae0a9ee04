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
    original = command_class.execute
    started = False

    @functools.wraps(original)
    def execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal started
        from otel_distro.instrumentation.django import commands

        global _runs_tests
        name = commands.name_of(self)
        if name == "test":
            _runs_tests = True
        elif not started and not _runs_tests and commands.is_traced(name):
            started = True
            start()
            if command_class.execute is not execute:  # tracing stands around ours; this call is to be traced too
                return command_class.execute(self, *args, **kwargs)
        return original(self, *args, **kwargs)

    command_class.execute = execute
