# SPDX-License-Identifier: Apache-2.0
"""Instrumentors are switched on only for libraries they support."""

from __future__ import annotations

from importlib.metadata import distributions
from typing import TYPE_CHECKING

import pytest

from otel_distro.instrumentation import catalog
from otel_distro.instrumentation.compatibility import canonical, check, installed_version, split, unmet

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS = {"requests": "2.32.0", "opentelemetry-instrumentation-requests": "0.66b1"}


def test_check_is_none_when_library_and_package_fit() -> None:
    """A supported library and its package: nothing to say."""
    assert check(catalog.row("requests"), REQUESTS.get) is None


def test_check_names_the_version_that_does_not_fit() -> None:
    """The reason names the library, what is installed and what would do."""
    installed = {**REQUESTS, "requests": "1.2"}
    assert check(catalog.row("requests"), installed.get) == "requests 1.2 is not ~= 2.0"


def test_check_says_how_to_get_the_package() -> None:
    """The library is there, its instrumentor is not: the line to paste."""
    expected = "package missing: pip install opentelemetry-instrumentation-requests"
    assert check(catalog.row("requests"), {"requests": "2.32.0"}.get) == expected


def test_check_tells_the_library_before_the_package() -> None:
    """Nobody is asked to install an instrumentor for a library they do not have."""
    assert check(catalog.row("requests"), {}.get) == "requests is not installed"


def test_check_needs_no_library_where_the_instrumentor_needs_none() -> None:
    """Instrumentors of the standard library only need their package."""
    assert check(catalog.row("sqlite3"), {"opentelemetry-instrumentation-sqlite3": "1"}.get) is None


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"psycopg2": "2.9"}, None),
        ({"psycopg2-binary": "2.9"}, None),
        ({"psycopg2": "2.0", "psycopg2-binary": "2.9"}, None),
        ({"psycopg2-binary": "2.0"}, "psycopg2-binary 2.0 is not >= 2.7.3.1"),
        ({}, "psycopg2 is not installed"),
    ],
)
def test_one_of_several_libraries_is_enough(installed: dict[str, str], expected: str | None) -> None:
    """psycopg2 comes under two names; either will do, and a wrong version is told before an absent name."""
    package = {"opentelemetry-instrumentation-psycopg2": "0.66b1"}
    assert check(catalog.row("psycopg2"), {**installed, **package}.get) == expected


def test_all_libraries_are_needed_where_the_instrumentor_needs_all() -> None:
    """LlamaIndex needs three distributions; the absent one is named."""
    installed = {"llama-index-core": "0.14.20", "llama-index-instrumentation": "0.5.0"}
    assert check(catalog.row("llama_index"), installed.get) == "llama-index-workflows is not installed"


def test_ranges_of_the_installed_package_win() -> None:
    """A newer instrumentor may support a newer library than this release of ours knows."""
    installed = {"celery": "6.1", "opentelemetry-instrumentation-celery": "0.80b0"}
    row = catalog.row("celery")
    assert check(row, installed.get) == "celery 6.1 is not >= 4.0, < 6.0"
    assert check(row, installed.get, declared=["celery<7.0,>=4.0; extra == 'instruments'"]) is None
    assert check(row, installed.get, declared=["celery", "billiard<5"]) == "celery 6.1 is not >= 4.0, < 6.0"


def test_pre_releases_count_as_what_they_precede() -> None:
    """Who runs a beta of a supported line wants it traced."""
    assert unmet(["django >= 2.0"], {"django": "6.0b1"}.get) is None


@pytest.mark.parametrize("version", ["unknown", "2.0-dirty+%", ""])
def test_versions_nobody_can_read_are_let_through(version: str) -> None:
    """A version that is no version is no reason to leave a library untraced."""
    assert unmet(["x >= 2.0"], {"x": version}.get) is None


def test_specifiers_nobody_can_read_are_let_through() -> None:
    """A foreign package's broken metadata does not switch it off."""
    assert unmet(["x >=> 2"], {"x": "1"}.get) is None


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("requests", ("requests", "")),
        ("requests ~= 2.0", ("requests", "~= 2.0")),
        ("ray[serve]>=2.7; extra == 'instruments'", ("ray", ">=2.7")),
        ("kstreams (>=0.17.0) ; extra == 'instruments'", ("kstreams", ">=0.17.0")),
        ("oslo.log", ("oslo.log", "")),
        ("", ("", "")),
    ],
)
def test_split(requirement: str, expected: tuple[str, str]) -> None:
    """Every way in which metadata write a requirement is understood."""
    assert split(requirement) == expected


def test_installed_version_agrees_with_importlib_metadata() -> None:
    """Reading folder names gives the same answer as the standard library, for all that is installed here."""
    expected = {canonical(one.name): one.version for one in distributions()}
    assert {name: installed_version(name) for name in expected} == expected
    assert installed_version("no-such-distribution") is None


def test_installed_version_of_every_kind_of_metadata_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wheels, old setuptools installs, development installs; the first on sys.path wins."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in ("Zope.Some_Thing-1.0.dist-info", "legacy-2.1-py3.11.egg-info", "develop.egg-info"):
        (first / folder).mkdir(parents=True)
    (first / "develop.egg-info" / "PKG-INFO").write_text("Metadata-Version: 1.0\nVersion: 3.2\n")
    (second / "legacy-9.9.dist-info").mkdir(parents=True)
    monkeypatch.setattr("sys.path", [str(first), str(second), str(tmp_path / "absent")])
    assert installed_version("zope-some-thing") == "1.0"
    assert installed_version("legacy") == "2.1"
    assert installed_version("develop") == "3.2"
