# SPDX-License-Identifier: Apache-2.0
"""Jaeger's api_v2 over gRPC to a collector: PostSpans on a channel like the one for OTLP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_distro.exporters.jaeger_parts import authorization, tell_of_cut_spans
from otel_distro.exporters.otlp_grpc import OtlpGrpcSpanExporter
from otel_distro.exporters.retry import Delivered, Outcome, Refused, TooLarge
from otel_distro.exporters.span_exporter import suppressed, with_left_out
from otel_distro.settings.settings import OtlpSettings
from otel_distro.wire.jaeger import Encoder
from otel_distro.wire.jaeger_protobuf import Protobuf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_distro.runtime.deadline import Deadline
    from otel_distro.settings.settings import JaegerSettings

_METHOD = "/jaeger.api_v2.CollectorService/PostSpans"
_MAX_REQUEST_BYTES = 4 * 1024 * 1024  # what a gRPC server takes unless it is told otherwise
_TIP = "use port 14250, or OTEL_EXPORTER_JAEGER_PROTOCOL=http/thrift.binary"


class JaegerGrpcSpanExporter(OtlpGrpcSpanExporter):
    """Calls PostSpans once for each resource among the spans, which is one nearly always."""

    def __init__(self, settings: JaegerSettings, destination: str) -> None:
        """destination: the endpoint as it may be printed."""
        channel = OtlpSettings(
            protocol="grpc",
            endpoint=settings.endpoint,
            insecure=not settings.endpoint.startswith("https://"),
            headers=tuple(authorization(settings)),
            timeout_s=settings.timeout_s,
            certificate=settings.certificate,
        )
        super().__init__(channel, destination)
        self._timeout_s = settings.timeout_s
        self._format = Protobuf()
        self._jaeger_encoder = Encoder(self._format, _MAX_REQUEST_BYTES)
        self._taken: set[int] = set()  # bodies of a batch that waits, of which these had been taken

    def export_once(self, spans: Sequence[ReadableSpan], deadline: Deadline) -> Outcome:
        """See OutcomeSpanExporter."""
        deadline = deadline.earlier_of(self._timeout_s)
        encoded = self._jaeger_encoder.encode(spans)
        outcome: Outcome = Delivered()
        for group in encoded.groups:
            body = self._format.body(group.process, group.spans)
            if len(body) > _MAX_REQUEST_BYTES:
                return TooLarge(f"a request of {len(body):,} bytes is over the limit of {_MAX_REQUEST_BYTES:,}")
            if len(encoded.groups) > 1 and hash(body) in self._taken:
                continue
            with suppressed():
                outcome = self._send(body, deadline)
            if not isinstance(outcome, Delivered):
                return outcome
            self._taken.add(hash(body))
        self._taken.clear()
        tell_of_cut_spans(self.destination, encoded.cut)
        return with_left_out(outcome, encoded.rejected, len(spans))

    def _open(self, grpc: Any) -> None:
        super()._open(grpc)
        self._export = self._channel.unary_unary(_METHOD)

    def _answered(self, reply: bytes) -> Outcome:  # noqa: ARG002
        return Delivered()

    def _failed(self, error: Any) -> Outcome:
        outcome = super()._failed(error)
        if isinstance(outcome, Refused) and outcome.error_type == "wrong_protocol":
            return Refused(f"that port does not speak gRPC, protocol is grpc; {_TIP}", "wrong_protocol")
        return outcome
