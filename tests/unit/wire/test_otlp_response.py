# SPDX-License-Identifier: Apache-2.0
"""Reading the replies of OTLP receivers, honest or not."""

from __future__ import annotations

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_distro.wire.otlp_response import (
    PartialSuccess,
    RpcStatus,
    parse_json,
    parse_json_status,
    parse_protobuf,
    parse_status,
)


def test_partial_success_is_read() -> None:
    reply = ExportTraceServiceResponse()
    reply.partial_success.rejected_spans = 3
    reply.partial_success.error_message = "too old"
    assert PartialSuccess(3, "too old") == parse_protobuf(reply.SerializeToString())
    assert PartialSuccess(3, "too old") == parse_json(
        b'{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}'
    )


def test_an_empty_reply_is_full_success() -> None:
    assert PartialSuccess() == parse_protobuf(b"")
    assert PartialSuccess() == parse_json(b"{}")
    assert PartialSuccess() == parse_json(b"")


@pytest.mark.parametrize("junk", [b"<!doctype html>", b"\xff\xff", b"OK", b"\x08\x01"])
def test_what_is_no_reply_is_recognised(junk: bytes) -> None:
    assert parse_protobuf(junk) is None


@pytest.mark.parametrize("junk", [b"<html>", b"[1]", b'{"partialSuccess": 5}', b"[" * 100_000, b"\xff"])
def test_what_is_no_json_reply_is_recognised(junk: bytes) -> None:
    assert parse_json(junk) is None


def test_a_long_message_is_cut() -> None:
    reply = ExportTraceServiceResponse()
    reply.partial_success.error_message = "x" * 1_000_000
    found = parse_protobuf(reply.SerializeToString())
    assert found is not None
    assert len(found.message) <= 503


def status_with(*details: object) -> bytes:
    packed = []
    for detail in details:
        message = AnyMessage()
        message.Pack(detail)
        packed.append(message)
    return Status(code=8, message="slow down", details=packed).SerializeToString()


def test_retry_info_is_found_among_other_details() -> None:
    delay = RetryInfo(retry_delay=Duration(seconds=2, nanos=500_000_000))
    assert RpcStatus("slow down", 2.5) == parse_status(status_with(ErrorInfo(reason="QUOTA"), delay))


def test_no_retry_info_is_none_and_an_empty_one_is_zero() -> None:
    assert RpcStatus("slow down", None) == parse_status(status_with(ErrorInfo()))
    assert RpcStatus("slow down", 0.0) == parse_status(status_with(RetryInfo()))
    assert parse_status(status_with(RetryInfo(retry_delay=Duration(seconds=-5)))).retry_after_s == 0.0


def test_json_status_is_read() -> None:
    assert RpcStatus("bad token") == parse_json_status(b'{"code": 16, "message": "bad token"}')
    assert RpcStatus() == parse_json_status(b"oops")


@given(st.binary())
def test_no_bytes_raise(data: bytes) -> None:
    parse_protobuf(data)
    parse_status(data)
    parse_json(data)
    parse_json_status(data)
