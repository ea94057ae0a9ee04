# SPDX-License-Identifier: Apache-2.0
"""A comment that carries the trace to the database's own logs, when OTEL_DISTRO_SQLCOMMENTER asks for it.

Source: sqlcommenter specification; semantic conventions 1.44, database spans, context propagation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation.current import SPAN_KEY

if TYPE_CHECKING:
    from opentelemetry.context import Context


def with_comment(sql: str, context: Context) -> str:
    """The statement with `/*traceparent='...'*/` at its end; as it is when it holds a comment already."""
    span: Any = context.get(SPAN_KEY)
    if span is None or "/*" in sql or "--" in sql:
        return sql
    found = span.get_span_context()
    comment = f"/*traceparent='00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}'*/"
    body = sql.rstrip()
    return f"{body[:-1]} {comment};" if body.endswith(";") else f"{body} {comment}"
