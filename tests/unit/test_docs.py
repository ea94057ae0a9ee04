# SPDX-License-Identifier: Apache-2.0
"""The pages do not lead astray: links resolve, variables exist, and each guarantee has its test."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import unquote

import pytest

from otel_distro.settings.variables import BY_NAME

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(page.relative_to(ROOT))
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/README.md")]
)
GUARANTEES = ROOT / "docs/reference/guarantees.md"

# not in our table: made by the launcher for its children; misspelt on purpose
OTHERS = {"OTEL_DISTRO_LAUNCH", "OTEL_TRACES_SAMPLR"}
# how a page writes a family of variables
FAMILIES = ("OTEL_", "OTEL_DISTRO_", "OTEL_BSP_", "OTEL_PYTHON_", "OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_JAEGER_")

_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^    .*$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_VARIABLE = re.compile(r"\bOTEL_[A-Z0-9_]+")


def prose(page: Path) -> str:
    """The page without its code."""
    return _CODE.sub("", _INDENTED.sub("", _FENCED.sub("", page.read_text())))


def anchors(page: Path) -> set[str]:
    """The names by which the page's headings can be linked to, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.*)$", _FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_resolves(name: str) -> None:
    """Files that are linked to exist, and so do their headings."""
    page = ROOT / name
    broken = []
    for target in _LINK.findall(prose(page)):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    assert [] == broken


@pytest.mark.parametrize("name", PAGES)
def test_every_variable_is_known(name: str) -> None:
    """A variable that a page names is one that we read, so that a reader can look it up."""
    named = set(_VARIABLE.findall((ROOT / name).read_text())) - OTHERS - set(FAMILIES)
    assert [] == sorted(variable for variable in named if variable not in BY_NAME)


@pytest.mark.parametrize("name", [page for page in PAGES if page.startswith("docs/")])
def test_every_page_can_be_found(name: str) -> None:
    """docs/README.md leads to each of them."""
    index = ROOT / "docs/README.md"
    linked = {(index.parent / target.partition("#")[0]).resolve() for target in _LINK.findall(prose(index))}
    assert (ROOT / name).resolve() in linked | {index}


def test_every_guarantee_has_its_test() -> None:
    """Each row but those under "Not yet" links to a test or to the oracle."""
    promised = GUARANTEES.read_text().partition("## Not yet")[0]
    rows = re.findall(r"^\| ([PF]\d\d?) \|(.*)\|$", promised, re.MULTILINE)
    assert len(rows) >= 55
    assert [] == [number for number, row in rows if "](../../tests/" not in row and "](#" not in row]


def test_every_fault_test_is_listed() -> None:
    """A fault that is tested is promised, under its own number."""
    rows = re.findall(r"^\| (F\d\d) \|(.*)\|$", GUARANTEES.read_text(), re.MULTILINE)
    missing = [
        file.name
        for file in sorted((ROOT / "tests/faults").glob("test_f*.py"))
        if not any(fnmatchcase(file.name, f"test_{number.lower()}_*") and file.name in row for number, row in rows)
    ]
    assert [] == missing
