# SPDX-License-Identifier: Apache-2.0
"""Database queries of every backend, through Django's own cursor: no driver needs to be instrumented."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context

from otel_distro.instrumentation.child_spans import recording
from otel_distro.instrumentation.current import attach, detach, get_current
from otel_distro.runtime import guard
from otel_distro.runtime.clock import now_ns

if TYPE_CHECKING:
    from otel_distro.instrumentation.database import DatabaseSpans

_SYSTEMS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "oracle": "oracle.db",
    "microsoft": "microsoft.sql_server",
    "cockroachdb": "cockroachdb",
}
_DEFAULT_PORTS = {
    "postgresql": "5432",
    "mysql": "3306",
    "oracle.db": "1521",
    "microsoft.sql_server": "1433",
    "cockroachdb": "26257",
}
_ATTRIBUTES = "_otel_distro_database"


class Queries:
    """Wrapper makers for django.db.backends.utils.CursorWrapper."""

    def __init__(self, database: DatabaseSpans, comments: bool = False) -> None:
        """comments: whether statements carry their trace to the database (sqlcommenter)."""
        self._database = database
        self._comments = comments

    def execute(self, original: Any) -> Any:
        """A wrapper maker for _execute_with_wrappers, through which execute and executemany both go."""
        record = self._database.record

        def wrapper(cursor: Any, sql: Any, params: Any, many: Any, executor: Any) -> Any:
            context = get_current()
            if not recording(context):
                return original(cursor, sql, params, many, executor)
            sent = _with_comment(sql, context) if self._comments and isinstance(sql, str) else sql
            token = _silence_driver(cursor.cursor, context)
            start_ns = now_ns()
            failed: BaseException | None = None
            rows = None
            try:
                result = original(cursor, sent, params, many, executor)
                rows = _rows(cursor)
                return result
            except BaseException as error:
                failed = error
                raise
            finally:
                if token is not None:
                    detach(token)
                guard.call(
                    "the span of a query",
                    record,
                    context,
                    start_ns,
                    attributes_of(cursor.db),
                    sql,
                    parameterised=bool(params),
                    batch_size=len(params) if many and hasattr(params, "__len__") else 0,
                    rows=rows,
                    error=failed,
                )

        return wrapper

    def callproc(self, original: Any) -> Any:
        """A wrapper maker for callproc."""

        def wrapper(cursor: Any, procname: Any, *args: Any, **kwargs: Any) -> Any:
            context = get_current()
            if not recording(context):
                return original(cursor, procname, *args, **kwargs)
            start_ns = now_ns()
            failed: BaseException | None = None
            try:
                return original(cursor, procname, *args, **kwargs)
            except BaseException as error:
                failed = error
                raise
            finally:
                guard.call(
                    "the span of a stored procedure",
                    self._database.record,
                    context,
                    start_ns,
                    attributes_of(cursor.db),
                    f"CALL {procname}",
                    parameterised=True,
                    error=failed,
                )

        return wrapper


def attributes_of(connection: Any) -> dict[str, Any]:
    """What all spans of a connection have in common; worked out once and kept on the connection wrapper."""
    found: dict[str, Any] | None = connection.__dict__.get(_ATTRIBUTES)
    if found is None:
        found = connection.__dict__[_ATTRIBUTES] = _attributes_of(connection)
    return found


def _attributes_of(connection: Any) -> dict[str, Any]:
    system = _SYSTEMS.get(connection.vendor, "other_sql")
    settings = connection.settings_dict
    attributes: dict[str, Any] = {"db.system.name": system}
    name, host, port = settings.get("NAME"), settings.get("HOST"), str(settings.get("PORT") or "")
    if name:
        attributes["db.namespace"] = str(name)
    if host and not host.startswith("/"):  # a path is a socket of this machine
        attributes["server.address"] = host
        if port.isdecimal() and port != _DEFAULT_PORTS.get(system):
            attributes["server.port"] = int(port)
    return attributes


def _rows(cursor: Any) -> int | None:
    """Rows that a statement returned, if the driver says so without being asked for them."""
    if cursor.db.vendor == "sqlite" or cursor.cursor.description is None:  # SQLite counts only what it changes
        return None
    rows = getattr(cursor.cursor, "rowcount", -1)
    return rows if isinstance(rows, int) and rows >= 0 else None


def _silence_driver(cursor: Any, context: Context) -> Any:
    """Tell the driver's own instrumentor, if there is one, that this call has its span."""
    cursor_class: Any = type(cursor)
    if not _is_instrumented(cursor_class):
        return None
    return attach(Context({**context, _SUPPRESS_INSTRUMENTATION_KEY: True}))


@functools.cache
def _is_instrumented(cursor_class: Any) -> bool:
    return any(base.__module__.startswith(("opentelemetry.", "otel_distro.", "wrapt")) for base in cursor_class.__mro__)


def _with_comment(sql: str, context: Context) -> str:
    from otel_distro.instrumentation.sqlcommenter import with_comment

    commented = guard.call("the comment of a query", with_comment, sql, context)
    return sql if commented is None else commented
