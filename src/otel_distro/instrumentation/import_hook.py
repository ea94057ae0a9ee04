# SPDX-License-Identifier: Apache-2.0
"""Run something when a module is first imported. Standard library only, and little of it.

One finder stands first in sys.meta_path and answers only for names that somebody waits for. The module's own
loader does the work and is put back before the module runs, so the app sees its usual __loader__ and __spec__.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    Callback = Callable[[ModuleType], None]

_after: dict[str, list[Callback]] = {}
_before: dict[str, Callable[[], None]] = {}


def after(name: str, callback: Callback) -> None:
    """Call callback(module) once, right after the first successful import of name; now, if it is imported."""
    module = sys.modules.get(name)
    if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
        _call(name, callback, module)
        return
    _after.setdefault(name, []).append(callback)
    _install()


def before(name: str, callback: Callable[[], None]) -> None:
    """Call callback() once, when the import of name is about to begin; it may import name itself."""
    _before[name] = callback
    _install()


def forget_before(name: str) -> None:
    """Drop what was registered with before()."""
    _before.pop(name, None)


def waiting() -> Sequence[str]:
    """Names that have not been imported yet."""
    return (*_after, *_before)


def _install() -> None:
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def _call(name: str, callback: Callable[..., None], *arguments: object) -> None:
    try:
        from otel_distro.runtime import guard
    except ImportError:
        return  # a module of the app hides one of the standard library's: no tracing, and no way to say so

    guard.load(f"tracing could not be switched on at the import of {name}", callback, *arguments)


class _Finder:
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in _before:
            _call(name, _before.pop(name))
            loaded = sys.modules.get(name)
            if loaded is not None:
                return _spec_of_loaded(name, loaded)
        if name not in _after:
            return None
        spec = _find_without_us(name, path, target)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loader(spec.loader)  # type: ignore[assignment] # it stands in for one, by delegation
        return spec


_FINDER: Any = _Finder()


def _find_without_us(name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
    for finder in list(sys.meta_path):
        if finder is _FINDER or not hasattr(finder, "find_spec"):
            continue
        spec = finder.find_spec(name, path, target)
        if spec is not None:
            return spec
    return None


class _Loader:
    """Stands in for a module's loader until the module runs; everything else is delegated."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        create = getattr(self._loader, "create_module", None)
        module: ModuleType | None = create(spec) if create is not None else None
        return module

    def exec_module(self, module: ModuleType) -> None:
        spec: Any = module.__spec__
        if spec is not None and spec.loader is self:
            spec.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        name = module.__name__ if spec is None else spec.name
        for callback in _after.pop(name, ()):
            _call(name, callback, module)


def _spec_of_loaded(name: str, module: ModuleType) -> ModuleSpec:
    """A spec whose loading gives the module that is already there, unchanged.

    It is lent to the module until then, because the import system prefers a loaded module's own spec and would run
    the module a second time.
    """
    from importlib.machinery import ModuleSpec

    spec = ModuleSpec(name, _LoadedModule(module), is_package=hasattr(module, "__path__"))  # type: ignore[arg-type]
    module.__spec__ = spec
    return spec


class _LoadedModule:
    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 - the import system's signature
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
