# SPDX-License-Identifier: Apache-2.0
"""Generated pages are what the generator writes today."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import write_docs

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted(write_docs.PAGES))
def test_page_is_up_to_date(path: str) -> None:
    """`make docs` would change nothing."""
    assert write_docs.PAGES[path]() == (ROOT / path).read_text(), "run `make docs`"
