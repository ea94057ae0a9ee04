# SPDX-License-Identifier: Apache-2.0
"""What an HTTP reply, or the lack of one, means for a batch of spans. Shared by all exporters that post.

Source: OTLP specification, "OTLP/HTTP Response" and "Failures".
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from otel_distro.exporters.retry import Outcome, Refused, Retry, TooLarge
from otel_distro.runtime.clock import now_ns
from otel_distro.transport.errors import BadReplyError, TransportError

if TYPE_CHECKING:
    from otel_distro.transport.http_reply import Reply

_RETRYABLE = frozenset({429, 502, 503, 504})
_MAX_WORDS = 200


def of_error(error: TransportError) -> Outcome:
    """No reply: everything may pass later, except what speaks another protocol."""
    if isinstance(error, BadReplyError) and error.speaks:
        return Refused(error.reason, "wrong_protocol")
    return Retry(error.reason, error.error_type)


def of_refusal(reply: Reply, words: str = "") -> Outcome | None:
    """What a status other than 2xx means; None for 2xx. words: what the body says, untrusted."""
    status = reply.status
    if 200 <= status < 300:
        return None
    reason = _reason(reply, words)
    if status in _RETRYABLE:
        return Retry(reason, str(status), retry_after_s(reply.headers.get("retry-after")))
    if status == 413:
        return TooLarge(reason)
    return Refused(reason, str(status))


def retry_after_s(value: str | None, now_s: float | None = None) -> float | None:
    """Seconds that a Retry-After header asks for: a number or an HTTP date; None for anything else.

    now_s: the wall clock, for tests.
    """
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:10])
    from email.utils import parsedate_to_datetime

    try:
        then_s = parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0.0, then_s - (now_ns() / 1e9 if now_s is None else now_s))


def _reason(reply: Reply, words: str) -> str:
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = ""  # a status of the server's own making
    text = f"{reply.status} {phrase}".strip()
    if 300 <= reply.status < 400:
        text += ", redirects are not followed"
    return f"{text}: {words[:_MAX_WORDS]}" if words else text
