# SPDX-License-Identifier: Apache-2.0
"""http.server.request.duration and http.server.active_requests.

Source: OpenTelemetry semantic conventions 1.44, HTTP metrics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

from otel_distro.instrumentation.current import SPAN_KEY
from otel_distro.runtime.clock import monotonic_s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Span

_BOUNDARIES_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


class ServerMetrics:
    """The instruments of one framework's server."""

    def __init__(self, meter: Meter) -> None:
        self._duration = meter.create_histogram(
            "http.server.request.duration",
            unit="s",
            description="Duration of HTTP server requests.",
            explicit_bucket_boundaries_advisory=_BOUNDARIES_S,
        )
        self._active = meter.create_up_down_counter(
            "http.server.active_requests",
            unit="{request}",
            description="Number of active HTTP server requests.",
        )

    def begin(self, attributes: Mapping[str, Any]) -> MeasuredRequest:
        """Count a request in. attributes: those of its span at the start."""
        active = {key: attributes[key] for key in ("http.request.method", "url.scheme")}
        self._active.add(1, active)
        version = attributes.get("network.protocol.version")
        return MeasuredRequest(self, active, {"network.protocol.version": version} if version else {})

    def end(self, active: dict[str, Any], last: dict[str, Any], duration_s: float, span: Span) -> None:
        """Count a request out and record how long it took, with an exemplar of its span."""
        self._active.add(-1, active)
        self._duration.record(duration_s, {**active, **last}, Context({SPAN_KEY: span}))


class MeasuredRequest:
    """A request that is being measured."""

    __slots__ = ("_active", "_metrics", "_more", "_started_s")

    def __init__(self, metrics: ServerMetrics, active: dict[str, Any], more: dict[str, Any]) -> None:
        self._metrics = metrics
        self._active = active
        self._more = more
        self._started_s = monotonic_s()

    def end(self, attributes: dict[str, Any], span: Span) -> None:
        """attributes: those of the span that came with the response."""
        self._metrics.end(self._active, {**self._more, **attributes}, monotonic_s() - self._started_s, span)
