# SPDX-License-Identifier: Apache-2.0
"""The token that reads need: 32 random bytes, made once, readable by the user alone."""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SHAPE = re.compile(r"^[A-Za-z0-9_-]{43}$")


def read(path: Path) -> str:
    """The token, empty if there is none yet."""
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""  # the same to the caller as none: it cannot be used
    return text if _SHAPE.match(text) else ""


def read_or_make(path: Path) -> str:
    """The token, made if it is missing or unusable. Raises OSError."""
    found = read(path)
    if found:
        path.chmod(0o600)
        return found
    token = secrets.token_urlsafe(32)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token + "\n")
    os.replace(fresh, path)
    return token
