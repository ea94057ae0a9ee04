# SPDX-License-Identifier: Apache-2.0
"""Taking endpoints apart."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.settings import url
from otel_distro.settings.url import Url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://localhost:4318", Url("http", None, None, "localhost", 4318, "", "")),
        ("HTTPS://Host/a/b?x=1#f", Url("https", None, None, "Host", None, "/a/b", "x=1")),
        ("collector:4318", Url("", None, None, "collector", 4318, "", "")),
        ("//collector:4318/x", Url("", None, None, "collector", 4318, "/x", "")),
        ("http://[::1]:4318/", Url("http", None, None, "::1", 4318, "/", "")),
        ("http://u%40v:p%3Aw@h", Url("http", "u@v", "p:w", "h", None, "", "")),
        ("http://u@h:1", Url("http", "u", None, "h", 1, "", "")),
        ("http://bücher.example/ü", Url("http", None, None, "xn--bcher-kva.example", None, "/%C3%BC", "")),
    ],
)
def test_parts(text: str, expected: Url) -> None:
    """Credentials decoded, the rest ready to be sent."""
    assert expected == url.split(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "http:///x",
        "http://h:0",
        "http://h:65536",
        "http://h:x",
        "::1:4318",
        "http://[::1",
        "a b",
        "h:1:2",
        "http://h\n",
        "(:4318",
        "http://%zz^",
    ],
)
def test_no_url(text: str) -> None:
    """One says why."""
    assert isinstance(url.split(text), str)


def test_written_without_credentials() -> None:
    """So it can be logged and sent as Host."""
    found = url.split("http://user:secret@[::1]:4318/x?y=1")
    assert isinstance(found, Url)
    assert str(found) == "http://[::1]:4318/x?y=1"
    assert found.origin() == "http://[::1]:4318"


@given(st.text())
def test_never_raises(text: str) -> None:
    """Whatever is in the environment; and what it takes for a URL is one again."""
    found = url.split(text)
    if isinstance(found, Url) and found.scheme:
        assert url.split(str(found)) == found._replace(user=None, password=None)


@given(st.text(min_size=1).filter(lambda text: max(text) < "\ud800" or max(text) > "\udfff"))
def test_credentials_survive_encoding(text: str) -> None:
    """Percent-encoded as other programs write them."""
    found = url.split(f"http://{quote(text, safe='')}:{quote(text, safe='')}@host")
    assert isinstance(found, Url)
    assert (text, text) == (found.user, found.password)
