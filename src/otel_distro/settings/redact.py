# SPDX-License-Identifier: Apache-2.0
"""Making values fit to be shown: credentials and queries in URLs masked, long ones cut."""

from __future__ import annotations

MASK = "***"
_LONGEST = 160


def text(raw: str) -> str:
    """The value with whatever could be a password in it masked, at most 160 characters. Never raises."""
    shown = ",".join(_masked(item) for item in raw[:4096].split(","))
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."


def _masked(item: str) -> str:
    if "@" in item:  # a password may hold any mark, so everything before the last @ goes
        before, _, after = item.rpartition("@")
        start, slashes, _ = before.partition("//")
        item = f"{start}//{MASK}@{after}" if slashes else f"{MASK}@{after}"
    address, question, query = item.partition("?")
    if question and ("://" in address or "=" in query):
        parts = (part.partition("=") for part in query.split("&"))
        item = address + "?" + "&".join(f"{key}={MASK}" if equals else key for key, equals, _ in parts)
    return item
