# SPDX-License-Identifier: Apache-2.0
"""The catalog says what the packages themselves say."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.metadata import Distribution, EntryPoint, distributions

import pytest

from otel_distro.instrumentation import catalog
from otel_distro.instrumentation.compatibility import canonical, split

GROUP = "opentelemetry_instrumentor"


def installed() -> list[tuple[Distribution, EntryPoint]]:
    found = [(one, entry) for one in distributions() for entry in one.entry_points if entry.group == GROUP]
    return [(one, entry) for one, entry in found if one.name.startswith(catalog.PACKAGE_PREFIX)]


@pytest.mark.parametrize(
    ("package", "entry"),
    [pytest.param(one.name, entry, id=entry.name) for one, entry in installed()],
)
def test_rows_agree_with_the_installed_packages(package: str, entry: EntryPoint) -> None:
    """Names, entry points and supported versions are those of the installed wheels.

    Against the whole index, when the table is brought up to date: list the names that begin with
    `opentelemetry-instrumentation-` in the index's simple API; `pip download --no-deps --pre` each; compare
    the group opentelemetry_instrumentor in entry_points.txt with name and entry point, `_instruments` and
    `_instruments_any` in the package's source (or the `instruments` extras in METADATA) with the libraries.
    Names without that group are helpers, empty placeholders or of no use to zero-code tracing: no row.
    """
    (row,) = [one for one in catalog.rows(entry.name) if one.package == package]
    assert row.entry_point == entry.value
    if entry.name in catalog.FIRST_PARTY:
        assert row.libraries  # importing Django's instrumentor needs a configured Django; its extra says the same
        return
    module, _, name = entry.value.partition(":")
    declared = getattr(importlib.import_module(module), name)().instrumentation_dependencies()
    assert [(canonical(one), specifier) for one, specifier in row.libraries] == [
        (canonical(one), specifier) for one, specifier in map(split, declared)
    ]


def test_at_least_five_installed_packages_are_compared() -> None:
    """The comparison above is not empty: the packages of the development environment are seen."""
    assert len(installed()) >= 5


def test_every_target_leads_to_rows_and_back() -> None:
    """TARGETS is the rows seen from the other side, without the first-party ones."""
    rows = [row for name in catalog.NAMES for row in catalog.rows(name)]
    expected = {(target, row.name) for row in rows for target in row.targets if row.name not in catalog.FIRST_PARTY}
    assert {(target, name) for target, names in catalog.TARGETS.items() for name in names} == expected
    assert all(row.targets for row in rows)


def test_each_package_has_an_instrumentor_once() -> None:
    """No row is there twice, none claims a helper package, and each reads as module:Class."""
    rows = [row for name in catalog.NAMES for row in catalog.rows(name)]
    assert len({(row.package, row.name) for row in rows}) == len(rows)
    assert not {row.package for row in rows} & set(catalog.HELPER_PACKAGES)
    for row in rows:
        module, colon, attribute = row.entry_point.partition(":")
        assert colon
        assert attribute.isidentifier()
        assert all(part.isidentifier() for part in module.split("."))
        assert all(part.isidentifier() for target in row.targets for part in target.split("."))
        assert all(name for name, _ in row.libraries)


def test_openTelemetry_own_instrumentor_is_recommended() -> None:
    """Where several packages offer one name, the row to recommend is OpenTelemetry's, its newest first."""
    assert [row.package.removeprefix(catalog.PACKAGE_PREFIX) for row in catalog.rows("openai")] == [
        "genai-openai",
        "openai-v2",
        "openai",
        "openai-tk-karini",
    ]
    assert catalog.row("openai").publisher == "opentelemetry"
    assert catalog.module_of("openai") == "opentelemetry.instrumentation.genai.openai"
    assert "opentelemetry.instrumentation.openai" in catalog.modules_of("openai")


def test_no_target_is_needed_to_act_on_a_target() -> None:
    """The import hook loads the guard while it handles a target: the guard must not need that target."""
    program = "import sys, otel_distro.runtime.guard\nprint(*sys.modules)\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert not set(done.stdout.split()) & catalog.TARGETS.keys()


def test_ambient_names_have_rows() -> None:
    """Every ambient name exists, and its row says so."""
    assert {name for name in catalog.NAMES if catalog.row(name).ambient} == catalog.AMBIENT


def test_loading_the_catalog_imports_nothing() -> None:
    """Each child Python pays for the table alone: no typing, collections or re comes with it."""
    program = (
        "import sys, otel_distro.instrumentation, __future__\n"
        "before = set(sys.modules)\n"
        "import otel_distro.instrumentation.catalog\n"
        "print(sorted(set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout.strip() == "['otel_distro.instrumentation.catalog']"
