# SPDX-License-Identifier: Apache-2.0
"""The map is true: every path that ARCHITECTURE.md sends a reader to exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_path_of_the_map_exists() -> None:
    """`Looking for -> open` answers about forty questions, each with a file that is there."""
    rows = re.findall(r"^\| [^|]+ \| `(src/[^`]+)` \|$", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    assert len(rows) >= 40
    missing = [path for path in rows if not (ROOT / path).exists()]
    assert [] == missing


def test_readme_stays_short() -> None:
    """A README that is read: under 150 lines."""
    assert len((ROOT / "README.md").read_text().splitlines()) < 150
