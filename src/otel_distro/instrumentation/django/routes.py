# SPDX-License-Identifier: Apache-2.0
"""Django's matched pattern as http.route: leading slash, script name, names for regular expressions."""

from __future__ import annotations

from functools import lru_cache

_QUANTIFIERS = "?*+"


@lru_cache(1024)
def route_of(pattern: str | None, script_name: str = "") -> str | None:
    """`^user/(?P<uid>[0-9]+)/$` below /app as `/app/user/<uid>/`; `user/<int:uid>/` as `/user/<int:uid>/`.

    pattern: resolver_match.route; None when there was none.
    """
    if pattern is None:
        return None
    if any(mark in pattern for mark in ("^", "(?P<", "\\", "$", "(")):
        pattern = _without_regex(pattern)
    return f"{script_name.rstrip('/')}/{pattern.lstrip('/')}"


def _without_regex(pattern: str) -> str:
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        letter = pattern[position]
        if letter == "(":
            end = _end_of_group(pattern, position)
            parts.append(_placeholder(pattern[position:end]))
            position = _after_quantifier(pattern, end)
        elif letter == "\\" and position + 1 < len(pattern):
            following = pattern[position + 1]
            if following not in "AZbB":
                parts.append("<var>" if following in "dDwWsS" else following)
            position = _after_quantifier(pattern, position + 2)
        elif letter == "[":
            parts.append("<var>")
            position = _after_quantifier(pattern, _end_of_class(pattern, position))
        elif letter in "^$?*+":
            position += 1
        else:
            parts.append(letter)
            position += 1
    return "".join(parts)


def _placeholder(group: str) -> str:
    if group.startswith("(?P<"):
        return f"<{group[4 : group.index('>')]}>" if ">" in group else "<var>"
    if group.startswith("(?:"):
        return _without_regex(group[3:-1]) if "|" not in group else "<var>"
    return "" if group.startswith("(?") else "<var>"


def _end_of_group(pattern: str, start: int) -> int:
    depth = 0
    position = start
    while position < len(pattern):
        letter = pattern[position]
        if letter == "\\":
            position += 2
            continue
        if letter == "[":
            position = _end_of_class(pattern, position)
            continue
        depth += (letter == "(") - (letter == ")")
        position += 1
        if depth == 0:
            return position
    return len(pattern)


def _end_of_class(pattern: str, start: int) -> int:
    position = start + 1
    if pattern[position : position + 1] == "^":
        position += 1
    position += 1  # a bracket in first place is an ordinary letter
    while position < len(pattern) and pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position + 1


def _after_quantifier(pattern: str, position: int) -> int:
    if pattern[position : position + 1] == "{":
        closing = pattern.find("}", position)
        if closing != -1:
            position = closing + 1
    while pattern[position : position + 1] and pattern[position] in _QUANTIFIERS:
        position += 1
    return position
