# SPDX-License-Identifier: Apache-2.0
"""propagators/baggage.py against the W3C Recommendation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage
from opentelemetry.context import Context

from otel_distro.propagators.baggage import BaggagePropagator


def extracted(*headers: str) -> dict[str, object]:
    return dict(baggage.get_all(BaggagePropagator().extract({"baggage": list(headers)})))


def injected(items: dict[str, object], context: Context | None = None) -> str:
    context = Context() if context is None else context
    for key, value in items.items():
        context = baggage.set_baggage(key, value, context)
    carrier: dict[str, str] = {}
    BaggagePropagator().inject(carrier, context)
    return carrier.get("baggage", "")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("a=1,b=2", {"a": "1", "b": "2"}),
        ("a \t=\t 1 , b = 2 ", {"a": "1", "b": "2"}),
        ("a=%C3%A9%20%2C,b=c+d", {"a": "é ,", "b": "c+d"}),
        ("a=%ff", {"a": "\ufffd"}),
        ("a=1;ttl=5;secure,b=2", {"a": "1", "b": "2"}),
        ("a=", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ('bad,=x,a b=1,c="x",d=\\,e=ü,f=g h,ok=1', {"ok": "1"}),
    ],
)
def test_extract(header: str, expected: dict[str, str]) -> None:
    """Values are percent-decoded; an invalid member costs only itself."""
    assert expected == extracted(header)


def test_several_headers_are_one() -> None:
    """RFC 9110, section 5.3."""
    assert {"a": "1", "b": "2"} == extracted("a=1", "b=2")


def test_180_members() -> None:
    """Both ways, the rest is left out."""
    many: dict[str, object] = {f"k{i}": str(i) for i in range(200)}
    assert [f"k{i}" for i in range(180)] == list(extracted(",".join(f"{k}={v}" for k, v in many.items())))
    assert 180 == len(injected(many).split(","))


def test_8192_bytes() -> None:
    """Whole members only, both ways."""
    many: dict[str, object] = {f"k{i:02}": "v" * 200 for i in range(60)}
    header = ",".join(f"{k}={v}" for k, v in many.items())
    assert [f"k{i:02}" for i in range(39)] == list(extracted(header))
    text = injected(many)
    assert (39, True) == (len(text.split(",")), len(text) <= 8192)
    assert "k=1" == injected({"huge": "x" * 9000, "k": "1"})


def test_properties_go_on_while_the_value_stays() -> None:
    """They belong to the value, and are no part of it."""
    context = BaggagePropagator().extract({"baggage": "a=1;ttl=5;secure,b=2;x"})
    assert "a=1;ttl=5;secure,b=2;x" == injected({}, context)
    assert "a=other,b=2;x" == injected({"a": "other"}, context)


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=20), max_size=20))
def test_round_trip(items: dict[str, str]) -> None:
    """Whatever text an app puts in arrives; lone surrogates arrive as `?`."""
    clean = {k.encode("utf-8", "replace").decode(): v.encode("utf-8", "replace").decode() for k, v in items.items()}
    text = injected(dict(items))
    assert text.isascii()
    assert clean == (extracted(text) if text else {})


def test_numbers_are_written_as_text() -> None:
    """The API lets an app set any object."""
    assert "a=1,b=True" == injected({"a": 1, "b": True})
