# SPDX-License-Identifier: Apache-2.0
"""Redaction as a step at the end of every span, for what instrumentors of other packages have put on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import SpanProcessor

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span

    from otel_distro.instrumentation.redaction import Redactor

_OURS = "otel_distro."


class RedactingSpanProcessor(SpanProcessor):
    """Takes secrets out of URLs, queries, captured headers and SQL. Our own instrumentors have done so already."""

    def __init__(self, redactor: Redactor) -> None:
        self._redact = redactor.attributes

    def _on_ending(self, span: Span) -> None:
        scope = span.instrumentation_scope
        if scope is not None and scope.name.startswith(_OURS):
            return
        attributes: Any = span._attributes
        if type(attributes) is dict:
            self._redact(attributes)
        elif attributes:
            self._replace(span, attributes)

    def _replace(self, span: Span, attributes: BoundedAttributes) -> None:
        """The SDK's own spans have closed their attributes by now."""
        copy: dict[str, Any] = dict(attributes)
        self._redact(copy)
        if copy != attributes:
            replaced = BoundedAttributes(attributes=copy, immutable=True)
            replaced.dropped = attributes.dropped
            span._attributes = replaced
