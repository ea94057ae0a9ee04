# SPDX-License-Identifier: Apache-2.0
"""What is said about a trace: own time, critical path, findings."""

from __future__ import annotations

import itertools
import random
import time

from hypothesis import given
from hypothesis import strategies as st

from otel_distro.viewer.analysis import findings, tree
from otel_distro.viewer.analysis.sql import has_placeholder, normalise_sql, normalise_url
from otel_distro.viewer.store.traces import SpanRow

MS = 1_000_000


def row(span: str, parent: str = "", start: float = 0, ms: float = 10, **fields: object) -> SpanRow:
    """A span; times in milliseconds. fields: name, service, kind, status, group, exact, place, exception."""
    defaults: dict[str, object] = {
        "name": f"work {span}", "service": "shop", "kind": 1, "status": 0, "http_status": 0, "group": "", "exact": "",
        "place": "", "exception": "",
    }  # fmt: skip
    values = {**defaults, **fields}
    times = {"start": int(start * MS), "duration": int(ms * MS)}
    return SpanRow(**{"span_id": span, "parent_id": parent, **values, **times})  # type: ignore[arg-type]


def by_kind(rows: list[SpanRow]) -> dict[str, findings.Finding]:
    """The first finding of each kind."""
    found: dict[str, findings.Finding] = {}
    for finding in findings.analyse(sorted(rows, key=lambda one: one.start)).findings:
        found.setdefault(finding.kind, finding)
    return found


def queries(count: int, gap: float = 12, ms: float = 10, **fields: object) -> list[SpanRow]:
    """A request of 1,000 ms with equal queries."""
    sql = "SELECT * FROM item WHERE id = ?"
    children = [row(f"q{i}", "r", 5 + i * gap, ms, kind=3, group=sql, **fields) for i in range(count)]
    return [row("r", ms=1000, kind=2), *children]


def test_own_time_is_what_no_child_covers() -> None:
    """Children that overlap count once, and what sticks out of the parent does not count."""
    rows = [row("r", ms=100), row("a", "r", 10, 30), row("b", "r", 30, 30), row("c", "r", 90, 50)]

    assert [40 * MS, 30 * MS, 30 * MS, 50 * MS] == tree.self_times(tree.build(rows))


