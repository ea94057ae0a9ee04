# SPDX-License-Identifier: Apache-2.0
"""Values as they may be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.settings import load, redact
from otel_distro.settings.variables import VARIABLES

MARKER = "hunter2"
SECRETS = [row.name for row in VARIABLES if row.secret]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://u:p@h:1/x", "http://***@h:1/x"),
        ("http://u:p/w@d@h", "http://***@h"),
        ("u:p@h", "***@h"),
        ("https://h/x?api-key=k&b", "https://h/x?api-key=***&***"),
        ("h:1/x?token=t", "h:1/x?token=***"),
        ("plain", "plain"),
    ],
)
def test_masked(text: str, expected: str) -> None:
    """Credentials and the values of queries."""
    assert expected == redact.url(text)


@given(st.text())
def test_short_and_without_passwords(password: str) -> None:
    """Whatever a password is made of, its marker is gone; never more than 163 characters."""
    assert MARKER not in redact.url(f"http://user:{MARKER}{password}{MARKER}@host")
    assert len(redact.url(password * 200)) <= 163


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "junk",
    [
        MARKER,
        f"{MARKER};x",
        f"a={MARKER};b",
        f"={MARKER}",
        f"{MARKER}={MARKER}\n{MARKER}",
        f"%{MARKER}%",
        f"x,{MARKER},\u2603",
    ],
)
def test_no_secret_is_in_a_problem(name: str, junk: str) -> None:
    """Nor in the origins, whatever is wrong with it."""
    for environ in (
        {name: junk},
        {name: junk, "OTEL_TRACES_EXPORTER": "jaeger", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ):
        settings, problems = load(environ)
        assert MARKER not in "\n".join(map(str, problems))
        assert MARKER not in str(settings.origin)


@pytest.mark.parametrize("row", VARIABLES, ids=lambda row: row.name)
def test_no_password_in_a_url_is_in_a_problem(row: object) -> None:
    """Every variable may be given a URL."""
    name = row.name  # type: ignore[attr-defined]
    for junk in (
        f"ftp://me:{MARKER}@host:99999/?key={MARKER}",
        f"me:{MARKER}@host:4317",
        f"http://a:{MARKER}@h/v1/traces",
    ):
        for protocol in ("grpc", "http/protobuf"):
            environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_EXPORTER_JAEGER_PROTOCOL": "grpc"}
            _, problems = load(environ | {name: junk, "OTEL_TRACES_EXPORTER": "otlp,jaeger"} | {name: junk})
            assert MARKER not in "\n".join(map(str, problems))


def test_secret_names() -> None:
    """By the table, and by their words if the table does not know them."""
    assert redact.value("OTEL_EXPORTER_OTLP_HEADERS", "a=b") == "***"
    assert redact.value("MY_TOKEN", "a") == "***"
    assert redact.value("OTEL_SERVICE_NAME", "a") == "a"
