# SPDX-License-Identifier: Apache-2.0
"""Traces as text for a terminal: one line per trace, a tree with bars for one trace.

What telemetry says is escaped: no control, direction or escape character reaches the terminal.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_distro.viewer.analysis import findings, tree

if TYPE_CHECKING:
    from otel_distro.viewer.analysis.findings import Analysis

_FOLD = 3
MAX_LINES = 200


class Style(NamedTuple):
    """unicode: whether the stream can show it. colour: whether it wants it. width: columns."""

    unicode: bool = True
    colour: bool = False
    width: int = 100

    def paint(self, code: str, text: str) -> str:
        """The text in a colour, if there are colours."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


def escape(text: str) -> str:
    """The text with everything that does not print as it is shown as an escape, and lines joined."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def trace_line(trace: dict[str, Any], style: Style) -> str:
    """`03:10:02  412 ms  200  GET orders/    23 sp  N+1 x21     4bf92f35` of one item of /api/ui/traces."""
    local = datetime.fromtimestamp(trace["start"] / 1e6, timezone.utc).astimezone()
    name = _fit(f"{trace['name'] or '(no name)'}", max(16, style.width - 62), style)
    failed = trace["errors"] > 0
    marks = [f"{trace['errors']} error{'s' if trace['errors'] > 1 else ''}"] if failed else []
    marks += [_ascii(mark, style) for mark in trace["badges"]]
    return "  ".join(
        [
            local.strftime("%H:%M:%S"),
            f"{findings.milliseconds(trace['duration']):>8}",
            style.paint("31" if failed else "0", f"{trace['http_status'] or '':>3}"),
            name,
            f"{trace['spans']:>4} sp",
            style.paint("33", f"{', '.join(marks):<14}"),
            trace["id"][:8] if len(trace["id"]) > 8 else trace["id"],
        ]
    ).rstrip()


def trace_tree(analysis: Analysis, style: Style) -> list[str]:
    """The lines of one trace: its spans with bars, equal neighbours folded, then the findings. At most 200 spans."""
    rows = analysis.tree.rows
    begin = min(row.start for row in rows)
    total = max(1, max(row.end for row in rows) - begin)
    repeated = {one for finding in analysis.findings if finding.kind == "n_plus_one" for one in finding.spans}
    wide_name = max(24, int(style.width * 0.36))
    wide_bar = max(10, style.width - wide_name - 30)
    lines: list[str] = []
    for prefix, members in _layout(analysis.tree, style):
        if len(lines) >= MAX_LINES:
            lines.append(f"... {len(rows)} spans in all")
            break
        row = rows[members[0]]
        times = f"  x{len(members)}" if len(members) > 1 else ""
        text = _fit(prefix + escape(row.name or "(no name)") + times, wide_name, style, clean=False)
        bar = _bar([(rows[i].start - begin, rows[i].duration) for i in members], total, wide_bar, style)
        duration = findings.milliseconds(sum(rows[i].duration for i in members))
        place = escape(row.place.replace("\\", "/").rpartition("/")[2])
        mark = style.paint("33", "N+1") if row.span_id in repeated else ""
        failed = any(rows[i].status == 2 for i in members)
        error = style.paint("31", escape(row.exception or "error")[:60]) if failed else ""
        lines.append("  ".join(filter(None, [f"{text} {bar} {duration:>9}", place, mark, error])))
    lines += ["", *(_finding(finding, style) for finding in analysis.findings)] if analysis.findings else []
    return lines


def _layout(shape: tree.Tree, style: Style) -> list[tuple[str, list[int]]]:
    """(prefix, equal neighbours) per line, in the order of the tree."""
    tee, corner, pipe = ("├─ ", "└─ ", "│  ") if style.unicode else ("|- ", "`- ", "|  ")
    found: list[tuple[str, list[int]]] = []
    stack: list[tuple[str, str, list[int]]] = [("", "", [root]) for root in reversed(shape.roots)]
    while stack:
        prefix, below, members = stack.pop()
        found.append((prefix, members))
        if len(found) > MAX_LINES + 1:
            return found
        groups = _folded(shape, shape.children[members[0]]) if len(members) == 1 else []
        for number, group in enumerate(reversed(groups)):
            last = number == 0
            stack.append((below + (corner if last else tee), below + ("   " if last else pipe), group))
    return found


def _folded(shape: tree.Tree, children: list[int]) -> list[list[int]]:
    """Children without children of their own that do the same are one line, when there are three or more."""
    alike: dict[tuple[str, str, str], list[int]] = {}
    for child in children:
        row = shape.rows[child]
        if not shape.children[child]:
            alike.setdefault((row.service, row.name, row.group), []).append(child)
    groups = []
    seen: set[int] = set()
    for child in children:
        if child in seen:
            continue
        row = shape.rows[child]
        group = alike.get((row.service, row.name, row.group), [])
        members = group if len(group) >= _FOLD and child in group else [child]
        seen.update(members)
        groups.append(members)
    return groups


def _bar(parts: list[tuple[int, int]], total: int, width: int, style: Style) -> str:
    full, thin, empty = ("█", "▍", "·") if style.unicode else ("#", "|", ".")
    cells = [empty] * width
    for start, duration in parts:
        first = min(width - 1, start * width // total)
        last = min(width, -(-(start + duration) * width // total))
        if last - first <= 1:
            cells[first] = full if cells[first] == full else thin
        else:
            cells[first:last] = [full] * (last - first)
    return style.paint("36", "".join(cells))


def _finding(finding: findings.Finding, style: Style) -> str:
    code = {"bad": "31", "warn": "33"}.get(finding.severity, "0")
    return _ascii(f"{style.paint(code, escape(finding.title))}. {escape(finding.detail)}", style)


def _fit(text: str, width: int, style: Style, clean: bool = True) -> str:
    shown = _ascii(escape(text) if clean else text, style)
    return shown.ljust(width) if len(shown) <= width else shown[: width - 1] + ("…" if style.unicode else "~")


def _ascii(text: str, style: Style) -> str:
    if style.unicode:
        return text
    return text.replace(findings.TIMES, "x").encode("ascii", "replace").decode("ascii")
