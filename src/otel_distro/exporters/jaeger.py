# SPDX-License-Identifier: Apache-2.0
"""The Jaeger exporter that settings describe, in one of Jaeger's four protocols.

Source: OpenTelemetry specification 1.22, "Jaeger Exporter".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.exporters.span_exporter import OutcomeSpanExporter
from otel_distro.runtime import log
from otel_distro.settings import load, read_environ, redact
from otel_distro.settings.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_distro.exporters.retry import Outcome
    from otel_distro.runtime.deadline import Deadline
    from otel_distro.settings.settings import Settings

_ADVICE = (
    "spans are sent in Jaeger's own format; Jaeger takes OTLP, too, which is the way that is maintained: "
    "OTEL_TRACES_EXPORTER=otlp"
)


def create(settings: Settings) -> tuple[OutcomeSpanExporter | None, list[Problem]]:
    """The exporter for settings.jaeger, and what was wrong; None when its endpoint cannot be used."""
    log.info(_ADVICE)
    jaeger = settings.jaeger
    problems: list[Problem] = []
    if jaeger.protocol in {"udp/thrift.compact", "udp/thrift.binary"}:
        from otel_distro.exporters.jaeger_udp import JaegerUdpSpanExporter

        return JaegerUdpSpanExporter(jaeger), problems
    destination = redact.url(jaeger.endpoint)
    try:
        if jaeger.protocol == "grpc":
            from otel_distro.exporters.jaeger_grpc import JaegerGrpcSpanExporter

            return JaegerGrpcSpanExporter(jaeger, destination), problems
        from otel_distro.exporters.jaeger_http import JaegerHttpSpanExporter
        from otel_distro.exporters.proxies import proxy_of

        proxy = proxy_of(settings, jaeger.endpoint, problems)
        return JaegerHttpSpanExporter(jaeger, destination, proxy), problems
    except ValueError as error:
        problem = Problem("OTEL_EXPORTER_JAEGER_ENDPOINT", None, str(error), "no spans to Jaeger")
        return None, [*problems, problem]


class JaegerSpanExporter(OutcomeSpanExporter):
    """The entry point `jaeger`, for whoever makes exporters without arguments: reads the environment itself."""

    _protocol = ""

    def __init__(self) -> None:
        """Raises ValueError when the environment names an endpoint that cannot be used."""
        environ = {**read_environ(), "OTEL_TRACES_EXPORTER": "jaeger"}
        if self._protocol:
            environ["OTEL_EXPORTER_JAEGER_PROTOCOL"] = self._protocol
        exporter, problems = create(load(environ)[0])
        if exporter is None:
            raise ValueError(str(problems[-1]))
        self._exporter = exporter
        self.destination = exporter.destination

    def export_once(self, spans: Sequence[ReadableSpan], deadline: Deadline) -> Outcome:
        """See OutcomeSpanExporter."""
        return self._exporter.export_once(spans, deadline)

    def interrupt(self) -> None:
        """See OutcomeSpanExporter."""
        self._exporter.interrupt()

    def after_fork_in_child(self) -> None:
        """See OutcomeSpanExporter."""
        self._exporter.after_fork_in_child()

    def shutdown(self) -> None:
        """Close the connection."""
        self._exporter.shutdown()


class JaegerProtoSpanExporter(JaegerSpanExporter):
    """The entry point `jaeger_proto`: gRPC, whatever the environment says."""

    _protocol = "grpc"
