# SPDX-License-Identifier: Apache-2.0
"""A trace as a tree of text."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import Status, StatusCode

from otel_distro.exporters.trace_tree import render
from tests.harness.spans import START_NS, context, span

MS = 1_000_000


def timed(number: int, parent: int, begin_ms: int, end_ms: int, name: str, **fields: Any) -> Any:
    times = {"start_time": START_NS + begin_ms * MS, "end_time": START_NS + end_ms * MS}
    above = context(parent) if parent else None
    return span(number, name=name, parent=above, **{"attributes": {}, **times, **fields})


TRACE = [
    timed(2, 1, 10, 13, "SELECT shop_order", attributes={"code.file.path": "/app/views.py", "code.line.number": 31}),
    *[timed(10 + i, 1, 20 + 14 * i, 34 + 14 * i, "SELECT shop_item") for i in range(21)],
    timed(3, 1, 330, 404, "template orders/list.html"),
    timed(4, 3, 340, 350, "inner", status=Status(StatusCode.ERROR, "no\x1b[31m colour")),
    timed(1, 0, 0, 412, "GET orders/", attributes={"http.response.status_code": 200}),
]


def test_a_tree_with_bars_and_durations() -> None:
    assert render(TRACE) == [
        "GET orders/                   ████████████████████████████    412 ms  200",
        "├─ SELECT shop_order          ▍                               3.0 ms  views.py:31",
        "├─ SELECT shop_item  x21      ·████████████████████           294 ms",
        "└─ template orders/list.html  ······················█████      74 ms",
        "   └─ inner                   ·······················▍         10 ms  ERROR no\\x1b[31m colour",
    ]


def test_every_line_is_ascii_when_asked() -> None:
    lines = render([*TRACE, timed(5, 1, 1, 2, "é")], ascii_only=True)
    assert lines[0].startswith("GET orders/")
    assert any(line.startswith("|- SELECT shop_order") for line in lines)
    assert all(line.isascii() for line in lines)


def test_a_parent_that_is_not_there_makes_a_root() -> None:
    assert [line.split()[0] for line in render([timed(5, 4, 0, 1, "orphan"), timed(6, 5, 0, 1, "child")])] == [
        "orphan",
        "└─",
    ]


def test_spans_that_parent_each_other_are_all_shown() -> None:
    text = "\n".join(render([timed(1, 2, 0, 1, "one"), timed(2, 1, 0, 1, "two"), timed(3, 3, 0, 1, "self")]))
    assert all(text.count(name) == 1 for name in ("one", "two", "self"))


def test_two_traces_are_two_trees() -> None:
    other = timed(1, 0, 0, 5, "other", context=context(1, trace_id=0xB2))
    assert [line.split()[0] for line in render([timed(1, 0, 0, 1, "first"), other])] == ["first", "other"]


def test_a_deep_trace_is_shown_without_running_off_the_page() -> None:
    lines = render([timed(n, n - 1, 0, 1000 - n, f"level {n}") for n in range(1, 900)])
    assert len(lines) == 201
    assert lines[-1] == "… 699 more spans"
    assert max(map(len, lines)) < 120


def test_many_spans_take_little_time() -> None:
    made = [timed(n, 1 if n > 1 else 0, 0, n, f"n{n}") for n in range(1, 5000)]
    began = time.process_time()
    assert len(render(made)) == 201
    assert time.process_time() - began < 5


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(0, 6), st.integers(-5, 9), st.integers(-5, 9), st.text()), max_size=8
    )
)
def test_whatever_the_spans_each_line_is_printable(fields: list[tuple[int, int, int, int, str]]) -> None:
    lines = render([timed(*field) for field in fields])
    assert all(line.isprintable() for line in lines)


def test_nothing_is_nothing() -> None:
    assert render([]) == []
