# SPDX-License-Identifier: Apache-2.0
"""What arrives over HTTP, by address and content type: how it is decoded and how success is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.viewer.ingest import jaeger_json, otlp_json
from otel_distro.viewer.web.http import Response, json_response
from otel_distro.wire.otlp_decode import DecodeError, TraceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from otel_distro.viewer.store.store import Added
    from otel_distro.wire.otlp_decode import SpanOrigin, Value

PATHS = frozenset({"/v1/traces", "/v1/logs", "/v1/metrics", "/api/traces"})
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_THRIFT = ("application/vnd.apache.thrift.binary", "application/x-thrift")
_memo: dict[bytes, tuple[str, Value]] = {}


def refusal(path: str, content_type: str) -> str:
    """Why this content type is not taken at this address; empty if it is."""
    kind = _plain(content_type)
    if path == "/api/traces":
        return "" if kind in _THRIFT else f"Thrift is taken here, as {_THRIFT[0]}"
    return "" if kind in (_PROTOBUF, _JSON) else f"OTLP is taken here, as {_PROTOBUF} or {_JSON}"


def decoder(path: str, content_type: str, body: bytes) -> tuple[Callable[[], Iterable[SpanOrigin]], str]:
    """(what decodes the body, its form). Metrics and logs are taken and not kept."""
    kind = _plain(content_type)
    if path in ("/v1/logs", "/v1/metrics"):
        return list, kind
    if path == "/api/traces":
        from otel_distro.viewer.ingest import jaeger_thrift

        return lambda: jaeger_thrift.http_batch(body), kind
    if kind == _JSON:
        return lambda: otlp_json.read(otlp_json.load(body)), kind
    return lambda: TraceRequest(body, _memo), kind


def success(form: str, added: Added) -> Response:
    """What a stored request is answered: OTLP's reply in the request's form, 202 without a body for Thrift."""
    if form in _THRIFT:
        return Response(202)
    note = "their trace or span id is missing or has the wrong length"
    if form == _JSON:
        partial = {"rejectedSpans": str(added.rejected), "errorMessage": note} if added.rejected else None
        return json_response({"partialSuccess": partial} if partial else {})
    body = b""
    if added.rejected:
        inner = b"\x08" + _varint(added.rejected) + b"\x12" + _varint(len(note)) + note.encode()
        body = b"\x0a" + _varint(len(inner)) + inner
    return Response(200, body, _PROTOBUF)


def file_decoder(data: bytes) -> Callable[[], Iterable[SpanOrigin]]:
    """For files: OTLP in JSON, one value or one per line, or a trace that Jaeger's UI or API saved."""
    return lambda: _read_file(data)


def _read_file(data: bytes) -> Iterator[SpanOrigin]:
    for value in _values(data):
        if isinstance(value, dict) and isinstance(value.get("data"), list):
            yield from jaeger_json.read(value)
        elif isinstance(value, dict) and isinstance(value.get("result"), dict):
            yield from otlp_json.read(value["result"])
        else:
            yield from otlp_json.read(value)


def _values(data: bytes) -> Iterator[object]:
    try:
        yield otlp_json.load(data)
        return
    except DecodeError as error:
        lines = data.splitlines()
        if len(lines) < 2:
            raise error from None
    for line in lines:
        if line.strip():
            yield otlp_json.load(line)


def _plain(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
