# SPDX-License-Identifier: Apache-2.0
"""Replace functions of other people's modules and classes, and put them back."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Patches:
    """What has been replaced by one instrumentor, so that it can be undone."""

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, Any, Any]] = []

    def wrap(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace owner.name by make(original), which keeps the original's name, doc and signature.

        An owner that has no such attribute is left alone: another version of the library, or a stripped one.
        """
        original = getattr(owner, name, None)
        if original is None:
            return
        own = vars(owner).get(name)  # None when inherited, and then undoing means deleting
        wrapper = functools.wraps(original)(make(original))
        setattr(owner, name, wrapper)
        self._done.append((owner, name, own, wrapper))

    def wrap_once(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Like wrap(), unless this owner's attribute is wrapped already."""
        if not any(owner is done[0] and name == done[1] for done in self._done):
            self.wrap(owner, name, make)

    def are_in(self) -> bool:
        """Whether anything is replaced now."""
        return bool(self._done)

    def undo(self) -> None:
        """Put everything back, except what somebody else has replaced since."""
        while self._done:
            owner, name, own, wrapper = self._done.pop()
            if vars(owner).get(name) is not wrapper:
                continue
            if own is None:
                delattr(owner, name)
            else:
                setattr(owner, name, own)
