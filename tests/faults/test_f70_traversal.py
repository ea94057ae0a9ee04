# SPDX-License-Identifier: Apache-2.0
"""F70: no address leads out of the fixed table of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.viewer_process import ViewerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ViewerProcess]:
    """A viewer with a secret beside its pages."""
    with ViewerProcess(tmp_path_factory.mktemp("viewer")) as process:
        yield process


@pytest.mark.parametrize(
    "path",
    [
        "/../web/app.py",
        "/%2e%2e/web/app.py",
        "/..%2fweb%2fapp.py",
        "/%2e%2e%2fweb%2fapp.py",
        "/..%5cweb%5capp.py",
        "/..%255c..%255cetc/passwd",
        "/....//....//etc/passwd",
        "//etc/passwd",
        "/etc/passwd",
        "/app.js%00.html",
        "/app.js/",
        "/app.js/../app.js",
        "/./app.js",
        "/%2fapp.js",
        "/APP.JS",
        "/C:/Windows/win.ini",
        "/api/ui/traces/..%2f..%2fstatus",
        "/api/ui/../ui/status",
        "/index.html~",
        "/.git/config",
        "/token",
    ],
)
def test_traversal(viewer: ViewerProcess, path: str) -> None:
    """404, or 400 where an id was expected; never a file's content."""
    answer = viewer.ask("GET", path)

    assert answer.status in (400, 404)
    assert b"SPDX" not in answer.body
    assert b"root:" not in answer.body
