# SPDX-License-Identifier: Apache-2.0
"""Thrift over UDP to a Jaeger agent: compact to its port 6831, binary to 6832."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from otel_distro.exporters.jaeger_parts import tell_of_cut_spans
from otel_distro.exporters.retry import Delivered, Outcome, Retry
from otel_distro.exporters.span_exporter import OutcomeSpanExporter, with_left_out
from otel_distro.runtime import log
from otel_distro.transport.errors import TransportError
from otel_distro.transport.udp import DatagramSender
from otel_distro.wire.jaeger import Encoder
from otel_distro.wire.jaeger_formats import BinaryDatagram, Compact, Format

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_distro.runtime.deadline import Deadline
    from otel_distro.settings.settings import JaegerSettings
    from otel_distro.wire.jaeger import Group

MAX_DATAGRAM_BYTES = 65_000
"""Jaeger drops larger ones without a word."""

_PAUSE_S = 0.01  # between datagrams: an agent's socket buffer holds three at most


class JaegerUdpSpanExporter(OutcomeSpanExporter):
    """Sends as few datagrams as the spans fit into. Whether somebody takes them is not known."""

    def __init__(self, settings: JaegerSettings) -> None:
        """Opens nothing."""
        host = f"[{settings.agent_host}]" if ":" in settings.agent_host else settings.agent_host
        self.destination = f"udp://{host}:{settings.agent_port}"
        self._timeout_s = settings.timeout_s
        self._format: Format = Compact() if settings.protocol == "udp/thrift.compact" else BinaryDatagram()
        self._encoder = Encoder(self._format, MAX_DATAGRAM_BYTES)
        self._sender = DatagramSender(settings.agent_host, settings.agent_port)
        self._interrupted = threading.Event()
        self._sent: set[int] = set()  # datagrams of a batch that waits, of which these were sent

    def export_once(self, spans: Sequence[ReadableSpan], deadline: Deadline) -> Outcome:
        """See OutcomeSpanExporter."""
        self._interrupted.clear()
        encoded = self._encoder.encode(spans)
        left_out = list(encoded.rejected)
        outcome = self._send_all(encoded.groups, deadline.earlier_of(self._timeout_s), left_out)
        if isinstance(outcome, Delivered):
            self._sent.clear()
            tell_of_cut_spans(self.destination, encoded.cut)
        return with_left_out(outcome, left_out, len(spans))

    def interrupt(self) -> None:
        """See OutcomeSpanExporter."""
        self._interrupted.set()
        self._sender.interrupt()

    def after_fork_in_child(self) -> None:
        """See OutcomeSpanExporter."""
        self._interrupted = threading.Event()
        self._sender.after_fork_in_child()
        self._sent.clear()

    def shutdown(self) -> None:
        """Close the socket."""
        self._sender.close()

    def _send_all(self, groups: Sequence[Group], deadline: Deadline, left_out: list[tuple[int, str]]) -> Outcome:
        first = True
        for group in groups:
            for spans in _packed(group, self._format.frame_bytes(group.process)):
                datagram = self._format.body(group.process, spans)
                if hash(datagram) in self._sent:
                    continue
                if not first and self._interrupted.wait(_PAUSE_S):
                    return Retry("interrupted", "interrupted")
                first = False
                try:
                    listening = self._sender.send(datagram, deadline)
                except TransportError as error:
                    if error.error_type != "message_too_large":
                        return Retry(error.reason, error.error_type)
                    left_out += [(-1, error.reason)] * len(spans)
                    continue
                self._sent.add(hash(datagram))
                if not listening:
                    log.warn(f"nobody listens at {self.destination}; spans are lost", key=self.destination)
        return Delivered(confirmed=False)


def _packed(group: Group, frame_bytes: int) -> Iterator[list[bytes]]:
    """Spans in their order, as many at a time as fit into a datagram; each fits into one of its own."""
    packet: list[bytes] = []
    size = frame_bytes
    for span in group.spans:
        if packet and size + len(span) > MAX_DATAGRAM_BYTES:
            yield packet
            packet, size = [], frame_bytes
        packet.append(span)
        size += len(span)
    if packet:
        yield packet
