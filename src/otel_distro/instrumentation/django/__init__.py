# SPDX-License-Identifier: Apache-2.0
"""First-party Django instrumentation. Nothing is imported until it is asked for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otel_distro.instrumentation.django.instrumentor import DjangoInstrumentor as DjangoInstrumentor

__all__ = ["DjangoInstrumentor"]


def __getattr__(name: str) -> object:
    if name == "DjangoInstrumentor":
        from otel_distro.instrumentation.django.instrumentor import DjangoInstrumentor

        return DjangoInstrumentor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
