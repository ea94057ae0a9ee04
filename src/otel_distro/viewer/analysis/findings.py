# SPDX-License-Identifier: Apache-2.0
"""What a person opened the trace for, in plain words: why was it slow, what failed, which query ran 21 times.

N+1: at least five calls of the same kind under one parent, one after another. Calls that overlap are fan-out, which
is no fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_distro.viewer.analysis import tree as trees

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_distro.viewer.analysis.tree import Tree
    from otel_distro.viewer.store.traces import SpanRow

N_PLUS_ONE = 5
TIMES = "\u00d7"
_MAX_IDS = 200
_MAX_FINDINGS = 12
_SLOW_QUERY_NS = 5_000_000
_SERIAL_NS = 5_000_000
_SERIAL_SAVING_NS = 20_000_000
_CLIENT = 3
_UNKNOWN = "an error"
_READS = ("SELECT", "WITH", "SHOW", "PRAGMA", "GET ", "HEAD ")


class Finding(NamedTuple):
    """kind: n_plus_one, identical, serial, slowest_query, self_time or error. severity: bad, warn or info.

    spans: ids, at most 200; times: how many there are. duration_ns: what they took; share: of the trace, 0 to 1.
    place: file:line or empty. text: the statement, address or exception.
    """

    kind: str
    severity: str
    title: str
    detail: str
    spans: tuple[str, ...]
    times: int
    duration_ns: int
    share: float
    place: str
    text: str


class Analysis(NamedTuple):
    """Everything that is computed from a trace; indexes refer to the rows, which are sorted by start."""

    tree: Tree
    self_times: list[int]
    critical_path: list[trees.Stretch]
    findings: list[Finding]


def analyse(rows: Sequence[SpanRow]) -> Analysis:
    """rows: sorted by start, as traces.span_rows gives them."""
    tree = trees.build(rows)
    own = trees.self_times(tree)
    path = trees.critical_path(tree)
    return Analysis(tree, own, path, find(tree, own, path))


def find(tree: Tree, own: list[int], path: list[trees.Stretch]) -> list[Finding]:
    """All findings, the worst first; at most twelve."""
    if not tree.rows:
        return []
    total = max(1, max(row.end for row in tree.rows) - tree.rows[0].start)
    repeated, explained = _n_plus_one(tree, total)
    found = [
        *_errors(tree, total),
        *repeated,
        *_identical(tree, total, explained),
        *_serial(tree, total, explained),
        *_slowest_query(tree, total),
        *_self_time(tree, own, path, total),
    ]
    order = {"bad": 0, "warn": 1, "info": 2}
    return sorted(found, key=lambda finding: order[finding.severity])[:_MAX_FINDINGS]


def badges(rows: Sequence[SpanRow]) -> list[str]:
    """The marks of a trace in a list, such as N+1 with its count; without those that the list knows itself."""
    tree = trees.build(rows)
    repeated, explained = _n_plus_one(tree, 1)
    marks = [f"N+1 {TIMES}{finding.times}" for finding in repeated[:1]]
    identical = _identical(tree, 1, explained)
    if identical and not marks:
        marks.append(f"same call {TIMES}{identical[0].times}")
    return marks


def milliseconds(duration_ns: int) -> str:
    """A duration for a person: `0.4 ms`, `412 ms`, `3.1 s`."""
    if duration_ns < 10_000_000:
        return f"{duration_ns / 1e6:.1f} ms"
    if duration_ns < 1_000_000_000:
        return f"{duration_ns / 1e6:.0f} ms"
    return f"{duration_ns / 1e9:.2f} s"


def _n_plus_one(tree: Tree, total: int) -> tuple[list[Finding], set[int]]:
    """The findings, and the indexes of all spans that they are about."""
    rows = tree.rows
    runs: dict[tuple[str, str], list[list[int]]] = {}
    explained: set[int] = set()
    for siblings in [*tree.children, tree.roots]:
        if len(siblings) < N_PLUS_ONE:
            continue
        groups: dict[tuple[str, str], list[int]] = {}
        for index in siblings:
            if rows[index].group:
                groups.setdefault((rows[index].service, rows[index].group), []).append(index)
        for key, members in groups.items():
            chain = _sequential(rows, members)
            if len(chain) >= N_PLUS_ONE and len(chain) * 5 >= len(members) * 4:
                explained.update(members)
                runs.setdefault(key, []).append(chain)
    found = [_repeated(rows, chains, text, total) for (_, text), chains in runs.items()]
    return sorted(found, key=lambda finding: -finding.duration_ns), explained


def _repeated(rows: Sequence[SpanRow], chains: list[list[int]], text: str, total: int) -> Finding:
    members = [index for chain in chains for index in chain]
    duration = sum(rows[index].duration for index in members)
    place = next((rows[index].place for index in members if rows[index].place), "")
    sql = not _is_request(text)
    what = "query" if sql else "request"
    advice = (
        "Fetch all rows at once: select_related or prefetch_related in Django, a join or IN (...) elsewhere."
        if sql
        else "Ask for all items in one request, or send these at the same time."
    )
    how = "one after another" if len(chains) == 1 else f"in {len(chains)} loops"
    return Finding(
        "n_plus_one",
        "bad",
        f"N+1: the same {what} ran {len(members)} times, {how}",
        f"They took {milliseconds(duration)} of {milliseconds(total)}{f' at {place}' if place else ''}. {advice}",
        _ids(rows, members),
        len(members),
        duration,
        min(1.0, duration / total),
        place,
        text,
    )


def _sequential(rows: Sequence[SpanRow], members: list[int]) -> list[int]:
    """The members, by start, that begin after the one before has ended."""
    chain = []
    free = -1
    for index in members:
        if rows[index].start >= free:
            chain.append(index)
            free = rows[index].end
    return chain


def _identical(tree: Tree, total: int, explained: set[int]) -> list[Finding]:
    rows = tree.rows
    groups: dict[tuple[str, str], list[int]] = {}
    for index, row in enumerate(rows):
        if row.exact and index not in explained and row.exact.lstrip("( ").upper().startswith(_READS):
            groups.setdefault((row.service, row.exact), []).append(index)
    found = []
    for (service, text), members in groups.items():
        if len(members) < 2:
            continue
        duration = sum(rows[index].duration for index in members)
        wasted = duration - max(rows[index].duration for index in members)
        place = next((rows[index].place for index in members if rows[index].place), "")
        found.append(
            Finding(
                "identical",
                "warn",
                f"The same call was made {len(members)} times in {service}",
                f"Text and values are equal, so one answer would do; the others took {milliseconds(wasted)}"
                f"{f' (first at {place})' if place else ''}.",
                _ids(rows, members),
                len(members),
                duration,
                min(1.0, duration / total),
                place,
                text,
            )
        )
    return sorted(found, key=lambda finding: -finding.duration_ns)[:3]


def _serial(tree: Tree, total: int, explained: set[int]) -> list[Finding]:
    """Outgoing requests under one parent that waited for each other without need, as far as a trace can tell."""
    rows = tree.rows
    found = []
    for siblings in [*tree.children, tree.roots]:
        calls = [
            index
            for index in siblings
            if rows[index].kind == _CLIENT
            and index not in explained
            and rows[index].duration >= _SERIAL_NS
            and rows[index].group.startswith(("GET ", "HEAD "))
            and " FROM " not in rows[index].group
        ]
        chain = _sequential(rows, calls)
        if len(chain) < 2:
            continue
        duration = sum(rows[index].duration for index in chain)
        saving = duration - max(rows[index].duration for index in chain)
        if saving < _SERIAL_SAVING_NS or saving * 10 < total:
            continue
        place = next((rows[index].place for index in chain if rows[index].place), "")
        found.append(
            Finding(
                "serial",
                "warn",
                f"{len(chain)} requests waited for each other",
                f"They read from other services one after another, {milliseconds(duration)} in all; at the same time"
                f" they would take {milliseconds(duration - saving)}, if none needs another's answer.",
                _ids(rows, chain),
                len(chain),
                duration,
                min(1.0, duration / total),
                place,
                ", ".join(dict.fromkeys(rows[index].group for index in chain))[:300],
            )
        )
    return sorted(found, key=lambda finding: -finding.duration_ns)[:3]


def _slowest_query(tree: Tree, total: int) -> list[Finding]:
    rows = tree.rows
    queries = [i for i, row in enumerate(rows) if row.group and not _is_request(row.group)]
    if not queries:
        return []
    slowest = max(queries, key=lambda index: rows[index].duration)
    row = rows[slowest]
    if row.duration < _SLOW_QUERY_NS and row.duration * 4 < total:
        return []
    everything = sum(rows[index].duration for index in queries)
    many = f"; all {len(queries)} queries together {milliseconds(everything)}" if len(queries) > 1 else ""
    asked = f". Asked at {row.place}" if row.place else ""
    return [
        Finding(
            "slowest_query",
            "info",
            f"Slowest query: {milliseconds(row.duration)}",
            f"{round(row.duration * 100 / total)} % of the trace{many}{asked}.",
            (row.span_id,),
            1,
            row.duration,
            min(1.0, row.duration / total),
            row.place,
            row.group,
        )
    ]


def _self_time(tree: Tree, own: list[int], path: list[trees.Stretch], total: int) -> list[Finding]:
    on_path: dict[int, int] = {}
    for stretch in path:
        on_path[stretch.span] = on_path.get(stretch.span, 0) + stretch.end - stretch.start
    if not on_path:
        return []
    index, waited = max(on_path.items(), key=lambda item: item[1])
    row = tree.rows[index]
    if not tree.children[index] or waited * 10 < total * 3 or own[index] == 0:
        return []
    return [
        Finding(
            "self_time",
            "info",
            f"{waited * 100 // total} % of the time is spent in {row.name} itself",
            f"{milliseconds(waited)} in which no span below it ran: its own code, or a library that is not traced.",
            (row.span_id,),
            1,
            waited,
            min(1.0, waited / total),
            row.place,
            row.name,
        )
    ]


def _errors(tree: Tree, total: int) -> list[Finding]:
    """Failed spans without a failed child: where errors began. The first one is told."""
    rows = tree.rows
    failed = [index for index, row in enumerate(rows) if row.status == 2]
    if not failed:
        return []
    origins = [i for i in failed if not any(rows[child].status == 2 for child in tree.children[i])]
    first = min(origins or failed, key=lambda index: rows[index].end)
    row = rows[first]
    what = row.exception or (f"HTTP {row.http_status}" if row.http_status else _UNKNOWN)
    chain = []
    raised = row.exception
    above = tree.parent[first]
    while above >= 0 and rows[above].status == 2:
        chain.append(rows[above].name)
        if rows[above].exception and not raised:
            raised = rows[above].exception
            what = raised if what == _UNKNOWN else f"{what}, then {raised}"
        above = tree.parent[above]
    came = f" It came up through {', '.join(chain[:4])}." if chain else ""
    others = f" {len(origins) - 1} other errors began elsewhere." if len(origins) > 1 else ""
    return [
        Finding(
            "error",
            "bad",
            f"The error began in {row.name} ({row.service})",
            f"{what}{f' at {row.place}' if row.place else ''}.{came}{others}",
            _ids(rows, [first, *(index for index in origins if index != first)]),
            len(origins) or 1,
            row.duration,
            min(1.0, row.duration / total),
            row.place,
            what,
        )
    ]


def _is_request(group: str) -> bool:
    method, _, rest = group.partition(" ")
    return method in ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS") and " FROM " not in rest


def _ids(rows: Sequence[SpanRow], indexes: list[int]) -> tuple[str, ...]:
    return tuple(rows[index].span_id for index in indexes[:_MAX_IDS])
