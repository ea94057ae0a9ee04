# SPDX-License-Identifier: Apache-2.0
"""Django's own commands do, print and return under otel-distro-run what they do without it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.harness.backend import Backend
from tests.harness.programs import OURS, django_project, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

COMMANDS = {
    "check": ["check"],
    "migrate": ["migrate", "--noinput"],
    "shell": ["shell", "-v", "0", "-c", "from django.conf import settings; print(settings.ROOT_URLCONF)"],
    "collectstatic without a root": ["collectstatic", "--noinput"],
    "unknown command": ["nosuch"],
    "diffsettings": ["diffsettings"],
    "wsgi": ["shell", "-v", "0", "-c", "import shop.wsgi; print(type(shop.wsgi.application))"],
}
SETTINGS = {
    "stock": "",
    "broken": "from django.core.exceptions import ImproperlyConfigured\nraise ImproperlyConfigured('no key')\n",
    "from the environment": "import os\nTHING = os.environ['SET_IN_MANAGE_PY']\n",
}


def run(launcher: Sequence[str], arguments: Sequence[str], folder: Path, url: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*launcher, sys.executable, "manage.py", *arguments],
        cwd=folder,
        env=environment({"OTEL_EXPORTER_OTLP_ENDPOINT": url}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with Backend() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A stock project; what its commands write is made anew for each run."""
    folder = django_project(tmp_path / "project")
    text = (folder / "manage.py").read_text()
    (folder / "manage.py").write_text(
        text.replace("    os.environ.set", "    os.environ['SET_IN_MANAGE_PY'] = '1'\n    os.environ.set")
    )
    return folder


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_the_same(name: str, project: Path, backend: Backend) -> None:
    """P1: same status, output and errors for each command of a stock project, with nothing exported."""
    plain = run([], COMMANDS[name], project, backend.url)
    (project / "db.sqlite3").unlink(missing_ok=True)
    assert run(OURS, COMMANDS[name], project, backend.url) == plain


@pytest.mark.parametrize("settings", SETTINGS)
def test_settings_are_the_apps_own_affair(settings: str, project: Path, backend: Backend) -> None:
    """P13: errors in settings are shown as without us; settings see what manage.py put into the environment."""
    file = project / "shop" / "settings.py"
    file.write_text(file.read_text() + SETTINGS[settings])
    plain = run([], ["check"], project, backend.url)
    assert run(OURS, ["check"], project, backend.url) == plain
    assert (plain[0] == 0) == (settings != "broken")
