# SPDX-License-Identifier: Apache-2.0
"""What OTEL_DISTRO_TRACE_FUNCTIONS says: which functions, and which of their arguments.

shop.views:create_graph(name, size)    a function, with two arguments as attributes
shop.views.create_graph                the same function, as Python itself would write it
shop.pricing:*                         every function of a module
shop.models:Cart.*                     every method of a class
shop.*:price_*                         globs on both sides
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple

_GLOB = frozenset("*?[")


class Wanted(NamedTuple):
    """One entry. text: as the user wrote it. module: a name or a glob.

    path: names within the module, the last one a name or a glob. arguments: names of parameters.
    """

    text: str
    module: str
    path: tuple[str, ...]
    arguments: tuple[str, ...] = ()

    def is_glob(self) -> bool:
        """Whether the last name is a glob."""
        return not _GLOB.isdisjoint(self.path[-1])

    def matches_module(self, name: str) -> bool:
        """Whether this module is meant."""
        return name == self.module or (not _GLOB.isdisjoint(self.module) and fnmatchcase(name, self.module))

    def has_module_glob(self) -> bool:
        """Whether the module is a glob, so that it can be any that is imported later."""
        return not _GLOB.isdisjoint(self.module)


def parse(text: str) -> tuple[list[Wanted], list[str]]:
    """Entries of a comma-separated list, and those that cannot be understood. Lines count as commas, `#` begins
    a comment."""
    wanted: list[Wanted] = []
    bad: list[str] = []
    for entry in _split(text):
        found = _entry(entry)
        if found:
            wanted.extend(found)
        else:
            bad.append(entry)
    return wanted, bad


def _split(text: str) -> list[str]:
    entries, current, depth = [], "", 0
    for line in text.splitlines():
        for letter in line.partition("#")[0]:
            depth += (letter == "(") - (letter == ")")
            if letter == "," and depth <= 0:
                entries.append(current)
                current = ""
            else:
                current += letter
        entries.append(current)
        current, depth = "", 0
    return [entry.strip() for entry in entries if entry.strip()]


def _entry(text: str) -> list[Wanted]:
    """One entry; several where `a.b.c` may be function c of module a.b or method c of class b of module a."""
    head, opening, rest = text.partition("(")
    if opening and not rest.rstrip().endswith(")"):
        return []
    arguments = tuple(name.strip() for name in rest.rstrip(") ").split(",") if name.strip())
    head = head.strip()
    if ":" in head:
        module, _, path = head.partition(":")
        names = tuple(path.strip().split("."))
        return [Wanted(text, module.strip(), names, arguments)] if module.strip() and all(names) else []
    names = tuple(head.split("."))
    if len(names) < 2 or not all(names):
        return []
    found = [Wanted(text, ".".join(names[:-1]), names[-1:], arguments)]
    if len(names) > 2:
        found.append(Wanted(text, ".".join(names[:-2]), names[-2:], arguments))
    return found
