# SPDX-License-Identifier: Apache-2.0
"""Files that are served: a fixed table, read once. What is not in the table does not exist."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import NamedTuple

PAGES = Path(__file__).resolve().parent.parent / "pages"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".woff2": "font/woff2",
    ".map": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
_INLINE_SCRIPT = re.compile(rb"<script\b(?![^>]*\bsrc\s*=)[^>]*>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
MAX_FILES = 2_000
MAX_FILE_BYTES = 20 * 1024 * 1024


class Asset(NamedTuple):
    """A file's content. etag: of the content, quoted."""

    body: bytes
    content_type: str
    etag: str


def read_all(directory: Path) -> dict[str, Asset]:
    """All files below a directory by `/path`; symbolic links and unknown types are left out. Raises OSError."""
    table = {}
    for path in sorted(directory.rglob("*"))[: MAX_FILES * 2]:
        kind = _TYPES.get(path.suffix.lower())
        if kind is None or path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            continue
        body = path.read_bytes()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        table["/" + path.relative_to(directory).as_posix()] = Asset(body, kind, etag)
        if len(table) >= MAX_FILES:
            break
    return table


def script_hashes(html: bytes) -> str:
    """CSP sources for the inline scripts of a page that is not ours (`--assets-path`)."""
    hashes = [hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(html)]
    return " ".join(f"'sha256-{base64.b64encode(digest).decode('ascii')}'" for digest in hashes)
