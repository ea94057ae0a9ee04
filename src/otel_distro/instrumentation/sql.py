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
_MYSQL_TOKENS = (
    r"""
    (?P<comment> --[^\n]* | \#[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<literal> [bBnNxX]?'(?:[^'\\]|\\.|'')*(?:'|\Z) | "(?:[^"\\]|\\.|"")*(?:"|\Z) )
  | (?P<name> `(?:[^`]|``)*(?:`|\Z) )
"""
    + _REST
)
_SQL_SERVER_TOKENS = (
    r"""
    (?P<comment> --[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<literal> [nN]?'(?:[^']|'')*(?:'|\Z) )
  | (?P<name> "(?:[^"]|"")*(?:"|\Z) | \[(?:[^\]]|\]\])*(?:\]|\Z) )
"""
    + _REST
)
_DIALECTS = {"mysql": _MYSQL_TOKENS, "mariadb": _MYSQL_TOKENS, "microsoft.sql_server": _SQL_SERVER_TOKENS}

_OPERATIONS = frozenset(
    (
        *("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "CREATE", "ALTER", "DROP", "TRUNCATE"),
        *("CALL", "EXEC", "EXECUTE", "BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET"),
        *("SHOW", "PRAGMA", "EXPLAIN", "ANALYZE", "VACUUM", "GRANT", "REVOKE", "LOCK", "USE", "DECLARE"),
        *("FETCH", "CLOSE", "COPY", "REINDEX", "REFRESH"),
    )
)
_NESTED_OPERATIONS = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE"))
_BEFORE_TARGET = frozenset(
    (*("FROM", "JOIN", "INTO", "UPDATE", "TABLE", "INDEX", "VIEW", "CALL", "EXEC", "EXECUTE", "PRAGMA"),)
)
_NEVER_TARGET = frozenset(
    (
        *("IF", "NOT", "EXISTS", "ONLY", "LATERAL", "CONCURRENTLY", "OR", "IGNORE", "UNIQUE", "LOW_PRIORITY"),
        *("TABLE", "INDEX", "VIEW", "SELECT"),
    )
)
_OBJECTS = frozenset(("TABLE", "INDEX", "VIEW"))
_NO_UPDATE_AFTER = frozenset(("FOR", "DO", "KEY", "ON"))  # FOR UPDATE, ON CONFLICT DO UPDATE, ON DELETE CASCADE
_AFTER_TARGETS = frozenset(
    (
        *("WHERE", "SET", "VALUES", "ON", "USING", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "UNION"),
        *("RETURNING", "WINDOW", "FOR", "WITH"),
    )
)
_WITH_COLLECTION = frozenset(
    (
        *("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "TRUNCATE", "CREATE", "ALTER", "DROP"),
        *("COPY",),
    )
)


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
    return _tokens_of(system).sub(_replace, bounded(sql)).strip()


@lru_cache
def _tokens_of(system: str) -> re.Pattern[str]:
    pattern = _DIALECTS.get(system)
    return _TOKENS if pattern is None else re.compile(pattern, _FLAGS)  # compiled for those who use it


def _replace(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind in ("literal", "number", "tag"):
        return "?"
    return "" if kind == "comment" else match[0]


def _statement(sql: str) -> Statement:
    parts: list[str] = []
    targets: list[str] = []
    operations: list[str] = []
    reads = [False]  # for each open parenthesis, whether an operation stands in it: else FROM is EXTRACT's
    expecting = listing = False  # a target comes now; a comma leads to the next one
    previous = ""
    for match in _TOKENS.finditer(sql):
        kind, text = match.lastgroup, match[0]
        word = text.upper() if kind == "word" else ""
        if kind == "comment":
            continue
        if expecting and (kind == "name" or (word and word not in _NEVER_TARGET)):
            target = _target(sql, match.start())
            targets.append(target)
            parts.append(target)
            expecting, listing = False, True
        elif _is_operation(word, previous, operations):
            operations.append(text)
            parts.append(text)
            reads[-1] = True
            expecting, listing = word in _BEFORE_TARGET, False
        elif word in _BEFORE_TARGET and reads[-1] and previous not in _NO_UPDATE_AFTER:
            if word in _OBJECTS and len(parts) == 1:
                parts.append(text)
            expecting, listing = True, False
        elif text == "(":
            reads.append(False)
            expecting = listing = False
        elif text == ")" and len(reads) > 1:
            reads.pop()
        elif text == ",":
            expecting = listing
        elif word in _AFTER_TARGETS:
            expecting = listing = False
        previous = word
    operation = operations[0] if len(operations) == 1 else None
    known = operation is not None and operation.upper() in _WITH_COLLECTION and len(set(targets)) == 1
    return Statement(_joined(parts), operation, targets[0] if known else None)


def _is_operation(word: str, previous: str, operations: list[str]) -> bool:
    if word in _NESTED_OPERATIONS:
        return previous not in _NO_UPDATE_AFTER
    return word in _OPERATIONS and not operations


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
