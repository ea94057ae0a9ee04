# SPDX-License-Identifier: Apache-2.0
"""CLIENT spans of database calls, whatever library they come through.

Source: OpenTelemetry semantic conventions 1.44, database client spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind

from otel_distro.instrumentation import code_place, old_names, sql
from otel_distro.instrumentation.exceptions import type_name

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from otel_distro.instrumentation.child_spans import ChildSpans

_MAX_CODE_DEPTH = 2


class DatabaseSpans:
    """Makes the span of each call after it is over. Immutable; used from any thread."""

    def __init__(self, spans: ChildSpans, names: old_names.Names) -> None:
        self._spans = spans
        self._names = names

    def record(
        self,
        context: Context,
        start_ns: int,
        database: dict[str, Any],
        text: object,
        *,
        parameterised: bool,
        batch_size: int = 0,
        rows: int | None = None,
        error: BaseException | None = None,
    ) -> None:
        """Make one span under the span of context.

        database: attributes of the connection. text: the statement; what is not text is left out.
        parameterised: whether values were given apart; if not, literals are removed. batch_size: number of
        parameter sets, 0 when there was one. rows: number of rows returned, None when not known.
        """
        attributes = dict(database)
        name = attributes["db.system.name"]
        if isinstance(text, str):
            found = sql.statement(text)
            if found.summary:
                name = attributes["db.query.summary"] = found.summary
            if found.operation is not None:
                attributes["db.operation.name"] = found.operation
            if found.collection is not None:
                attributes["db.collection.name"] = found.collection
            system = attributes["db.system.name"]
            attributes["db.query.text"] = sql.bounded(text) if parameterised else sql.without_literals(text, system)
        if batch_size > 1:
            attributes["db.operation.batch.size"] = batch_size
        if rows is not None and rows >= 0:
            attributes["db.response.returned_rows"] = rows
        if error is not None:
            code = _response_code(error)
            if code is not None:
                attributes["db.response.status_code"] = code
            attributes["error.type"] = code or type_name(error)
        place = code_place.of_caller(_MAX_CODE_DEPTH)
        if place is not None:
            attributes.update(place)
        if self._names != "stable":
            attributes = old_names.database(attributes, self._names)
        self._spans.leaf(context, name, SpanKind.CLIENT, attributes, start_ns, error)


def _response_code(error: BaseException) -> str | None:
    """The code that the driver gives: SQLSTATE, SQLite's name, or MySQL's number."""
    cause = error.__cause__ or error  # Django raises its own class from the driver's
    for attribute in ("sqlstate", "pgcode", "sqlite_errorname"):
        code = getattr(cause, attribute, None)
        if isinstance(code, str) and code:
            return code
    if type(cause).__module__.startswith(("MySQLdb", "pymysql", "mysql")) and cause.args:
        return str(cause.args[0]) if isinstance(cause.args[0], int) else None
    return None
