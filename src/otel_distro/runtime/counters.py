# SPDX-License-Identifier: Apache-2.0
"""The ledger: what happened to every span of this process, and what the guard swallowed."""

from __future__ import annotations

_guarded: dict[str, int] = {}


def count_guarded(what: str) -> None:
    """Count one failure that the guard kept away from the app."""
    _guarded[what] = _guarded.get(what, 0) + 1


def guarded() -> dict[str, int]:
    """Failures by the place that raised them."""
    return dict(_guarded)
