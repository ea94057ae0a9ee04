# SPDX-License-Identifier: Apache-2.0
"""Every path the viewer writes: one folder for its state, one for the traces. Both are the user's alone (0700)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Places(NamedTuple):
    """state: viewer.json, token, viewer.log, viewer.lock. traces: the segments, *.db."""

    state: Path
    traces: Path

    @property
    def record(self) -> Path:
        """Who runs and where it listens."""
        return self.state / "viewer.json"

    @property
    def token(self) -> Path:
        """The secret that reads need, mode 0600."""
        return self.state / "token"

    @property
    def log(self) -> Path:
        """What the viewer says."""
        return self.state / "viewer.log"

    @property
    def lock(self) -> Path:
        """Held while a viewer runs."""
        return self.state / "viewer.lock"


def places(environ: Mapping[str, str]) -> Places:
    """By the XDG base directory rules; on Windows below LOCALAPPDATA."""
    home = Path(os.path.expanduser("~"))
    local = environ.get("LOCALAPPDATA") if os.name == "nt" else None
    state = _absolute(environ.get("XDG_STATE_HOME")) or (Path(local) if local else home / ".local" / "state")
    cache = _absolute(environ.get("XDG_CACHE_HOME")) or (Path(local) / "cache" if local else home / ".cache")
    return Places(state / "otel-distro", cache / "otel-distro" / "traces")


def make_private(directory: Path) -> None:
    """Make a folder that only the user may enter. Raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)


def _absolute(text: str | None) -> Path | None:
    """The XDG rules say that a relative path counts as unset."""
    return Path(text) if text and os.path.isabs(text) else None
