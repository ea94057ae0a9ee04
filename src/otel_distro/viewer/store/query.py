# SPDX-License-Identifier: Apache-2.0
"""The query language of the search box: `service:shop duration>200ms http.route=/shop "free text"`.

A term is key, operator and value: `:` and `=` mean equal (`*` stands for any text), also `!=`, `>`, `>=`, `<`, `<=`
and `:>`. Terms are joined by AND, which may be left out. Anything else is free text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TERM = re.compile(r"""([A-Za-z_][\w.\-]*)(!=|>=|<=|:>=|:<=|:>|:<|:|=|>|<)("(?:[^"\\]|\\.)*"|\S+)""")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|min|h|)$")
_UNITS = {"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 6e10, "min": 6e10, "h": 3.6e12, "": 1e6}
_ALIASES = {"dur": "duration", "operation": "name", "op": "name", "svc": "service", "route": "http.route"}
_UNSUPPORTED = frozenset({"OR", "NOT", "(", ")"})
NUMERIC = frozenset({">", ">=", "<", "<="})


class Term(NamedTuple):
    """key is an attribute, or service, name, duration (value: ns as text), status, spans, trace."""

    key: str
    operator: str
    value: str


class Query(NamedTuple):
    """All terms and texts must hold. problem: what was not understood, for a person; empty if all was."""

    terms: tuple[Term, ...] = ()
    texts: tuple[str, ...] = ()
    problem: str = ""


def parse(text: str) -> Query:
    """Read a query. Never raises: what cannot be read is named in problem and left out."""
    terms: list[Term] = []
    texts: list[str] = []
    problem = ""
    position = 0
    text = text[:2000].strip()
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        match = _TERM.match(text, position)
        if match:
            term = _term(*match.groups())
            if isinstance(term, str):
                problem = problem or term
            else:
                terms.append(term)
            position = match.end()
            continue
        word = _WORD.match(text, position)
        if word is None:
            break
        position = word.end()
        quoted, bare = word.groups()
        if bare in _UNSUPPORTED:
            problem = problem or f"{bare} is not supported: all terms must hold"
        elif bare != "AND":
            texts.append(_unescape(quoted) if quoted is not None else bare)
    return Query(tuple(terms), tuple(texts), problem)


def duration_ns(text: str) -> int | None:
    """`200ms`, `1.5s`, `90us`: nanoseconds; a bare number is milliseconds. None if it is neither."""
    match = _DURATION.match(text.strip().lower())
    return None if match is None else int(float(match.group(1)) * _UNITS[match.group(2)])


def _term(key: str, operator: str, value: str) -> Term | str:
    if value.startswith('"') and value.endswith('"') and len(value) > 1:
        value = _unescape(value[1:-1])
    key = _ALIASES.get(key, key)
    operator = "=" if operator == ":" else operator.lstrip(":")
    if key in ("duration", "spans") and operator == "=":
        operator = ">="
    if key == "duration":
        found = duration_ns(value)
        if found is None:
            return f"{value!r} is no duration: write 200ms or 1.5s"
        return Term(key, operator, str(found))
    if operator in NUMERIC and key != "status":
        try:
            float(value)
        except ValueError:
            return f"{value!r} is no number, so {key}{operator} cannot be compared"
    return Term(key, operator, value)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
