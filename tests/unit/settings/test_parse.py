# SPDX-License-Identifier: Apache-2.0
"""Parsers: text to a typed value, or a Fault that says what is wrong."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.settings import parse
from otel_distro.settings.parse import Fault
from otel_distro.settings.variables import VARIABLES


@pytest.mark.parametrize(("text", "expected"), [("12", 12), ("+7", 7), ("0", 0), ("2147483647", 2**31 - 1)])
def test_whole_numbers(text: str, expected: int) -> None:
    """Plain decimal numbers, up to what the specification asks for."""
    assert expected == parse.count(text)


@pytest.mark.parametrize(
    "text",
    ["abc", "3.5", "1e3", "-1", "1_000", "0x10", "٣", "5s", "2147483648", "9" * 5000, "-" * 3, "+", "nan"],
)
def test_everything_else_is_no_number(text: str) -> None:
    """Python's own spellings of numbers are not the specification's."""
    fault = parse.count(text)
    assert isinstance(fault, Fault)
    assert fault.value is None


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("TRUE", True), ("False", False)])
def test_only_true_is_true(text: str, expected: bool) -> None:
    """In any case."""
    assert parse.boolean(text) is expected


@pytest.mark.parametrize("text", ["1", "yes", "on", "wahr"])
def test_any_other_boolean_is_false_and_said(text: str) -> None:
    """The specification knows one spelling."""
    assert Fault("neither true nor false", "using false", value=False) == parse.boolean(text)


def test_our_own_switches_take_the_usual_words() -> None:
    """OTEL_DISTRO_STRICT=1."""
    assert [parse.switch(text) for text in ("1", "Yes", "off", "0")] == [True, True, False, False]
    assert isinstance(parse.switch("maybe"), Fault)


def test_timeout_that_looks_like_seconds() -> None:
    """It is used as it is, with a hint."""
    fault = parse.timeout("10")
    assert isinstance(fault, Fault)
    assert "for 10 seconds write 10000" in fault.reason
    assert fault.value == 10
    assert parse.timeout("0") == 0
    assert parse.timeout("100") == 100


def test_lists() -> None:
    """Trimmed; empty and repeated members are skipped; case is kept."""
    assert parse.names(" a ,, B,a,") == ("a", "B")
    assert parse.lower_names("A,b,a") == ("a", "b")
    assert isinstance(parse.names(","), Fault)


def test_choices() -> None:
    """Known names in any case, unknown ones as they are; none alone means nothing."""
    choose = parse.choices("otlp", "console", logging="console")
    assert choose("OTLP,Mine,otlp") == ("otlp", "Mine")
    assert choose("None") == ()
    assert choose("none,none") == ()
    assert Fault("none stands alone", "using otlp", ("otlp",)) == choose("otlp,none")
    assert Fault("logging is deprecated", "using console", ("console",)) == choose("logging,console")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("healthz,/ready$", ("healthz", "/ready$")),
        ("(?i)a,b,(?i)c", ("(?i)a", "b", "(?i:c)")),
        ("a.*", ("a.*",)),
    ],
)
def test_patterns_compile_alone_and_joined(text: str, expected: tuple[str, ...]) -> None:
    """A global flag is put where | allows it."""
    found = parse.patterns(text)
    assert expected == found
    re.compile("|".join(expected))


@pytest.mark.parametrize("text", ["[", "*healthz", "a{99999999999999999999}", "(?P<x>a),(?P<x>b)", "(" * 500])
def test_bad_pattern_is_matched_as_plain_text(text: str) -> None:
    """P10: `*healthz` excludes *healthz, and nothing breaks."""
    fault = parse.patterns(text)
    assert isinstance(fault, Fault)
    assert isinstance(fault.value, tuple)
    assert re.search("|".join(fault.value), text.rsplit(",", maxsplit=1)[-1])


def test_doubtful_pattern_prints_no_warning() -> None:
    """Python warns about [[a] on stderr; that would be the app's stderr."""
    assert parse.patterns("[[a]") == ("[[a]",)


def test_resource_attributes() -> None:
    """Percent-decoded on both sides; an equals sign may stand in the value."""
    assert parse.attributes("k%2Ce=v=w, a = %C3%BC ,") == (("k,e", "v=w"), ("a", "ü"))


@pytest.mark.parametrize("text", ["a=b,bad,c=d", "=v", "a=%zz", "a=%ff", "a=%", "a=%+1", ","])
def test_bad_resource_attribute_costs_the_list(text: str) -> None:
    """As the resource specification asks."""
    fault = parse.attributes(text)
    assert isinstance(fault, Fault)
    assert fault.value is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization=Bearer%20tok", (("authorization", "Bearer tok"),)),
        ("authorization=Bearer tok", (("authorization", "Bearer tok"),)),
        ("authorization: Bearer a=b", (("authorization", "Bearer a=b"),)),
        ("api-key=a:b,x=%C3%A9", (("api-key", "a:b"), ("x", "é"))),
        ("token=100%", (("token", "100%"),)),
        ("a=1,A=2", (("a", "2"),)),
    ],
)
def test_headers(text: str, expected: tuple[tuple[str, str], ...]) -> None:
    """Names in lower case, values decoded, the colon of HTTP allowed."""
    assert expected == parse.headers(text)


@pytest.mark.parametrize(
    "bad",
    ["secret", "=secret", "a b=secret", "x=secret;y", "x=secret%0d%0aEvil: 1", "content-length=secret", "x="],
)
def test_bad_header_costs_only_itself_and_is_not_shown(bad: str) -> None:
    """Nothing of the item is in the words about it."""
    fault = parse.headers(f"good=1,{bad}")
    assert isinstance(fault, Fault)
    assert fault.value == (("good", "1"),)
    assert fault.reason.startswith("item 2 ")
    assert "secret" not in fault.reason + fault.instead


def test_entities() -> None:
    """Identity and description both become attributes; a malformed entity costs only itself."""
    expected = (("service.name", "app"), ("service.version", "1.0"), ("host.id", "h"))
    assert expected == parse.entities("service{service.name=app}[service.version=1.0]@https://x/1;host{host.id=h}")
    fault = parse.entities("nonsense;host{host.id=h}")
    assert isinstance(fault, Fault)
    assert fault.value == (("host.id", "h"),)


def test_options() -> None:
    """instrumentation.option=value; the value may hold equals signs and be percent-encoded."""
    expected = (("requests", "excluded_urls", "a=b"), ("django", "is_sql_commentor_enabled", "x,y"))
    assert expected == parse.options("Requests.excluded_urls=a=b, django.is_sql_commentor_enabled=x%2Cy")
    assert isinstance(parse.options("flask"), Fault)


def test_bytes_that_are_no_utf_8() -> None:
    """They become U+FFFD, so that every value can be encoded."""
    raw = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert parse.text(raw) == "caf\ufffd"
    assert parse.text("café") == "café"


@given(st.sampled_from(VARIABLES), st.text(min_size=1))
def test_no_parser_raises(row: object, text: str) -> None:
    """Whatever is in the environment."""
    stripped = text.strip()
    if stripped:
        row.parse(stripped)  # type: ignore[attr-defined]


def test_calls_keep_the_commas_of_their_arguments() -> None:
    """Each function with all of its arguments, also when two take the same; an open parenthesis takes the rest."""
    assert parse.calls("fn:f(a,b),fn:g(a,b), fn:h") == ("fn:f(a,b)", "fn:g(a,b)", "fn:h")
    assert parse.calls("fn:f(a,b") == ("fn:f(a,b",)
    assert parse.calls("),a") == (")", "a")
    assert parse.calls(",,") == ()
