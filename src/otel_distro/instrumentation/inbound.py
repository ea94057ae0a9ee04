# SPDX-License-Identifier: Apache-2.0
"""Trace context of the caller, from a WSGI environ: the propagator is asked only when its headers are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import propagate
from opentelemetry.propagators.textmap import Getter

from otel_distro.runtime import guard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import TextMapPropagator


class Inbound:
    """Asks the global propagator, whichever it is at the time."""

    def __init__(self) -> None:
        self._propagator: TextMapPropagator | None = None
        self._keys: tuple[str, ...] = ()

    def extract(self, environ: Mapping[str, Any], context: Context) -> Context:
        """context, with what the caller sent added. Never raises."""
        propagator = propagate.get_global_textmap()
        if propagator is not self._propagator:  # the app may set another one at any time
            self._keys = tuple(_environ_key(field) for field in propagator.fields)
            self._propagator = propagator
        for key in self._keys:
            if key in environ:
                break
        else:
            if self._keys:  # a propagator that names no fields is always asked
                return context
        found = guard.call("inbound trace context", propagator.extract, environ, context, _GETTER)
        return context if found is None else found


def _environ_key(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")


class _EnvironGetter(Getter[Any]):
    """Reads headers from a WSGI environ."""

    def get(self, carrier: Mapping[str, Any], key: str) -> list[str] | None:
        value = carrier.get(_environ_key(key))
        return None if value is None else [value]

    def keys(self, carrier: Mapping[str, Any]) -> list[str]:
        return [key[5:].lower().replace("_", "-") for key in carrier if key.startswith("HTTP_")]


_GETTER = _EnvironGetter()
