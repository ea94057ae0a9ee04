# SPDX-License-Identifier: Apache-2.0
"""FlaskInstrumentor, for those who ask by name; start-up uses patch.py and spares upstream's imports."""

from __future__ import annotations

from typing import Any

from opentelemetry.instrumentation.flask import FlaskInstrumentor as UpstreamFlaskInstrumentor

from otel_distro.instrumentation import first_party
from otel_distro.instrumentation.flask import patch


class FlaskInstrumentor(UpstreamFlaskInstrumentor):  # type: ignore[misc]
    """Upstream's FlaskInstrumentor, with its arguments, hooks and variables, and our spans."""

    _instance = None  # upstream's own instrumentor stays a separate singleton

    def _instrument(self, **kwargs: Any) -> None:
        patch.instrument(first_party.settings_of(kwargs), **kwargs)

    def _uninstrument(self, **kwargs: Any) -> None:  # noqa: ARG002 - upstream's signature
        patch.uninstrument()

    @staticmethod
    def instrument_app(app: Any, **kwargs: Any) -> None:
        """Trace one application. Does nothing to an application that is traced already.

        kwargs: request_hook, response_hook, tracer_provider, excluded_urls, enable_commenter,
        commenter_options, meter_provider.
        """
        patch.instrument_app(app, first_party.settings_of(kwargs), **kwargs)

    @staticmethod
    def uninstrument_app(app: Any) -> None:
        """Take the tracing of one application out again."""
        patch.uninstrument_app(app)
