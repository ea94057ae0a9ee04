# SPDX-License-Identifier: Apache-2.0
"""One text for all statements and addresses that differ in their values only."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_LENGTH = 400
_MAX_INPUT = 20_000

_LITERAL = re.compile(
    r"""
      '(?:[^']|'')*'                              # text
    | \$\d+\b                                     # $1
    | %\(\w+\)s | %s                              # %s, %(name)s
    | (?<![\w:]):[A-Za-z_]\w*                     # :name, but not a::cast
    | @p\d+\b
    | (?<![\w.$"`])[-+]?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\b
    """,
    re.VERBOSE,
)
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_LIST = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")
_ROWS = re.compile(r"(\(\?, \.\.\.\)|\(\?\))(?:\s*,\s*(?:\(\?, \.\.\.\)|\(\?\)))+")
_SPACE = re.compile(r"\s+")
_PLACEHOLDER = re.compile(r"\?|%s|%\(\w+\)s|\$\d+\b|(?<![\w:]):[A-Za-z_]\w*|@p\d+\b")

_SEGMENT = re.compile(
    r"(?<=/)(?:\d+|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|[0-9a-fA-F]{16,})(?=/|$)"
)
_URL = re.compile(r"^(?:[A-Za-z][\w+.-]*:)?//([^/?#]*)([^?#]*)")


@lru_cache(maxsize=4096)
def normalise_sql(statement: str) -> str:
    """The statement with `?` for each value, lists as `(?, ...)`, one space between words; at most 400 characters."""
    text = _COMMENT.sub(" ", statement[:_MAX_INPUT])
    text = _LITERAL.sub("?", text)
    text = _LIST.sub("(?, ...)", text)
    text = _ROWS.sub(r"\1", text)
    return _SPACE.sub(" ", text).strip()[:MAX_LENGTH]


@lru_cache(maxsize=4096)
def has_placeholder(statement: str) -> bool:
    """Whether values of this statement were sent apart from it, so that equal text does not mean equal calls."""
    return _PLACEHOLDER.search(re.sub(r"'(?:[^']|'')*'", "", statement[:_MAX_INPUT])) is not None


@lru_cache(maxsize=4096)
def normalise_url(url: str) -> str:
    """`host/path/{}`: numbers, UUIDs and long hexadecimal parts of the path become {}; the query is left out."""
    match = _URL.match(url[:2000])
    if match is None:
        return _SEGMENT.sub("{}", url.partition("?")[0])[:MAX_LENGTH]
    host = match.group(1).rpartition("@")[2]
    return (host + _SEGMENT.sub("{}", match.group(2)))[:MAX_LENGTH]
