# SPDX-License-Identifier: Apache-2.0
"""Which URLs go through which proxy."""

from __future__ import annotations

import pytest

from otel_distro.transport.proxy import Proxy, parse, proxy_for

P = "http://proxy:3128"


@pytest.mark.parametrize(
    ("url", "no_proxy", "expected"),
    [
        ("http://collector:4318/v1/traces", (), P),
        ("http://localhost:4318", (), None),
        ("http://127.0.0.1:4318", (), None),
        ("http://127.8.9.1", (), None),
        ("http://[::1]:4318", (), None),
        ("http://app.localhost", (), None),
        ("http://127.example.com", (), P),
        ("http://collector", ("*",), None),
        ("http://otel.example.com", ("example.com",), None),
        ("http://otel.example.com", (".example.com",), None),
        ("http://notexample.com", ("example.com",), P),
        ("http://OTEL.Example.com", ("EXAMPLE.COM",), None),
        ("http://collector:4318", ("collector:4318",), None),
        ("http://collector:4318", ("collector:80",), P),
        ("http://10.1.2.3", ("10.0.0.0/8",), None),
        ("http://11.1.2.3", ("10.0.0.0/8",), P),
        ("http://collector", ("10.0.0.0/8", "", " ", "junk/99"), P),
        ("http://collector", (" collector ",), None),
        ("http://[fd00::1]", ("fd00::1",), None),
    ],
)
def test_exceptions(url: str, no_proxy: tuple[str, ...], expected: str | None) -> None:
    assert expected == proxy_for(url, P, None, no_proxy)


def test_the_scheme_chooses_the_proxy() -> None:
    assert proxy_for("https://collector", "http://a", "http://b", ()) == "http://b"
    assert proxy_for("http://collector", "http://a", "http://b", ()) == "http://a"
    assert proxy_for("http://collector", None, "http://b", ()) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://proxy:3128", Proxy("proxy", 3128)),
        ("proxy:3128", Proxy("proxy", 3128)),
        ("http://proxy", Proxy("proxy", 80)),
        ("http://u:p%40@proxy:1", Proxy("proxy", 1, (("Proxy-Authorization", "Basic dTpwQA=="),))),
        ("http://[::1]:8080", Proxy("::1", 8080)),
    ],
)
def test_parse(url: str, expected: Proxy) -> None:
    assert expected == parse(url)


@pytest.mark.parametrize("url", ["socks5://u:secret@proxy", "http://", "http://u:secret@proxy:99999", "http://p:x"])
def test_what_is_no_http_proxy_is_an_error_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="prox") as caught:
        parse(url)
    assert "secret" not in str(caught.value)


def test_the_name_holds_no_password() -> None:
    assert parse("http://u:secret@proxy:1").name == "proxy proxy:1"
