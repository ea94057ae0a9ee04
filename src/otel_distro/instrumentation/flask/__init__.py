# SPDX-License-Identifier: Apache-2.0
"""First-party Flask instrumentation. Nothing is imported until it is asked for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otel_distro.instrumentation.flask.instrumentor import FlaskInstrumentor as FlaskInstrumentor

__all__ = ["FlaskInstrumentor"]


def __getattr__(name: str) -> object:
    if name == "FlaskInstrumentor":
        from otel_distro.instrumentation.flask.instrumentor import FlaskInstrumentor

        return FlaskInstrumentor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
