# SPDX-License-Identifier: Apache-2.0
"""Replies of an OTLP receiver: ExportTraceServiceResponse and google.rpc.Status, from untrusted bytes.

Source: opentelemetry-proto, collector/trace/v1/trace_service.proto; googleapis, google/rpc/status.proto and
google/rpc/error_details.proto (RetryInfo).
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from otel_distro.wire.protobuf import fields

_MAX_MESSAGE = 500


class PartialSuccess(NamedTuple):
    """rejected: spans that the backend refused for good. message: its words, untrusted, shortened."""

    rejected: int = 0
    message: str = ""


class RpcStatus(NamedTuple):
    """A google.rpc.Status. retry_after_s: from its RetryInfo detail, None without one."""

    message: str = ""
    retry_after_s: float | None = None


def parse_protobuf(body: bytes) -> PartialSuccess | None:
    """An ExportTraceServiceResponse; None when the bytes are none."""
    try:
        found = PartialSuccess()
        for number, value in fields(body):
            if number == 1:
                if not isinstance(value, bytes):
                    return None
                found = _partial_success(value)
        return found
    except ValueError:
        return None


def parse_json(body: bytes) -> PartialSuccess | None:
    """The same in OTLP/JSON; None when the bytes are none."""
    try:
        value: Any = json.loads(body or b"{}")
        partial = value.get("partialSuccess", {})
        return PartialSuccess(int(partial.get("rejectedSpans", 0)), _short(str(partial.get("errorMessage", ""))))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def parse_status(body: bytes) -> RpcStatus:
    """A google.rpc.Status; an empty one when the bytes are none."""
    message, retry_after_s = "", None
    try:
        for number, value in fields(body):
            if number == 2 and isinstance(value, bytes):
                message = _text(value)
            elif number == 3 and isinstance(value, bytes):
                after_s = _retry_info(value)
                retry_after_s = retry_after_s if after_s is None else after_s
    except ValueError:
        return RpcStatus()
    return RpcStatus(message, retry_after_s)


def parse_json_status(body: bytes) -> RpcStatus:
    """The same in JSON."""
    try:
        return RpcStatus(_short(str(json.loads(body).get("message", ""))))
    except (ValueError, AttributeError, RecursionError):
        return RpcStatus()


def _partial_success(data: bytes) -> PartialSuccess:
    rejected, message = 0, ""
    for number, value in fields(data):
        if number == 1 and isinstance(value, int):
            rejected = value if value < 1 << 63 else 0
        elif number == 2 and isinstance(value, bytes):
            message = _text(value)
    return PartialSuccess(rejected, message)


def _retry_info(detail: bytes) -> float | None:
    """Seconds in a google.protobuf.Any that holds a RetryInfo; None when it holds something else."""
    parts = dict(fields(detail))
    url, payload = parts.get(1, b""), parts.get(2, b"")
    if not isinstance(url, bytes) or not url.endswith(b"google.rpc.RetryInfo") or not isinstance(payload, bytes):
        return None
    duration = dict(fields(payload)).get(1, b"")
    amounts = dict(fields(duration)) if isinstance(duration, bytes) else {}
    seconds, nanos = amounts.get(1, 0), amounts.get(2, 0)
    if not isinstance(seconds, int) or not isinstance(nanos, int) or max(seconds, nanos) >= 1 << 63:
        return 0.0  # a negative duration
    return seconds + nanos / 1e9


def _text(data: bytes) -> str:
    return _short(data[: 4 * _MAX_MESSAGE].decode("utf-8", "replace"))


def _short(text: str) -> str:
    return text if len(text) <= _MAX_MESSAGE else text[:_MAX_MESSAGE] + "..."
