# SPDX-License-Identifier: Apache-2.0
"""DjangoInstrumentor, for those who ask by name; start-up uses patch.py and spares upstream's imports."""

from __future__ import annotations

from typing import Any

from opentelemetry.instrumentation.django import DjangoInstrumentor as UpstreamDjangoInstrumentor

from otel_distro.instrumentation import first_party
from otel_distro.instrumentation.django import patch


class DjangoInstrumentor(UpstreamDjangoInstrumentor):  # type: ignore[misc]
    """Upstream's DjangoInstrumentor, with its arguments, hooks and variables, and our spans.

    The middleware list is not touched, so middleware_position has no effect.
    """

    _instance = None  # upstream's own instrumentor stays a separate singleton

    def _instrument(self, **kwargs: Any) -> None:
        patch.instrument(first_party.settings_of(kwargs), **kwargs)

    def _uninstrument(self, **kwargs: Any) -> None:  # noqa: ARG002 - upstream's signature
        patch.uninstrument()
