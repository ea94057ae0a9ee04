# SPDX-License-Identifier: Apache-2.0
"""Thrift over HTTP to a Jaeger collector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.exporters import http_outcome
from otel_distro.exporters.jaeger_parts import authorization, tell_of_cut_spans
from otel_distro.exporters.retry import Delivered, Outcome, TooLarge
from otel_distro.exporters.span_exporter import OutcomeSpanExporter, suppressed, user_agent, with_left_out
from otel_distro.transport.errors import TransportError
from otel_distro.transport.http import HttpClient
from otel_distro.transport.tls import TlsFiles
from otel_distro.wire.jaeger import Encoder
from otel_distro.wire.jaeger_formats import Binary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_distro.runtime.deadline import Deadline
    from otel_distro.settings.settings import JaegerSettings
    from otel_distro.transport.http_reply import Reply
    from otel_distro.transport.proxy import Proxy

_MAX_REQUEST_BYTES = 64 * 1024 * 1024
_ACCEPTED = 202
_MAX_WORDS = 200


class JaegerHttpSpanExporter(OutcomeSpanExporter):
    """Posts one Thrift Batch for each resource among the spans, which is one nearly always."""

    def __init__(self, settings: JaegerSettings, destination: str, proxy: Proxy | None = None) -> None:
        """destination: the endpoint as it may be printed. Raises ValueError for an unusable endpoint."""
        self.destination = destination
        self._timeout_s = settings.timeout_s
        self._format = Binary()
        self._encoder = Encoder(self._format, _MAX_REQUEST_BYTES)
        headers = [("Content-Type", "application/vnd.apache.thrift.binary"), ("User-Agent", user_agent())]
        self._client = HttpClient(
            settings.endpoint,
            [*headers, *authorization(settings)],
            tls=TlsFiles(settings.certificate),
            proxy=proxy,
        )
        self._taken: set[int] = set()  # bodies of a batch that waits, of which these had been taken

    def export_once(self, spans: Sequence[ReadableSpan], deadline: Deadline) -> Outcome:
        """See OutcomeSpanExporter."""
        deadline = deadline.earlier_of(self._timeout_s)
        encoded = self._encoder.encode(spans)
        outcome: Outcome = Delivered()
        for group in encoded.groups:
            body = self._format.body(group.process, group.spans)
            if len(body) > _MAX_REQUEST_BYTES:
                return TooLarge(f"a request of {len(body):,} bytes is over the limit of {_MAX_REQUEST_BYTES:,}")
            if len(encoded.groups) > 1 and hash(body) in self._taken:
                continue
            outcome = self._post(body, deadline)
            if not isinstance(outcome, Delivered):
                return outcome
            self._taken.add(hash(body))
        self._taken.clear()
        tell_of_cut_spans(self.destination, encoded.cut)
        return with_left_out(outcome, encoded.rejected, len(spans))

    def interrupt(self) -> None:
        """See OutcomeSpanExporter."""
        self._client.interrupt()

    def after_fork_in_child(self) -> None:
        """See OutcomeSpanExporter."""
        self._client.after_fork_in_child()
        self._taken.clear()

    def shutdown(self) -> None:
        """Close the connection."""
        self._client.close()

    def _post(self, body: bytes, deadline: Deadline) -> Outcome:
        with suppressed():
            try:
                reply = self._client.post(body, (), deadline)
            except TransportError as error:
                return http_outcome.of_error(error)
        refusal = http_outcome.of_refusal(reply, _words(reply))
        if refusal is not None:
            return refusal
        if reply.status != _ACCEPTED:
            words = f"answered {reply.status}, which is not what Jaeger answers"
            return Delivered(confirmed=False, message=words)
        return Delivered()


def _words(reply: Reply) -> str:
    """What the body of a refusal says to people; Jaeger gives the reason as plain text."""
    if not reply.headers.get("content-type", "").startswith("text/plain"):
        return ""
    return reply.body[:1000].decode("utf-8", "replace").strip().partition("\n")[0][:_MAX_WORDS]
