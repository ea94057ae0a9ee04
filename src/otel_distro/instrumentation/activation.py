# SPDX-License-Identifier: Apache-2.0
"""Switch each instrumentor on when its library is first imported, alone inside the guard.

Before start-up (arm): the first import of a catalogued library asks for start-up. After it (begin): what was
imported so far is switched on at once, everything else when it is imported. Loaded in every child Python, so
nothing but the light table is imported before a library is.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock

from otel_distro.instrumentation import catalog, import_hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from otel_distro.instrumentation.switching import Switchboard
    from otel_distro.settings.settings import Settings

# libraries whose own module decides when start-up is due: at the first handler, the first application object
FIRST_PARTY = {
    "django.core.handlers.base": ("django", "otel_distro.instrumentation.django.hook"),
    "django.core.management.base": ("django", "otel_distro.instrumentation.django.hook"),
    "flask.app": ("flask", "otel_distro.instrumentation.flask.hook"),
}

# traced without a package of their own; urllib3 is not among them, because half of the world imports it for itself
FIRST_PARTY_CLIENTS = frozenset({"requests"})

_lock = allocate_lock()
_imported: list[str] = []
_board: Switchboard | None = None
_start: Callable[[], None] | None = None


def arm(start: Callable[[], None]) -> None:
    """Register the import hook; start() is called once the process imports something traceable."""
    global _start
    _start = start
    import_hook.before("opentelemetry", start)
    for target in catalog.TARGETS:
        import_hook.after(target, _on_import)
    for target in FIRST_PARTY:
        import_hook.after(target, _on_first_party_import)


def begin(settings: Settings) -> None:
    """Switch on what has been imported so far, and from now on each library as it is imported."""
    global _board
    from otel_distro.instrumentation import wished
    from otel_distro.instrumentation.switching import Switchboard

    board = Switchboard(settings)
    with _lock:
        _board = board
        imported = list(_imported)
    if _start is None:  # not started by our own autoload, so nobody has armed the hook yet
        arm(_already_started)
    for target in board.foreign_targets():
        import_hook.after(target, _on_import)
    for target in imported:
        board.switch_on_target(target)
    import_hook.after("subprocess", lambda _: board.switch_on("subprocess"))  # has no upstream package, so no row
    wished.begin(settings)


def _already_started() -> None:
    """Stands where start-up would be asked for, in a process that has been started by somebody else."""


def _on_import(module: ModuleType) -> None:
    target = module.__name__
    with _lock:
        _imported.append(target)
        board = _board
    if board is not None:
        board.switch_on_target(target)
    elif any(_is_worth_starting(name) for name in catalog.TARGETS.get(target, ())):
        _ensure_started()
    if _board is not None:
        _board.report()


def _ensure_started() -> None:
    if _board is None and _start is not None:
        _start()


def _on_first_party_import(module: ModuleType) -> None:
    from importlib import import_module

    name, hook = FIRST_PARTY[module.__name__]

    def start() -> None:
        _ensure_started()
        if _board is not None:
            _board.switch_on(name)
            _board.report()

    import_module(hook).install(module, start)


def _is_worth_starting(name: str) -> bool:
    """Whether an import that activates this instrumentor should start the SDK: it is installed, and not ambient."""
    return name in FIRST_PARTY_CLIENTS or (name not in catalog.AMBIENT and is_installed(name))


def is_installed(name: str) -> bool:
    """Whether the instrumentor's own module is on sys.path, found without importing anything of it."""
    from os import path

    for module in catalog.modules_of(name):
        folder = module.replace(".", "/")
        if any(path.exists(f"{entry}/{folder}") or path.exists(f"{entry}/{folder}.py") for entry in sys.path):
            return True
    return False
