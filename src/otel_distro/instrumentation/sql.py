# SPDX-License-Identifier: Apache-2.0
"""SQL text for spans: literals removed, and what it does in a few words.

Source: semantic conventions 1.44, database spans: sanitization of db.query.text, generating a summary.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

MAX_TEXT = 16_384
"""No statement is recorded past this length."""

_MAX_SUMMARY = 255
_MAX_CACHED = 8_192
_REST = r"""
  | (?P<placeholder> %s | %\(\w+\)s | \?\d* | \$\d+ | ::?\w+ | @\w+ )
  | (?P<word> [^\W\d][\w$\#]* )
  | (?P<number> 0[xX][0-9a-fA-F]+ | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)? )
  | (?P<mark> [(),;.] )
"""
_FLAGS = re.VERBOSE | re.DOTALL
_TOKENS = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<literal> [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) | [bBnNxX]?'(?:[^']|'')*(?:'|\Z)
               | \$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z) )
  | (?P<name> "(?:[^"]|"")*(?:"|\Z) | `(?:[^`]|``)*(?:`|\Z) )
"""
    + _REST,
    _FLAGS,
)
_MYSQL_TOKENS = re.compile(
    r"""
    (?P<comment> --[^\n]* | \#[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<literal> [bBnNxX]?'(?:[^'\\]|\\.|'')*(?:'|\Z) | "(?:[^"\\]|\\.|"")*(?:"|\Z) )
  | (?P<name> `(?:[^`]|``)*(?:`|\Z) )
"""
    + _REST,
    _FLAGS,
)
_SQL_SERVER_TOKENS = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<literal> [nN]?'(?:[^']|'')*(?:'|\Z) )
  | (?P<name> "(?:[^"]|"")*(?:"|\Z) | \[(?:[^\]]|\]\])*(?:\]|\Z) )
"""
    + _REST,
    _FLAGS,
)
_DIALECTS = {"mysql": _MYSQL_TOKENS, "mariadb": _MYSQL_TOKENS, "microsoft.sql_server": _SQL_SERVER_TOKENS}

# operations whose target comes at once, and those that name it behind another word
_OPERATIONS = frozenset(
    "SELECT INSERT UPDATE DELETE MERGE REPLACE CREATE ALTER DROP TRUNCATE CALL EXEC EXECUTE BEGIN START COMMIT"
    " ROLLBACK SAVEPOINT RELEASE SET SHOW PRAGMA EXPLAIN ANALYZE VACUUM GRANT REVOKE LOCK USE DECLARE FETCH"
    " CLOSE COPY REINDEX REFRESH".split()
)
_NESTED_OPERATIONS = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE"))
_BEFORE_TARGET = frozenset(("FROM", "JOIN", "INTO", "UPDATE", "TABLE", "INDEX", "VIEW", "CALL", "EXEC", "PRAGMA"))
_BETWEEN = frozenset(("IF", "NOT", "EXISTS", "ONLY", "LATERAL", "CONCURRENTLY", "OR", "IGNORE", "UNIQUE", "LOW_PRIORITY"))
_OBJECTS = frozenset(("TABLE", "INDEX", "VIEW"))


class Statement(NamedTuple):
    """What a statement is. summary: at most 255 characters. collection: None unless it has exactly one target."""

    summary: str
    operation: str | None
    collection: str | None


def statement(sql: str) -> Statement:
    """Operations and targets of a statement, in its order; the operation as it is spelled. Never raises."""
    return _cached_statement(sql) if len(sql) <= _MAX_CACHED else _statement(sql[:_MAX_CACHED])


def without_literals(sql: str, system: str = "") -> str:
    """The statement with each literal as `?` and without comments. system: db.system.name, for its quotes."""
    return _cached_text(sql, system) if len(sql) <= _MAX_CACHED else _without_literals(sql, system)


def bounded(sql: str) -> str:
    """The statement, cut off after MAX_TEXT characters."""
    return sql if len(sql) <= MAX_TEXT else sql[:MAX_TEXT]


def _without_literals(sql: str, system: str) -> str:
    tokens = _DIALECTS.get(system, _TOKENS)
    return tokens.sub(_replace, bounded(sql)).strip()


def _replace(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind in ("literal", "number", "tag"):
        return "?"
    return "" if kind == "comment" else match[0]


def _statement(sql: str) -> Statement:
    parts: list[str] = []
    targets: list[str] = []
    operations: list[str] = []
    expecting = joining = False  # whether a target comes now, or may come after a comma
    for match in _TOKENS.finditer(sql):
        kind, text = match.lastgroup, match[0]
        if kind == "comment":
            continue
        upper = text.upper() if kind == "word" else ""
        if expecting and (kind == "name" or (kind == "word" and upper not in _BETWEEN | _NESTED_OPERATIONS | _OBJECTS)):
            target = _target(sql, match.start())
            targets.append(target)
            parts.append(target)
            expecting, joining = False, True
        elif upper in _NESTED_OPERATIONS or (upper in _OPERATIONS and not operations):
            operations.append(text)
            parts.append(text)
            expecting, joining = upper in _BEFORE_TARGET, False
        elif upper in _BEFORE_TARGET and operations:
            if upper in _OBJECTS and operations == parts:
                parts.append(text)
            expecting = _takes_target(operations[0].upper(), upper)
        elif text == "," and joining:
            expecting = True
        elif kind == "mark" and text in "(;":
            expecting = joining = False
        elif kind == "word" and upper not in _BETWEEN and upper != "AS":
            joining = joining and len(parts) > 0 and _is_alias_position(upper)
    single = targets[0] if len(set(targets)) == 1 else None
    operation = operations[0] if len(operations) == 1 else None
    return Statement(_joined(parts), operation, single)


def _takes_target(operation: str, word: str) -> bool:
    return not (operation in ("SET", "SHOW") or (word == "INDEX" and operation == "PRAGMA"))


_CLAUSES = frozenset(
    "WHERE SET VALUES ON USING GROUP ORDER HAVING LIMIT OFFSET UNION INNER LEFT RIGHT FULL CROSS OUTER NATURAL"
    " RETURNING WINDOW FOR WITH".split()
)


def _is_alias_position(upper: str) -> bool:
    return upper not in _CLAUSES


def _target(sql: str, start: int) -> str:
    """The name that begins at start, with its schema; quotes taken off."""
    parts = []
    position = start
    while True:
        match = _TOKENS.match(sql, position)
        if match is None or match.lastgroup not in ("name", "word"):
            break
        text = match[0]
        parts.append(text[1:-1] if match.lastgroup == "name" else text)
        position = match.end()
        if sql[position : position + 1] != ".":
            break
        position += 1
    return ".".join(parts)


def _joined(parts: list[str]) -> str:
    summary = ""
    previous = None
    for part in parts:
        if part == previous:
            continue  # the same table twice in a row tells nothing more
        longer = f"{summary} {part}" if summary else part
        if len(longer) > _MAX_SUMMARY:
            break
        summary, previous = longer, part
    return summary


_cached_statement = lru_cache(1024)(_statement)
_cached_text = lru_cache(512)(_without_literals)
