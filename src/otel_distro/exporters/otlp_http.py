# SPDX-License-Identifier: Apache-2.0
"""OTLP over HTTP, protobuf or JSON.

Source: OTLP specification 1.11, "OTLP/HTTP".
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from otel_distro.exporters import http_outcome
from otel_distro.exporters.retry import Delivered, Outcome, Refused, Retry, TooLarge
from otel_distro.exporters.span_exporter import OutcomeSpanExporter, suppressed, user_agent, with_left_out
from otel_distro.transport.errors import ConnectionLostError, TransportError
from otel_distro.transport.http import HttpClient
from otel_distro.transport.tls import TlsFiles
from otel_distro.wire import otlp, otlp_json, otlp_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_distro.runtime.deadline import Deadline
    from otel_distro.settings.settings import OtlpSettings
    from otel_distro.transport.http_reply import Reply
    from otel_distro.transport.proxy import Proxy

_GZIP_LEVEL = 1  # less than half of the CPU of level 6 for 2 % more bytes, measured with spans
_OWN_HEADERS = frozenset(
    {"content-type", "content-encoding", "content-length", "transfer-encoding", "connection", "host"}
)
_TIP = "use port 4318, or OTEL_EXPORTER_OTLP_PROTOCOL=grpc"


class OtlpHttpSpanExporter(OutcomeSpanExporter):
    """Posts batches to one URL."""

    def __init__(self, settings: OtlpSettings, destination: str, proxy: Proxy | None = None) -> None:
        """destination: the endpoint as it may be printed. ValueError: unusable endpoint or header."""
        self.destination = destination
        self._settings = settings
        self._encoder = (
            otlp_json.Encoder(settings.max_request_bytes)
            if settings.protocol == "http/json"
            else otlp.Encoder(settings.max_request_bytes)
        )
        self._client = HttpClient(
            settings.endpoint,
            _headers(settings),
            tls=TlsFiles(settings.certificate, settings.client_certificate, settings.client_key),
            proxy=proxy,
            max_response_bytes=settings.max_response_bytes,
        )

    def export_once(self, spans: Sequence[ReadableSpan], deadline: Deadline) -> Outcome:
        """See OutcomeSpanExporter."""
        limit = self._settings.max_request_bytes
        encoded = self._encoder.encode(spans)
        if len(encoded.body) > limit:
            return TooLarge(f"a request of {len(encoded.body):,} bytes is over the limit of {limit:,}")
        outcome: Outcome = Delivered()
        if encoded.span_count:
            outcome = self._post(encoded.body, deadline)
        if isinstance(outcome, Delivered):
            outcome = outcome._replace(rejected=min(outcome.rejected, encoded.span_count))
        return with_left_out(outcome, encoded.rejected, len(spans))

    def interrupt(self) -> None:
        """See OutcomeSpanExporter."""
        self._client.interrupt()

    def after_fork_in_child(self) -> None:
        """See OutcomeSpanExporter."""
        self._client.after_fork_in_child()

    def shutdown(self) -> None:
        """Close the connection."""
        self._client.close()

    def _post(self, body: bytes, deadline: Deadline) -> Outcome:
        compressed = _compressed(body, self._settings.compression)
        with suppressed():
            try:
                reply = self._client.post(compressed, (), deadline.earlier_of(self._settings.timeout_s))
            except TransportError as error:
                return self._without_reply(error)
        return self._answered(reply)

    def _without_reply(self, error: TransportError) -> Outcome:
        outcome = http_outcome.of_error(error)
        if isinstance(outcome, Refused) and "HTTP/2" in outcome.reason:
            return outcome._replace(reason=f"that port speaks gRPC, protocol is {self._settings.protocol}; {_TIP}")
        if isinstance(outcome, Refused):
            return outcome._replace(reason=f"{outcome.reason}; use https://")
        if isinstance(outcome, Retry) and isinstance(error, ConnectionLostError) and self._client.port == 4317:
            return outcome._replace(reason=f"{outcome.reason}; port 4317 usually speaks gRPC: {_TIP}")
        return outcome

    def _answered(self, reply: Reply) -> Outcome:
        is_json = self._settings.protocol == "http/json"
        refusal = http_outcome.of_refusal(reply, _words(reply))
        if refusal is not None:
            return refusal
        if reply.cut == "too large":
            return Refused("the reply is over the limit of what is read", "response_too_large")
        if reply.cut:
            return Delivered(confirmed=False, message=f"accepted, but the reply broke off ({reply.cut})")
        partial = (otlp_response.parse_json if is_json else otlp_response.parse_protobuf)(reply.body)
        if partial is None:
            return Delivered(confirmed=False, message=f"accepted with {reply.status}, but the reply was not OTLP")
        return Delivered(rejected=max(0, partial.rejected), message=partial.message)


def _headers(settings: OtlpSettings) -> list[tuple[str, str]]:
    given = [(name, value) for name, value in settings.headers if name.lower() not in _OWN_HEADERS]
    kind = "application/json" if settings.protocol == "http/json" else "application/x-protobuf"
    headers = [("Content-Type", kind), *given]
    if settings.compression != "none":
        headers.append(("Content-Encoding", settings.compression))
    if all(name.lower() != "user-agent" for name, _ in given):
        headers.append(("User-Agent", user_agent()))
    return headers


def _compressed(body: bytes, compression: str) -> bytes:
    if compression == "none":
        return body
    wbits = zlib.MAX_WBITS | 16 if compression == "gzip" else zlib.MAX_WBITS
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, wbits)
    return packer.compress(body) + packer.flush()


def _words(reply: Reply) -> str:
    """What the body of a refusal says to people."""
    kind = reply.headers.get("content-type", "")
    if kind.startswith("application/x-protobuf"):
        return otlp_response.parse_status(reply.body).message
    if kind.startswith("application/json"):
        return otlp_response.parse_json_status(reply.body).message
    if kind.startswith("text/plain"):
        return reply.body[:1000].decode("utf-8", "replace").strip().partition("\n")[0]
    return ""
