# SPDX-License-Identifier: Apache-2.0
"""Spans of a trace as a tree, each span's own time, and the critical path. Linear or n log n, never recursive."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_distro.viewer.store.traces import SpanRow


class Tree(NamedTuple):
    """Indexes into the rows. children[i] are sorted by start; parent[i] is -1 for roots and orphans."""

    rows: Sequence[SpanRow]
    parent: list[int]
    children: list[list[int]]
    roots: list[int]
    orphans: int


class Stretch(NamedTuple):
    """A part of the critical path: the span's index and when it was waited for, ns since the epoch."""

    span: int
    start: int
    end: int


def build(rows: Sequence[SpanRow]) -> Tree:
    """rows: sorted by start. A parent that is missing, or a circle of parents, makes a root of the first span."""
    index_of = {row.span_id: index for index, row in enumerate(rows)}
    parent = [index_of.get(row.parent_id, -1) if row.parent_id else -1 for row in rows]
    orphans = sum(1 for row, above in zip(rows, parent, strict=True) if row.parent_id and above < 0)
    _cut_circles(parent)
    children: list[list[int]] = [[] for _ in rows]
    roots = []
    for index, above in enumerate(parent):
        if above < 0:
            roots.append(index)
        else:
            children[above].append(index)
    return Tree(rows, parent, children, roots, orphans)


def self_times(tree: Tree) -> list[int]:
    """For each span, the ns in which none of its children ran."""
    rows = tree.rows
    times = []
    for index, row in enumerate(rows):
        covered = 0
        reached = row.start
        end = row.end
        for child in tree.children[index]:
            start, stop = max(rows[child].start, reached), min(rows[child].end, end)
            if stop > start:
                covered += stop - start
                reached = stop
        times.append(row.duration - covered)
    return times


def critical_path(tree: Tree) -> list[Stretch]:
    """What the trace waited for, latest stretch first, from the longest root.

    Walks back from a span's end: the child that ended last before this moment is what the span waited for.
    """
    if not tree.roots:
        return []
    rows = tree.rows
    by_end: dict[int, list[int]] = {}
    stretches: list[Stretch] = []
    root = max(tree.roots, key=lambda index: rows[index].duration)
    stack = [(root, rows[root].start, rows[root].end)]
    while stack:
        index, start, now = stack.pop()
        waiting = by_end.get(index)
        if waiting is None:
            waiting = by_end[index] = sorted(tree.children[index], key=lambda child: rows[child].end)
        child = _last_before(rows, waiting, start, now)
        if child < 0:
            if now > start:
                stretches.append(Stretch(index, start, now))
            continue
        ended = min(rows[child].end, now)
        if now > ended:
            stretches.append(Stretch(index, ended, now))
        begun = max(rows[child].start, start)
        stack.append((index, start, begun))
        stack.append((child, begun, ended))
    return stretches


def _last_before(rows: Sequence[SpanRow], waiting: list[int], start: int, now: int) -> int:
    """Take the child that ended last among those that began before now; -1 if there is none after start."""
    while waiting:
        child = waiting.pop()
        if rows[child].start < now and rows[child].end > start and rows[child].duration > 0:
            return child
    return -1


def _cut_circles(parent: list[int]) -> None:
    state = [0] * len(parent)  # 0 unknown, 1 on the way, 2 leads to a root
    for index in range(len(parent)):
        path = []
        here = index
        while here >= 0 and state[here] == 0:
            state[here] = 1
            path.append(here)
            here = parent[here]
        if here >= 0 and state[here] == 1:
            parent[min(path[path.index(here) :])] = -1
        for step in path:
            state[step] = 2
