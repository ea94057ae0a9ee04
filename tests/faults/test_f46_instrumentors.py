# SPDX-License-Identifier: Apache-2.0
"""F46: an instrumentor that raises costs only itself, and is named in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.backend import SERVER, Backend
from tests.harness.plugins import install, run_app

if TYPE_CHECKING:
    from pathlib import Path

GROUP = "opentelemetry_instrumentor"
RAISES = {
    "Exception": "raise ValueError('broken on purpose')",
    "SystemExit": "raise SystemExit(3)",
    "RecursionError": "def f(): f()\n        f()",
}


@pytest.mark.parametrize("kind", sorted(RAISES))
@pytest.mark.parametrize("moment", ["import", "instrument"])
def test_one_that_raises_is_skipped(kind: str, moment: str, tmp_path: Path) -> None:
    """The app and every other instrumentor go on; one line names the culprit."""
    body = RAISES[kind]
    code = (
        body.replace("\n        ", "\n    ").replace("    f()\n    f()", "    f()\nf()")
        if moment == "import" and "\n" not in body
        else f"class Plugin:\n    def instrument(self, **options):\n        {body}\n"
    )
    folder = install(tmp_path / "broken", GROUP, "broken", code)
    with Backend() as backend:
        done = run_app([folder], {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url})
        assert (done.returncode, done.stdout) == (0, "page\n")
        assert [span.name for span in backend.wait_for(1, timeout_s=5) if span.kind == SERVER] == ["GET /"]
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert "instrumentation broken is skipped" in lines[0]
    assert kind in lines[0] or "broken on purpose" in lines[0]


def test_one_of_a_library_is_switched_on_with_it(tmp_path: Path) -> None:
    """An instrumentor that the catalog does not know waits for the library it declares."""
    code = "class Plugin:\n    def instrument(self, **options):\n        print('instrumented', sorted(options))\n"
    requires = "Provides-Extra: instruments\nRequires-Dist: Colorsys (>=1.0) ; extra == 'instruments'"
    folder = install(tmp_path / "fine", GROUP, "fine", code, requires=requires)
    program = "import flask\nflask.Flask('x')\nprint('before')\nimport colorsys\nprint('after')\n"
    done = run_app([folder], {"OTEL_TRACES_EXPORTER": "none"}, program)
    assert done.stdout.splitlines() == ["before", "instrumented ['skip_dep_check']", "after"]
    assert done.stderr == ""


def test_options_and_globs_reach_it(tmp_path: Path) -> None:
    """Options come from one variable; the deny-list takes globs."""
    code = "class Plugin:\n    def instrument(self, **options):\n        print(options['depth'], options['on'])\n"
    folder = install(tmp_path / "fine", GROUP, "fine", code)
    options = {
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_DISTRO_INSTRUMENTATION_OPTIONS": "fine.depth=3,fine.on=true",
    }
    assert run_app([folder], options).stdout == "3 True\npage\n"
    denied = run_app([folder], {**options, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "fi*"})
    assert denied.stdout == "page\n"
    only = run_app([folder], {**options, "OTEL_DISTRO_INSTRUMENTATIONS": "flask"})
    assert only.stdout == "page\n"
