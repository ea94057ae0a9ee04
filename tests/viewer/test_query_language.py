# SPDX-License-Identifier: Apache-2.0
"""What people type into the search box."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.viewer.store.query import Query, Term, duration_ns, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Query()),
        ("service:shop", Query((Term("service", "=", "shop"),))),
        ("svc=shop", Query((Term("service", "=", "shop"),))),
        ("dur:>200ms", Query((Term("duration", ">", "200000000"),))),
        ("duration>=1.5s AND a=b", Query((Term("duration", ">=", "1500000000"), Term("a", "=", "b")))),
        ('a.b!="x y"', Query((Term("a.b", "!=", "x y"),))),
        (r'a="say \"hi\""', Query((Term("a", "=", 'say "hi"'),))),
        ('"free text" word', Query((), ("free text", "word"))),
        ("http.route=/a/<int:b>/", Query((Term("http.route", "=", "/a/<int:b>/"),))),
        ("spans>10", Query((Term("spans", ">", "10"),))),
    ],
)
def test_terms(text: str, expected: Query) -> None:
    """Keys, operators, quotes, short names, free text."""
    assert expected == parse(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("a=1 OR b=2", "OR is not supported"), ("duration>soon", "no duration"), ("a>b", "no number")],
)
def test_what_is_not_understood_is_said(text: str, problem: str) -> None:
    """One sentence, and the rest of the query is used."""
    assert problem in parse(f"{text} c=3").problem
    assert Term("c", "=", "3") in parse(f"{text} c=3").terms


@given(st.text(max_size=200))
def test_any_text_is_a_query(text: str) -> None:
    """Never raises."""
    parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("200ms", 200_000_000), ("1.5s", 1_500_000_000), ("90us", 90_000), ("7", 7_000_000), ("x", None)],
)
def test_durations(text: str, expected: int | None) -> None:
    """A bare number is milliseconds."""
    assert expected == duration_ns(text)
