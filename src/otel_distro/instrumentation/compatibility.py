# SPDX-License-Identifier: Apache-2.0
"""Whether an instrumentor fits what is installed: its library in a supported version, and its own package."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_distro.instrumentation.catalog import Instrumentor

    VersionOf = Callable[[str], str | None]

_versions: dict[str, str] = {}
_versions_of_path: tuple[str, ...] | None = None


def check(row: Instrumentor, version_of: VersionOf, declared: Iterable[str] = ()) -> str | None:
    """None when the instrumentor can be switched on, else one line that says why not.

    version_of: installed version of a distribution, None when it is not installed; see installed_version.
    declared: requirements under the `instruments` extras of the package that is installed. Where they name a
        library of the row they replace the row's range: a newer package may support a newer library.
    Never raises.
    """
    ranges = {canonical(name): specifier for name, specifier in map(split, declared) if specifier}
    requirements = [f"{name} {ranges.get(canonical(name), specifier)}" for name, specifier in row.libraries]
    reason = unmet(requirements, version_of, any_of=row.any_of)
    if reason is None and row.package and version_of(row.package) is None:
        reason = f"package missing: pip install {row.package}"
    return reason


def unmet(requirements: Iterable[str], version_of: VersionOf, *, any_of: bool = False) -> str | None:
    """None when the requirements hold, else one line on the first that does not.

    any_of: one requirement that holds is enough; then a wrong version is told before an absent library.
    Never raises; what cannot be understood counts as met.
    """
    reasons = []
    for requirement in requirements:
        name, specifier = split(requirement)
        version = version_of(name)
        if version is None:
            reasons.append((1, f"{name} is not installed"))
        elif not _contains(specifier, version):
            reasons.append((0, f"{name} {version} is not {specifier}"))
        elif any_of:
            return None
    if any_of:
        reasons.sort(key=lambda reason: reason[0])
    return reasons[0][1] if reasons else None


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution, None when there is none. Never raises.

    Read from the names of the metadata folders on sys.path, first found first: importlib.metadata answers the
    same, after an import that costs more than all the rest of this package. Read again when sys.path changes.
    """
    global _versions, _versions_of_path
    path = tuple(sys.path)
    if path != _versions_of_path:
        _versions, _versions_of_path = _read_versions(path), path
    return _versions.get(canonical(distribution))


def canonical(name: str) -> str:
    """A distribution's name as the package index compares it. Source: PyPA, "Names and normalization"."""
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


def split(requirement: str) -> tuple[str, str]:
    """`requests[socks]>=2.0; extra == 'x'` -> ("requests", ">=2.0"); "" when there is no specifier."""
    text = requirement.partition(";")[0].strip()
    end = next((i for i, letter in enumerate(text) if not (letter.isalnum() or letter in "-_.")), len(text))
    specifier = text[end:].strip()
    if specifier.startswith("["):
        specifier = specifier.partition("]")[2].strip()
    return text[:end], specifier.strip("()").strip()


def _contains(specifier: str, version: str) -> bool:
    if not specifier:
        return True
    try:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet
        from packaging.version import InvalidVersion, Version
    except ImportError:
        return True  # comes with opentelemetry-instrumentation: without it there is nothing to switch on
    try:
        return SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return True  # not for us to judge; the guard stands around the instrumentor


def _read_versions(path: tuple[str, ...]) -> dict[str, str]:
    versions: dict[str, str] = {}
    for entry in path:
        try:
            names = os.listdir(entry or os.curdir)
        except OSError:
            continue  # zip files and folders that do not exist: nothing to read there
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                distribution, _, version = name.rpartition(".")[0].partition("-")
                version = version.partition("-py")[0] or _version_inside(os.path.join(entry, name, "PKG-INFO"))
                versions.setdefault(canonical(distribution), version)
    return versions


def _version_inside(metadata: str) -> str:
    """The version of a development install, whose folder does not name it; "" when there is none."""
    try:
        with open(metadata, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("Version:"):
                    return line.partition(":")[2].strip()
    except OSError:
        return ""  # a folder that is being installed or removed
    return ""
