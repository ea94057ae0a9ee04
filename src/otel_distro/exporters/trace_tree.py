# SPDX-License-Identifier: Apache-2.0
"""Spans -> a tree of text with bars and durations, one line per span. Pure: nothing is printed here.

GET orders/                    ████████████████████████████   412 ms  200
├─ SELECT shop_order           ▍                                3 ms
├─ SELECT shop_item  x21       ·▍▍▍▍▍▍▍▍▍▍▍▍▍▍▍▍▍▍▍▍▍         301 ms
└─ template orders/list.html   ······················████      74 ms
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NAME_WIDTH = 40
_MAX_TEXT = 160
_BAR_WIDTH = 28
_MAX_LINES = 200
_MAX_INDENTS = 12
_ALIKE = 3  # so many leaves of one name in a row share a line


class _Marks(NamedTuple):
    between: str
    last: str
    through: str
    lead: str
    full: str
    sliver: str
    more: str


_UNICODE = _Marks("├─ ", "└─ ", "│  ", "·", "█", "▍", "…")
_ASCII = _Marks("|- ", "`- ", "|  ", ".", "#", ":", "...")


class _Row(NamedTuple):
    """spans: one, or several leaves of one name. tree: the marks before the name."""

    spans: list[Any]
    tree: str


def render(spans: Iterable[Any], ascii_only: bool = False) -> list[str]:
    """Lines for one trace or several, each trace in order of its first span; at most 200 lines per trace.

    spans: ended spans of any kind that has ReadableSpan's public properties. Text that came from the app is
    escaped and cut. Never raises for odd parents: a span whose parent is not among them is a root.
    """
    traces: dict[int, list[Any]] = {}
    for span in spans:
        traces.setdefault(span.get_span_context().trace_id, []).append(span)
    marks = _ASCII if ascii_only else _UNICODE
    return [line for trace in traces.values() for line in _trace(trace, marks)]


def _trace(spans: list[Any], marks: _Marks) -> list[str]:
    rows = _rows(spans, marks)
    begin = min(span.start_time or 0 for span in spans)
    length = max(1, max(span.end_time or 0 for span in spans) - begin)
    names = [_cut(row.tree + _title(row.spans), _NAME_WIDTH, marks) for row in rows[:_MAX_LINES]]
    width = max(map(len, names))
    lines = []
    for row, name in zip(rows, names, strict=False):
        bar = _bar(row.spans, begin, length, marks)
        duration = _duration(sum((s.end_time or 0) - (s.start_time or 0) for s in row.spans))
        line = f"{name:<{width}}  {bar:<{_BAR_WIDTH}}  {duration:>8}"
        details = _details(row.spans[0] if len(row.spans) == 1 else None, marks)
        lines.append(f"{line}  {details}" if details else line)
    hidden = sum(len(row.spans) for row in rows[_MAX_LINES:])
    if hidden:
        lines.append(f"{marks.more} {hidden} more spans")
    return lines


def _rows(spans: list[Any], marks: _Marks) -> list[_Row]:
    """Depth first, siblings by start. Spans that parent each other in a ring come last, each as a root."""
    children: dict[int, list[Any]] = {}
    ids = {span.get_span_context().span_id for span in spans}
    roots = []
    for span in sorted(spans, key=lambda span: span.start_time or 0):
        parent = span.parent
        if parent is None or parent.span_id not in ids or parent.span_id == span.get_span_context().span_id:
            roots.append(span)
        else:
            children.setdefault(parent.span_id, []).append(span)
    rows: list[_Row] = []
    seen: set[int] = set()
    for root in [*roots, *spans]:
        stack = [(_Row([root], ""), "")]
        while stack:
            row, indent = stack.pop()
            span_id = row.spans[0].get_span_context().span_id
            if span_id in seen:
                continue
            seen.update(span.get_span_context().span_id for span in row.spans)
            rows.append(row)
            groups = _groups(children.get(span_id, []), children)
            below = []
            for position, group in enumerate(groups):
                is_last = position == len(groups) - 1
                tree = indent + (marks.last if is_last else marks.between)
                deeper = indent + ("   " if is_last else marks.through)
                below.append((_Row(group, tree), deeper if len(deeper) <= 3 * _MAX_INDENTS else indent))
            stack.extend(reversed(below))
    return rows


def _groups(siblings: Sequence[Any], children: dict[int, list[Any]]) -> list[list[Any]]:
    """Siblings in order; runs of leaves with one name together when they are many."""
    runs: list[list[Any]] = []
    for span in siblings:
        is_leaf = span.get_span_context().span_id not in children
        alike = runs and is_leaf and runs[-1][0].name == span.name
        if alike and runs[-1][0].get_span_context().span_id not in children:
            runs[-1].append(span)
        else:
            runs.append([span])
    return [group for run in runs for group in ([run] if len(run) >= _ALIKE else [[span] for span in run])]


def _title(spans: list[Any]) -> str:
    name = escaped(spans[0].name)
    return f"{name}  x{len(spans)}" if len(spans) > 1 else name


def _bar(spans: list[Any], begin: int, length: int, marks: _Marks) -> str:
    cells = [" "] * _BAR_WIDTH
    for span in spans:
        start = ((span.start_time or 0) - begin) * _BAR_WIDTH / length
        end = ((span.end_time or 0) - begin) * _BAR_WIDTH / length
        first = min(max(0, int(start)), _BAR_WIDTH - 1)
        mark = marks.full if end - start >= 0.75 else marks.sliver
        for cell in range(first, min(max(first + 1, round(end)), _BAR_WIDTH)):
            cells[cell] = mark if cells[cell] != marks.full else marks.full
    bar = "".join(cells).rstrip()
    lead = len(bar) - len(bar.lstrip())
    return marks.lead * lead + bar[lead:]


def _duration(ns: int) -> str:
    if ns >= 10_000_000_000:
        return f"{ns / 1e9:.1f} s"
    if ns >= 10_000_000:
        return f"{ns / 1e6:.0f} ms"
    return f"{ns / 1e6:.1f} ms" if ns >= 100_000 else f"{ns / 1e3:.0f} us"


def _details(span: Any, marks: _Marks) -> str:
    """Status, place in the code and error of a single span."""
    if span is None:
        return ""
    attributes = span.attributes or {}
    parts = []
    status = attributes.get("http.response.status_code", attributes.get("http.status_code"))
    if status is not None:
        parts.append(escaped(str(status)))
    path, line = attributes.get("code.file.path"), attributes.get("code.line.number")
    if path and line:
        parts.append(escaped(f"{str(path).replace(chr(92), '/').rpartition('/')[2]}:{line}"))
    if span.status.status_code.name == "ERROR":
        parts.append(f"ERROR {escaped(span.status.description or '')}".rstrip())
    return _cut("  ".join(parts), _MAX_TEXT, marks)


def escaped(text: object) -> str:
    """Text of the app without control characters, at most 160 characters long."""
    shown = str(text)[: _MAX_TEXT + 1]
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii") for c in shown
    )


def _cut(text: str, width: int, marks: _Marks) -> str:
    if marks is _ASCII:
        text = text.encode("ascii", "backslashreplace").decode("ascii")
    return text if len(text) <= width else text[: width - len(marks.more)] + marks.more