def test_critical_path_goes_through_what_was_waited_for() -> None:
    """Of two calls at the same time the longer one is on the path, and gaps belong to the parent."""
    rows = [row("r", ms=100), row("a", "r", 10, 30), row("b", "r", 10, 70), row("c", "r", 85, 10)]

    path = tree.critical_path(tree.build(rows))

    expected = [(0, 95, 100), (3, 85, 95), (0, 80, 85), (2, 10, 80), (0, 0, 10)]
    assert expected == [(one.span, one.start // MS, one.end // MS) for one in path]


@given(st.lists(st.tuples(st.integers(-1, 20), st.integers(0, 100), st.integers(0, 60)), min_size=1, max_size=20))
def test_critical_path_covers_its_root_exactly(spans: list[tuple[int, int, int]]) -> None:
    """Whatever the shape, also circles of parents: the stretches add up to the longest root and do not overlap."""
    rows = sorted(
        (row(str(i), str(up) if up >= 0 else "", start, ms) for i, (up, start, ms) in enumerate(spans)),
        key=lambda one: one.start,
    )
    shape = tree.build(rows)

    path = tree.critical_path(shape)

    assert max(rows[root].duration for root in shape.roots) == sum(one.end - one.start for one in path)
    assert all(later.start >= earlier.end for later, earlier in itertools.pairwise(path))
    assert all(own >= 0 for own in tree.self_times(shape))


def test_n_plus_one_names_count_place_and_time() -> None:
    """Twenty-one equal queries one after another are one finding with the line that asked."""
    found = by_kind(queries(21, place="shop/models.py:88"))["n_plus_one"]

    assert (21, 210 * MS, "shop/models.py:88") == (found.times, found.duration_ns, found.place)
    assert "ran 21 times" in found.title
    assert "210 ms of 1.00 s" in found.detail
    assert ["N+1 \u00d721"] == findings.badges(queries(21))


def test_four_queries_are_no_n_plus_one() -> None:
    """The rule needs five."""
    assert "n_plus_one" not in by_kind(queries(4))
    assert "n_plus_one" in by_kind(queries(5))


def test_fan_out_is_no_n_plus_one() -> None:
    """Calls that run at the same time are what a good program does."""
    assert "n_plus_one" not in by_kind(queries(20, gap=1, ms=50))


def test_different_queries_are_no_n_plus_one() -> None:
    """Equal means the same statement after its values are taken out."""
    rows = [row("r", ms=1000)] + [row(str(i), "r", i * 20, kind=3, group=f"SELECT * FROM t{i}") for i in range(9)]

    assert "n_plus_one" not in by_kind(rows)


def test_loops_of_the_same_query_are_one_finding() -> None:
    """Six parents with five queries each are told as one: 30 times in 6 loops."""
    rows = [row("r", ms=1000)]
    for i in range(6):
        rows.append(row(f"p{i}", "r", i * 100, 90))
        rows += [row(f"p{i}q{j}", f"p{i}", i * 100 + j * 15, 10, kind=3, group="SELECT a") for j in range(5)]

    found = [one for one in findings.analyse(sorted(rows, key=lambda r: r.start)).findings if one.kind == "n_plus_one"]

    assert [(30, True)] == [(one.times, "in 6 loops" in one.title) for one in found]


def test_identical_calls() -> None:
    """The same address asked twice is said, with what the second one cost."""
    get = {"kind": 3, "group": "GET stock/items/{}", "exact": "GET http://stock/items/1"}
    found = by_kind([row("r", ms=100), row("a", "r", 0, 20, **get), row("b", "r", 30, 10, **get)])["identical"]

    assert (2, "warn") == (found.times, found.severity)
    assert "10.0 ms" in found.detail.replace("10 ms", "10.0 ms")


def test_identical_writes_are_not_said() -> None:
    """Two equal inserts may well be meant."""
    write = {"kind": 3, "group": "INSERT INTO a VALUES (?)", "exact": "INSERT INTO a VALUES (1)"}

    assert "identical" not in by_kind([row("r", ms=100), row("a", "r", 0, **write), row("b", "r", 30, **write)])


def test_serial_requests_that_could_overlap() -> None:
    """Two reads from other services, one after the other, name what would be saved."""
    rows = [
        row("r", ms=400, kind=2),
        row("a", "r", 0, 150, kind=3, group="GET stock/items"),
        row("b", "r", 160, 100, kind=3, group="GET rates/eur"),
    ]

    found = by_kind(rows)["serial"]

    assert "250 ms in all" in found.detail
    assert "150 ms" in found.detail


def test_overlapping_requests_are_not_serial() -> None:
    """They overlap already."""
    rows = [
        row("r", ms=400, kind=2),
        row("a", "r", 0, 150, kind=3, group="GET stock/items"),
        row("b", "r", 10, 100, kind=3, group="GET rates/eur"),
    ]

    assert "serial" not in by_kind(rows)


def test_error_origin_is_the_deepest_failed_span() -> None:
    """The span whose children did not fail began it; those above are the way it came up."""
    rows = [
        row("r", ms=100, status=2, name="POST /checkout/", exception="Declined: no money"),
        row("a", "r", 10, 50, status=2, name="charge"),
        row("b", "a", 20, 10, status=2, name="POST", service="shop", http_status=402),
    ]

    found = by_kind(rows)["error"]

    assert "began in POST (shop)" in found.title
    assert "HTTP 402, then Declined: no money" in found.detail
    assert "charge, POST /checkout/" in found.detail


def test_an_exception_that_only_a_span_above_recorded() -> None:
    """It is told as what happened where the error began."""
    rows = [row("r", ms=100, status=2, exception="ValueError: no"), row("a", "r", 10, 5, status=2, place="v.py:3")]

    assert by_kind(rows)["error"].detail.startswith("ValueError: no at v.py:3.")


def test_slowest_query_and_own_time() -> None:
    """The longest query is named, and a span that spends the time itself is too."""
    found = by_kind([row("r", ms=100, kind=2), row("q", "r", 10, 20, kind=3, group="SELECT a", place="x.py:1")])

    assert "20 ms" in found["slowest_query"].title
    assert "80 % of the time is spent in work r itself" in found["self_time"].title


def test_nothing_is_found_in_nothing() -> None:
    """A trace without spans, and one with a single quick span."""
    assert [] == findings.find(tree.build([]), [], [])
    assert {} == by_kind([row("r", ms=1)])


def test_fifty_thousand_spans_are_analysed_in_seconds() -> None:
    """Also when all are in one chain, or all below one parent."""
    chance = random.Random(1)
    for parent in (lambda _: "0", lambda i: str(i - 1), lambda i: str(chance.randrange(i))):
        rows = [row("0", ms=9_000)]
        rows += [row(str(i), parent(i), i * 0.1, 50, kind=3, group=f"SELECT {i % 7}") for i in range(1, 50_000)]
        begun = time.monotonic()
        findings.analyse(rows)
        assert time.monotonic() - begun < 10


def test_statements_that_differ_in_values_are_equal() -> None:
    """Numbers, texts, placeholders and lists go; names with digits stay."""
    pairs = [
        ("SELECT * FROM t1 WHERE a = 12 AND b = 'x''y'", "SELECT * FROM t1 WHERE a = ? AND b = ?"),
        ("SELECT  *\nFROM t -- note\nWHERE a IN (1, 2, 3)", "SELECT * FROM t WHERE a IN (?, ...)"),
        ("SELECT a FROM t WHERE b = %s AND c = $2 AND d = :name", "SELECT a FROM t WHERE b = ? AND c = ? AND d = ?"),
        ("INSERT INTO t VALUES (%s, %s), (%s, %s)", "INSERT INTO t VALUES (?, ...)"),
        ('SELECT "t1"."c2"::text FROM "t1"', 'SELECT "t1"."c2"::text FROM "t1"'),
    ]
    for statement, expected in pairs:
        assert expected == normalise_sql(statement)


def test_placeholders_are_seen() -> None:
    """Equal text means equal calls only without them; a question mark inside a text is none."""
    assert has_placeholder("SELECT %s")
    assert has_placeholder("a = ?")
    assert not has_placeholder("SELECT 1 WHERE a = 'what?'")


def test_addresses_that_differ_in_ids_are_equal() -> None:
    """Numbers, UUIDs and long hexadecimal parts of the path go, and so do user and query."""
    url = "https://u:p@stock.internal:8080/items/17/0b8f4a52-97a1-4f4e-9d4e-2f6f3f1f9d10?x=1"

    assert "stock.internal:8080/items/{}/{}" == normalise_url(url)


@given(st.text(max_size=300))
def test_any_text_can_be_normalised(text: str) -> None:
    """Never raises, never grows beyond its bound."""
    assert len(normalise_sql(text)) <= 400
    assert len(normalise_url(text)) <= 400
