# SPDX-License-Identifier: Apache-2.0
"""Something runs when a module is first imported, and the app sees nothing of it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING

import pytest

from otel_distro.instrumentation import import_hook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on sys.path whose modules are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]
    import_hook._after.clear()
    import_hook._before.clear()
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not import_hook._FINDER]


def test_callback_runs_once_after_the_module_has_run(modules: Path) -> None:
    """The module is complete when the callback sees it, and a reload does not call again."""
    (modules / "plain_a.py").write_text("value = 1\n")
    seen: list[ModuleType] = []
    import_hook.after("plain_a", seen.append)
    module = importlib.import_module("plain_a")
    assert [module] == seen
    assert module.value == 1
    importlib.reload(module)
    assert len(seen) == 1


def test_the_module_keeps_its_own_loader_and_spec(modules: Path) -> None:
    """__loader__, __spec__.loader and get_data are what they would have been."""
    (modules / "plain_b.py").write_text("loader = __loader__\nspec_loader = __spec__.loader\n")
    import_hook.after("plain_b", lambda _module: None)
    module = importlib.import_module("plain_b")
    for loader in (module.loader, module.spec_loader, module.__loader__, module.__spec__.loader):
        assert type(loader).__name__ == "SourceFileLoader"


def test_looking_for_a_spec_does_not_run_the_callback(modules: Path) -> None:
    """find_spec alone imports nothing; the loader it shows still answers as the real one."""
    (modules / "plain_c.py").write_text("")
    seen: list[ModuleType] = []
    import_hook.after("plain_c", seen.append)
    spec = importlib.util.find_spec("plain_c")
    assert spec is not None
    assert spec.loader is not None
    assert spec.loader.get_filename("plain_c").endswith("plain_c.py")  # type: ignore[attr-defined]
    assert seen == []


def test_a_module_that_fails_to_import_still_waits(modules: Path) -> None:
    """The app's ImportError is its own; a later successful import calls back."""
    (modules / "plain_d.py").write_text("raise ValueError('not yet')\n")
    seen: list[ModuleType] = []
    import_hook.after("plain_d", seen.append)
    with pytest.raises(ValueError, match="not yet"):
        importlib.import_module("plain_d")
    assert seen == []
    (modules / "plain_d.py").write_text("ready = True\n\n\n")
    importlib.invalidate_caches()
    assert [importlib.import_module("plain_d")] == seen


def test_a_callback_that_raises_does_not_reach_the_app(modules: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One line on stderr, and the import succeeds."""
    (modules / "plain_e.py").write_text("value = 5\n")

    def broken(_module: ModuleType) -> None:
        raise SystemExit("no")

    import_hook.after("plain_e", broken)
    assert importlib.import_module("plain_e").value == 5
    assert "at the import of plain_e: SystemExit: no" in capfd.readouterr().err


def test_what_is_imported_already_calls_back_at_once(modules: Path) -> None:
    """Registering late is not too late."""
    (modules / "plain_f.py").write_text("")
    module = importlib.import_module("plain_f")
    seen: list[ModuleType] = []
    import_hook.after("plain_f", seen.append)
    assert [module] == seen


def test_before_may_import_the_module_itself(modules: Path) -> None:
    """The importer gets the very module that the callback imported, with its own spec, run once."""
    (modules / "plain_g.py").write_text("import builtins\nbuiltins.runs = getattr(builtins, 'runs', 0) + 1\n")
    inner: list[ModuleType] = []
    import_hook.before("plain_g", lambda: inner.append(importlib.import_module("plain_g")))
    module = importlib.import_module("plain_g")
    import builtins

    runs: int = builtins.runs  # type: ignore[attr-defined]
    del builtins.runs  # type: ignore[attr-defined]
    assert [module] == inner
    assert runs == 1
    assert module.__spec__ is not None
    assert type(module.__spec__.loader).__name__ == "SourceFileLoader"


def test_packages_and_submodules_are_both_seen(modules: Path) -> None:
    """A target may be a package, a submodule, or both."""
    (modules / "pack_h").mkdir()
    (modules / "pack_h" / "__init__.py").write_text("from pack_h import inner\n")
    (modules / "pack_h" / "inner.py").write_text("")
    seen: list[str] = []
    for name in ("pack_h", "pack_h.inner"):
        import_hook.after(name, lambda module: seen.append(module.__name__))
    importlib.import_module("pack_h")
    assert seen == ["pack_h.inner", "pack_h"]
