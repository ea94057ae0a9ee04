# SPDX-License-Identifier: Apache-2.0
"""Making values fit to be shown: secrets, credentials and queries masked, long ones cut."""

from __future__ import annotations

MASK = "***"
_LONGEST = 160
_SECRET_WORDS = ("PASSWORD", "TOKEN", "SECRET", "HEADERS", "API_KEY", "AUTH")


def value(name: str, raw: str) -> str:
    """A variable's value as it may be shown: a secret one as ***. Never raises."""
    from otel_distro.settings.variables import BY_NAME

    row = BY_NAME.get(name)
    secret = row.secret if row is not None else any(word in name for word in _SECRET_WORDS)
    return MASK if secret else url(raw)


def url(raw: str) -> str:
    """A URL, or any text with one, without passwords and the values of its query; at most 160 characters.

    Never raises.
    """
    before, at, shown = raw.rpartition("@")
    if at:  # a password may hold any mark, so everything up to the last @ goes
        start, slashes, _ = before.partition("//")
        shown = f"{start}//{MASK}@{shown}" if slashes else f"{MASK}@{shown}"
    address, question, query = shown.partition("?")
    if question and ("://" in address or "=" in query):
        shown = address + "?" + "&".join(_masked(part) for part in query.split("&"))
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."


def _masked(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}={MASK}" if equals else MASK
