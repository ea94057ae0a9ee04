# SPDX-License-Identifier: Apache-2.0
"""OTLP over gRPC: the same bytes as over HTTP, through a grpcio channel, without generated code.

grpcio (86 ms and 20 MB) is imported when the first batch is sent.
Source: OTLP specification 1.11, "OTLP/gRPC"; gRPC, "Richer error model" (grpc-status-details-bin).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from otel_distro.exporters.retry import Delivered, Outcome, Refused, Retry, TooLarge
from otel_distro.exporters.span_exporter import OutcomeSpanExporter, suppressed, user_agent, with_left_out
from otel_distro.wire import otlp, otlp_response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_distro.runtime.deadline import Deadline
    from otel_distro.settings.settings import OtlpSettings

_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_RETRYABLE = frozenset({"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"})
_TIP = "use port 4317, or OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
_MAX_WORDS = 200
_NOT_HTTP2 = ("http1.x", "HTTP/1", "Failed parsing HTTP/2")  # in grpcio's own words

_abandoned: list[object] = []  # channels of a parent process: closing them here would disturb it


class OtlpGrpcSpanExporter(OutcomeSpanExporter):
    """Calls TraceService.Export on one channel, made on first use and made anew after a fork."""

    def __init__(self, settings: OtlpSettings, destination: str, credentials: Callable[[], Any] | None = None) -> None:
        """destination: the endpoint as it may be printed. credentials: makes grpc.ChannelCredentials, instead
        of the files that settings name."""
        self.destination = destination
        self._settings = settings
        self._credentials = credentials or self._file_credentials
        self._retryable = frozenset(settings.retryable_codes) or _RETRYABLE
        self._metadata = [(name, value) for name, value in settings.headers if name != "user-agent"]
        self._encoder = otlp.Encoder(settings.max_request_bytes)
        self._channel: Any = None
        self._export: Any = None
        self._call: Any = None
        self._interrupted = False

    def export_once(self, spans: Sequence[ReadableSpan], deadline: Deadline) -> Outcome:
        """See OutcomeSpanExporter."""
        limit = self._settings.max_request_bytes
        encoded = self._encoder.encode(spans)
        if len(encoded.body) > limit:
            return TooLarge(f"a request of {len(encoded.body):,} bytes is over the limit of {limit:,}")
        outcome: Outcome = Delivered()
        if encoded.span_count:
            with suppressed():
                outcome = self._send(encoded.body, deadline.earlier_of(self._settings.timeout_s))
        if isinstance(outcome, Delivered):
            outcome = outcome._replace(rejected=min(outcome.rejected, encoded.span_count))
        return with_left_out(outcome, encoded.rejected, len(spans))

    def interrupt(self) -> None:
        """See OutcomeSpanExporter."""
        self._interrupted = True
        call = self._call
        if call is not None:
            call.cancel()

    def after_fork_in_child(self) -> None:
        """See OutcomeSpanExporter."""
        _abandoned.extend((self._channel, self._export, self._call))
        self._channel = self._export = self._call = None

    def shutdown(self) -> None:
        """Close the channel."""
        channel, self._channel, self._export = self._channel, None, None
        if channel is not None:
            channel.close()

    def _send(self, body: bytes, deadline: Deadline) -> Outcome:
        self._interrupted = False
        try:
            import grpc
        except ImportError as error:
            return Refused(f"the package grpcio cannot be imported ({error})", "no_grpcio")
        try:
            if self._export is None:
                self._open(grpc)
            call = self._call = self._export.future(body, timeout=deadline.remaining_s(), metadata=self._metadata)
            if self._interrupted:
                call.cancel()
            return self._answered(call.result())
        except (grpc.RpcError, grpc.FutureCancelledError) as error:
            if self._interrupted:
                return Retry("interrupted", "interrupted")
            return self._failed(error)
        except OSError as error:
            return Retry(f"TLS: {error.filename} cannot be read ({error.strerror})", "tls")
        except ValueError as error:
            return Refused(str(error), "invalid_call")
        finally:
            self._call = None

    def _open(self, grpc: Any) -> None:
        parts = urlsplit(self._settings.endpoint)
        is_url = parts.scheme in {"http", "https"}
        target = parts.netloc.rpartition("@")[2] if is_url else self._settings.endpoint
        options = [
            ("grpc.primary_user_agent", user_agent()),
            ("grpc.max_receive_message_length", self._settings.max_response_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.enable_retries", 0),
            ("grpc.use_local_subchannel_pool", 1),  # or a child would find the parent's connection in there
        ]
        if is_url and parts.hostname in {"localhost", "127.0.0.1", "::1"}:
            options.append(("grpc.enable_http_proxy", 0))
        compression = grpc.Compression.Gzip if self._settings.compression == "gzip" else grpc.Compression.NoCompression
        if self._settings.insecure:
            self._channel = grpc.insecure_channel(target, options, compression)
        else:
            self._channel = grpc.secure_channel(target, self._credentials(), options, compression)
        self._export = self._channel.unary_unary(_METHOD)

    def _file_credentials(self) -> Any:
        import grpc

        return grpc.ssl_channel_credentials(
            _read(self._settings.certificate),
            _read(self._settings.client_key or self._settings.client_certificate),
            _read(self._settings.client_certificate),
        )

    def _answered(self, reply: bytes) -> Outcome:
        partial = otlp_response.parse_protobuf(reply)
        if partial is None:
            return Delivered(confirmed=False, message="accepted, but the reply was not OTLP")
        return Delivered(rejected=max(0, partial.rejected), message=partial.message)

    def _failed(self, error: Any) -> Outcome:
        code = error.code().name
        words = error.details() or ""
        wrong_protocol = any(mark in words for mark in _NOT_HTTP2)
        if words.startswith("failed to connect to all addresses"):
            words = words.rpartition(": ")[2]  # the last address's error, without the address
        words = words[:_MAX_WORDS]
        after_s = _retry_after_s(error)
        if code == "UNAVAILABLE" and words == "Connection refused":
            return Retry("connection refused", "connection_refused")
        if wrong_protocol:
            return Refused(f"that port does not speak gRPC, protocol is grpc; {_TIP}", "wrong_protocol")
        if code == "RESOURCE_EXHAUSTED" and "larger than max" in words:
            if "CLIENT: Received" in words:
                return Refused("the reply is over the limit of what is read", "response_too_large")
            return TooLarge(f"{code}: {words}", code)
        if code in self._retryable or (code == "RESOURCE_EXHAUSTED" and after_s is not None):
            reason = "timed out" if code == "DEADLINE_EXCEEDED" else f"{code}: {words}" if words else code
            if code == "UNAVAILABLE" and self._settings.endpoint.endswith(":4318"):
                reason += f"; port 4318 usually speaks HTTP: {_TIP}"
            return Retry(reason, code, after_s)
        return Refused(f"{code}: {words}" if words else code, code)


def _retry_after_s(error: Any) -> float | None:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return otlp_response.parse_status(value).retry_after_s
    return None


def _read(path: str | None) -> bytes | None:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()
