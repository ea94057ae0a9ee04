# SPDX-License-Identifier: Apache-2.0
"""Entry points of installed distributions, read straight from their metadata files.

importlib.metadata does the same and more, but its import alone costs a third of a whole SDK start-up.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

_SUFFIXES = (".dist-info", ".egg-info")


class EntryPoint(NamedTuple):
    """One declared entry point. instruments: requirements under the distribution's `instruments` extra."""

    name: str
    value: str
    metadata_folder: str
    instruments: tuple[str, ...] = ()


def declared(group: str) -> list[EntryPoint]:
    """Entry points of a group, the first of each name on sys.path. Unreadable files are passed over."""
    found: dict[str, EntryPoint] = {}
    for folder in _metadata_folders():
        text = _read(os.path.join(folder, "entry_points.txt"))
        if f"[{group}]" not in text:
            continue
        for name, value in _section(text, group):
            found.setdefault(name, EntryPoint(name, value, folder, _instruments(folder)))
    return list(found.values())


def _metadata_folders() -> list[str]:
    folders: list[str] = []
    for entry in dict.fromkeys(sys.path):
        try:
            names = os.listdir(entry or os.curdir)
        except OSError:
            continue  # zip files and folders that do not exist: nothing to read there
        folders.extend(os.path.join(entry, name) for name in names if name.endswith(_SUFFIXES))
    return folders


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _section(text: str, group: str) -> list[tuple[str, str]]:
    pairs = []
    inside = False
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            inside = stripped == f"[{group}]"
        elif inside and "=" in stripped and not stripped.startswith("#"):
            name, _, value = stripped.partition("=")
            pairs.append((name.strip(), value.partition("[")[0].strip()))
    return pairs


def _instruments(folder: str) -> tuple[str, ...]:
    text = _read(os.path.join(folder, "METADATA"))
    found = []
    for line in text.splitlines():
        if not line:
            break  # headers end at the first empty line
        if line.startswith("Requires-Dist:") and "extra == " in line and "instruments" in line:
            found.append(line.partition(":")[2].partition(";")[0].strip())
    return tuple(found)
