# SPDX-License-Identifier: Apache-2.0
"""The OpenTelemetry configurator entry point: the same start-up as under otel-distro-run."""

from __future__ import annotations

from typing import Any

from otel_distro import startup


class OtelDistroConfigurator:
    """What upstream's launcher instantiates and calls. Never raises: upstream would print a traceback."""

    def configure(self, **kwargs: Any) -> None:  # noqa: ARG002 - upstream passes its own version
        """Start tracing in this process."""
        startup.start()
