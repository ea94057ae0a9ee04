# SPDX-License-Identifier: Apache-2.0
"""Trace and span ids on log records, when OTEL_DISTRO_LOG_CORRELATION asks for them.

Records get attributes; format, handlers and levels of the app stay as they are. A format that wants the ids
names them: %(otelTraceID)s, %(otelSpanID)s, %(otelTraceSampled)s, %(otelServiceName)s, as with upstream's
logging instrumentation.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation.current import SPAN_KEY, get_current

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.settings.settings import Settings

_before: Callable[..., logging.LogRecord] | None = None
_ours: Callable[..., logging.LogRecord] | None = None


def instrument(settings: Settings, **options: Any) -> None:  # noqa: ARG001 - the interface of all instrumentors
    """From now on records carry ids; outside a span they are "0"."""
    global _before, _ours
    if _ours is not None:
        return
    _before = logging.getLogRecordFactory()
    _ours = _factory(_before, settings.service_name or "")
    logging.setLogRecordFactory(_ours)


def uninstrument() -> None:
    """Put the factory back that was there, unless somebody has set another one since."""
    global _before, _ours
    if _before is not None and logging.getLogRecordFactory() is _ours:
        logging.setLogRecordFactory(_before)
    _before = _ours = None


def _factory(before: Callable[..., logging.LogRecord], service_name: str) -> Callable[..., logging.LogRecord]:
    def make_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        span: Any = get_current().get(SPAN_KEY)
        found = None if span is None else span.get_span_context()
        if found is None or not found.is_valid:
            trace_id, span_id, sampled = "0", "0", False
        else:
            trace_id, span_id = f"{found.trace_id:032x}", f"{found.span_id:016x}"
            sampled = found.trace_flags.sampled
        # plain assignments: logging refuses names that exist, and these do not
        record.otelTraceID = trace_id
        record.otelSpanID = span_id
        record.otelTraceSampled = sampled
        record.otelServiceName = service_name
        return record

    return make_record
