# SPDX-License-Identifier: Apache-2.0
"""Secrets stay out of query strings, URLs and headers; everything else stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.instrumentation.redaction import Redactor

REDACTOR = Redactor()


@pytest.mark.parametrize(
    "name",
    [
        *("password", "passwd", "pwd", "client_secret", "token", "access_token", "refreshToken", "api_key"),
        *("apiKey", "x-api-key", "signature", "sig", "Signature", "AWSAccessKeyId", "auth", "jwt", "sessionid"),
        *("X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "X-Goog-Signature", "x-goog-date"),
        *("csrfmiddlewaretoken", "private_key", "credentials", "otp", "cvv", "PHPSESSID", "to%6ben"),
    ],
)
def test_secret_names(name: str) -> None:
    """Their values go, the names stay."""
    assert REDACTOR.query(f"a=1&{name}=s3cret&b=2") == f"a=1&{name}=REDACTED&b=2"


@pytest.mark.parametrize("query", ["", "a", "a=1&b=2", "page=2&page=3", "q=token", "keyword=x", "author=y", "token="])
def test_harmless_queries_stay(query: str) -> None:
    """Not a letter changes."""
    assert REDACTOR.query(query) == query


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h/p", "http://h/p"),
        ("http://u:p@h:81/p?a=1", "http://REDACTED:REDACTED@h:81/p?a=1"),
        ("http://u@h/p?token=x#sig=y", "http://REDACTED:REDACTED@h/p?token=REDACTED#sig=REDACTED"),
        ("http://h/user@x?a=b@c", "http://h/user@x?a=b@c"),
        ("/p?token=x", "/p?token=REDACTED"),
    ],
)
def test_urls(url: str, expected: str) -> None:
    """User, password, query and fragment."""
    assert REDACTOR.url(url) == expected


@pytest.mark.parametrize("name", ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"])
def test_secret_headers(name: str) -> None:
    """By default, without any setting."""
    assert REDACTOR.header(name, ["a", "b"]) == ["[REDACTED]"]
    assert REDACTOR.header("accept", ["a", "b"]) == ["a", "b"]


def test_names_of_the_users_own() -> None:
    """With * and ?, whole names, in any case; patterns for headers are regular expressions."""
    redactor = Redactor(["iban", "customer_*"], [".*-id"])
    assert redactor.query("IBAN=1&customer_name=2&ibana=3&id=4") == "IBAN=REDACTED&customer_name=REDACTED&ibana=3&id=4"
    assert redactor.header("request-id", ["1"]) == ["[REDACTED]"]


def test_spans_of_other_packages() -> None:
    """Old and new names of URLs, queries and captured headers; in place."""
    attributes: dict[str, Any] = {
        "url.full": "http://u:p@h/?sig=1",
        "url.query": "password=1",
        "http.target": "/x?access_token=1",
        "http.url": "http://h/x?a=1",
        "http.request.header.x_auth_token": ("t",),
        "http.request.header.accept": ("t",),
        "other": "password=1",
    }
    REDACTOR.attributes(attributes)
    assert attributes == {
        "url.full": "http://REDACTED:REDACTED@h/?sig=REDACTED",
        "url.query": "password=REDACTED",
        "http.target": "/x?access_token=REDACTED",
        "http.url": "http://h/x?a=1",
        "http.request.header.x_auth_token": ("[REDACTED]",),
        "http.request.header.accept": ("t",),
        "other": "password=1",
    }


@given(st.text(max_size=80))
def test_any_text_is_survived(text: str) -> None:
    """Clients can send anything; redacting twice changes nothing more."""
    assert REDACTOR.query(REDACTOR.query(text)) == REDACTOR.query(text)
    REDACTOR.url(text)
