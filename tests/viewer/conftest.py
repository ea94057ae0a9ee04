# SPDX-License-Identifier: Apache-2.0
"""Spans to store, stores to put them into, and a viewer's process to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_distro.viewer.store.store import Store
from tests.harness.viewer_process import ViewerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store on disk."""
    made = Store(tmp_path / "traces")
    yield made
    made.close()


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ViewerProcess]:
    """A viewer that the tests of a module share; each brings spans of its own."""
    with ViewerProcess(tmp_path_factory.mktemp("viewer")) as process:
        yield process


@pytest.fixture
def fresh_viewer(tmp_path: Path) -> Iterator[ViewerProcess]:
    """A viewer that nobody has used."""
    with ViewerProcess(tmp_path) as process:
        yield process
