# SPDX-License-Identifier: Apache-2.0
"""The OpenTelemetry distro entry point, for opentelemetry-instrument and the Kubernetes operator."""

from __future__ import annotations

from typing import Any

from opentelemetry.instrumentation.distro import BaseDistro


class OtelDistro(BaseDistro):  # type: ignore[misc] # upstream publishes no types
    """Hands everything to our own start-up, which the configurator runs."""

    def _configure(self, **kwargs: Any) -> None:
        """Nothing to prepare: settings are read by the configurator, once."""

    def load_instrumentor(self, entry_point: Any, **kwargs: Any) -> None:
        """Do not switch anything on yet: each instrumentor waits for its library, as under otel-distro-run."""
