# SPDX-License-Identifier: Apache-2.0
"""Attributes of the framework's request object on the span: OTEL_PYTHON_DJANGO_TRACED_REQUEST_ATTRS and Flask's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_distro.runtime import guard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import Span

_PLAIN = (str, bool, int, float)
_MAX_VALUE = 1024


def put(span: Span, request: Any, paths: Sequence[str]) -> None:
    """Copy what is there, under its own name. paths: names, dotted ones included, as `user.id`."""
    for path in paths:
        value = guard.call(f"request attribute {path}", _read, request, path)
        if value is not None:
            span.set_attribute(path, value if isinstance(value, _PLAIN) else str(value)[:_MAX_VALUE])


def _read(request: Any, path: str) -> Any:
    found = request
    for name in path.split("."):
        found = getattr(found, name, None)
        if found is None:
            return None
    return found() if callable(found) else found
