# SPDX-License-Identifier: Apache-2.0
"""What Retry-After asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.exporters.http_outcome import of_error, of_refusal, retry_after_s
from otel_distro.exporters.retry import Refused, Retry
from otel_distro.transport.errors import BadReplyError, ConnectError
from otel_distro.transport.http_reply import Reply


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("9" * 400, 9999999999.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("\u0663", None),
        ("Thu, 01 Jan 1970 00:16:50 GMT", 10.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu, 99 Jan 1970 00:00:00 GMT", None),
    ],
)
def test_seconds_dates_and_junk(value: str | None, expected: float | None) -> None:
    assert retry_after_s(value, now_s=1000.0) == expected


@given(st.text())
def test_no_text_raises(value: str) -> None:
    found = retry_after_s(value)
    assert found is None or found >= 0


def test_a_redirect_says_that_it_is_not_followed() -> None:
    assert of_refusal(Reply(302, {}, b"", "")) == Refused("302 Found, redirects are not followed", "302")


def test_another_protocol_is_final_and_every_other_failure_is_not() -> None:
    assert of_error(BadReplyError("it speaks TLS", "TLS")) == Refused("it speaks TLS", "wrong_protocol")
    assert of_error(BadReplyError("it is no HTTP")) == Retry("it is no HTTP", "bad_reply")
    assert of_error(ConnectError("no such host", "no_such_host")) == Retry("no such host", "no_such_host")
