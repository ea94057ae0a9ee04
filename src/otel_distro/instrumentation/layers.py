# SPDX-License-Identifier: Apache-2.0
"""Which spans below a request are made: OTEL_DISTRO_DJANGO_SPANS and OTEL_DISTRO_FLASK_SPANS."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from otel_distro.runtime import log

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_OTHER_WORDS = {
    "database": "query",
    "databases": "query",
    "db": "query",
    "queries": "query",
    "sql": "query",
    "error": "error_handler",
    "errors": "error_handler",
}


def chosen(names: Iterable[str], known: Collection[str], default: Collection[str], variable: str) -> frozenset[str]:
    """Layers by name; nothing named means the default ones.

    `all` and `none` are words too, and so is `default`, for all that are on anyway. An unknown name costs one
    line and is left out. variable: where the names come from.
    """
    names = tuple(names)
    if not names:
        return frozenset(default)
    found: set[str] = set()
    unknown: list[str] = []
    for name in names:
        word = _OTHER_WORDS.get(name, name)
        word = word if word in known else word.removesuffix("s")
        if word in known:
            found.add(word)
        elif name == "all":
            found.update(known)
        elif name == "default":
            found.update(default)
        elif name != "none":
            unknown.append(name)
    if unknown:
        close = get_close_matches(unknown[0], known, 1)
        meant = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(known))}"
        log.warn(f"{variable}={','.join(unknown)}: no such layer{meant}")
    return frozenset(found)
