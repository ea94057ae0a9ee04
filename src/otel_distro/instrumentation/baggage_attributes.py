# SPDX-License-Identifier: Apache-2.0
"""Baggage entries as attributes of every span, when OTEL_DISTRO_BAGGAGE_ATTRIBUTES names them."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING

from opentelemetry import baggage
from opentelemetry.sdk.trace import SpanProcessor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

_MAX_VALUE = 1024


class BaggageAttributes(SpanProcessor):
    """Copies baggage to each span as it starts. keys: names of entries, with `*` and `?`."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._matches = re.compile("|".join(translate(key) for key in keys)).match

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Entries are text of at most 1,024 characters here."""
        for key, value in baggage.get_all(parent_context).items():
            if self._matches(key):
                span.set_attribute(key, str(value)[:_MAX_VALUE])
