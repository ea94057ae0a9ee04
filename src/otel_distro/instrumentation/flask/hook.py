# SPDX-License-Identifier: Apache-2.0
"""Ask for start-up when the first Flask object is made. Standard library only, and little of it."""

from __future__ import annotations

import functools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


def install(module: ModuleType, start: Callable[[], None]) -> None:
    """Run start() once, right before the first Flask object comes to be.

    module: flask.app, just imported. start: must not raise.
    """
    flask_class: Any = module.Flask
    original = flask_class.__init__
    started = False

    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        nonlocal started
        if not started:
            started = True
            if flask_class.__init__ is init:
                flask_class.__init__ = original
            start()
        original(self, *args, **kwargs)

    flask_class.__init__ = init
