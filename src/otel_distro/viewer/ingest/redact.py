# SPDX-License-Identifier: Apache-2.0
"""Secrets stop at the door: values under telling keys, and telling parameters inside URLs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_distro.wire.otlp_decode import Value

REDACTED = "[redacted]"
_SECRET_KEY = re.compile(
    r"authorization|(?:^|[._-])(?:set-)?cookie|token|passw|passphrase|secret|api[_-]?key|credential|private[_-]?key"
    r"|otel-distro-\d",
    re.IGNORECASE,
)
_URL_KEYS = frozenset(
    {"url.full", "url.query", "url.original", "http.url", "http.target", "http.request.header.referer"}
)
_URL_PARAMETER = re.compile(
    r"([?&;]|^)([^=&;?#]*(?:token|passw|secret|signature|credential|api[_-]?key|auth|session)[^=&;?#]*|sig|key|t)=[^&;#\s]*",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"(//)[^/?#@]*@")

KEEP, SECRET, URL = 0, 1, 2


def kind_of(key: str) -> int:
    """KEEP, SECRET (the value goes) or URL (parts of it go), by the attribute's key alone."""
    if key in _URL_KEYS:
        return URL
    return SECRET if _SECRET_KEY.search(key) else KEEP


def secret(value: Value) -> Value:
    """What is stored for a value under a telling key. Numbers and booleans stay: they count tokens."""
    return value if isinstance(value, (int, float)) or value is None else REDACTED


def url(value: Value) -> Value:
    """The address without user, password and telling parameters."""
    if not isinstance(value, str):
        return value
    text = _USER_INFO.sub(r"\1REDACTED@", value) if "@" in value else value
    return _URL_PARAMETER.sub(r"\1\2=REDACTED", text) if "=" in text else text
