# SPDX-License-Identifier: Apache-2.0
"""Installed packages of other people, one folder each, with entry points that misbehave."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

APP = """
import flask
app = flask.Flask("app")
app.add_url_rule("/", "index", lambda: "page")
print(app.test_client().get("/").data.decode())
"""


def install(folder: Path, group: str, name: str, code: str, attribute: str = "Plugin", requires: str = "") -> Path:
    """Write a module and its metadata, as pip would have; returns the folder that goes on PYTHONPATH."""
    module = f"plugin_{name.replace('-', '_')}"
    folder.mkdir(exist_ok=True)
    (folder / f"{module}.py").write_text(code)
    metadata = folder / f"{module}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n{requires}\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}:{attribute}\n")
    return folder


def run_app(folders: list[Path], variables: Mapping[str, str], program: str = APP) -> subprocess.CompletedProcess[str]:
    """Run a small Flask app under the launcher with those packages installed."""
    environ = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(str(folder) for folder in folders)}
    return subprocess.run(
        [sys.executable, "-m", "otel_distro.run", sys.executable, "-c", program],
        env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
