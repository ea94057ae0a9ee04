# SPDX-License-Identifier: Apache-2.0
"""Ask for start-up when Django loads its request handler. Standard library only, and little of it.

Django's settings are neither read nor touched: by then Django has read them itself.
"""

from __future__ import annotations

import functools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


def install(module: ModuleType, start: Callable[[], None]) -> None:
    """Run start() once, right before the first request handler loads its middleware.

    module: django.core.handlers.base, just imported. start: must not raise.
    """
    handler_class: Any = module.BaseHandler
    original = handler_class.load_middleware
    started = False

    @functools.wraps(original)
    def load_middleware(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal started
        if not started:
            started = True
            if handler_class.load_middleware is load_middleware:
                handler_class.load_middleware = original
            start()
        return original(self, *args, **kwargs)

    handler_class.load_middleware = load_middleware
