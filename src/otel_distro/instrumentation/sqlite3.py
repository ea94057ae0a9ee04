# SPDX-License-Identifier: Apache-2.0
"""sqlite3 outside Django: connections and cursors of subclasses, so that no proxy stands between them."""

from __future__ import annotations

import sqlite3
import sys
from typing import TYPE_CHECKING, Any

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY

from otel_distro.instrumentation import first_party, old_names
from otel_distro.instrumentation.child_spans import ChildSpans, recording
from otel_distro.instrumentation.current import get_current
from otel_distro.instrumentation.database import DatabaseSpans
from otel_distro.instrumentation.patching import Patches
from otel_distro.runtime import guard
from otel_distro.runtime.clock import now_ns

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.settings.settings import Settings

_patches = Patches()
_spans: DatabaseSpans | None = None


def instrument(settings: Settings, **options: Any) -> None:
    """Trace statements on connections that are opened from now on, under a span that is recorded.

    options: tracer_provider.
    """
    global _spans
    wishes = settings.instrumentation
    children = ChildSpans(first_party.tracer_of("sqlite3", options), "query", wishes.min_span_duration_s)
    _spans = DatabaseSpans(children, old_names.wanted(wishes.semconv_opt_in, "database"))
    for module in (sqlite3, sqlite3.dbapi2):
        _patches.wrap(module, "connect", _connect)


def uninstrument() -> None:
    """Put everything back as it was; connections that are open stay as they are, and make no spans."""
    global _spans
    _patches.undo()
    _spans = None


def _connect(original: Any) -> Any:
    def connect(*args: Any, **kwargs: Any) -> Any:
        """Open a connection of our class, unless the caller brings a class of its own."""
        if len(args) <= _FACTORY_POSITION and not _called_by_django():
            kwargs.setdefault("factory", TracedConnection)
        return original(*args, **kwargs)

    return connect


def _called_by_django() -> bool:
    """Django's queries have spans of their own; what it asks a new connection for is nobody's query."""
    caller: str = sys._getframe(2).f_globals.get("__name__", "")
    return caller.startswith("django.")


_FACTORY_POSITION = 5


class TracedCursor(sqlite3.Cursor):
    """A cursor whose statements have spans."""

    def execute(self, sql: str, *args: Any) -> TracedCursor:
        """See sqlite3.Cursor.execute."""
        return _traced(super().execute, self.connection, sql, args)  # type: ignore[no-any-return]

    def executemany(self, sql: str, *args: Any) -> TracedCursor:
        """See sqlite3.Cursor.executemany."""
        return _traced(super().executemany, self.connection, sql, args, many=True)  # type: ignore[no-any-return]

    def executescript(self, sql_script: str) -> TracedCursor:
        """See sqlite3.Cursor.executescript."""
        return _traced(super().executescript, self.connection, sql_script, ())  # type: ignore[no-any-return]


class TracedConnection(sqlite3.Connection):
    """A connection whose cursors have spans. Its own execute() and the like make a cursor, as sqlite3's do."""

    _otel_database: dict[str, Any]

    def __init__(self, database: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(database, *args, **kwargs)
        name = database.decode("utf-8", "replace") if isinstance(database, bytes) else str(database)
        self._otel_database = {"db.system.name": "sqlite", "db.namespace": name}

    def cursor(self, factory: Any = TracedCursor) -> Any:
        """See sqlite3.Connection.cursor."""
        return super().cursor(factory)

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        """See sqlite3.Connection.execute."""
        return self.cursor().execute(sql, *args)  # type: ignore[no-any-return]

    def executemany(self, sql: str, *args: Any) -> sqlite3.Cursor:
        """See sqlite3.Connection.executemany."""
        return self.cursor().executemany(sql, *args)  # type: ignore[no-any-return]

    def executescript(self, sql_script: str) -> sqlite3.Cursor:
        """See sqlite3.Connection.executescript."""
        return self.cursor().executescript(sql_script)  # type: ignore[no-any-return]


def _traced(
    function: Callable[..., Any], connection: Any, sql: Any, args: tuple[Any, ...], *, many: bool = False
) -> Any:
    context = get_current()
    spans = _spans
    if spans is None or not recording(context) or context.get(_SUPPRESS_INSTRUMENTATION_KEY):
        return function(sql, *args)
    start_ns = now_ns()
    failed: BaseException | None = None
    try:
        return function(sql, *args)
    except BaseException as error:
        failed = error
        raise
    finally:
        parameters = args[0] if args else ()
        guard.call(
            "the span of a query",
            spans.record,
            context,
            start_ns,
            connection._otel_database,
            sql,
            parameterised=bool(args) and (many or bool(parameters)),
            batch_size=len(parameters) if many and hasattr(parameters, "__len__") else 0,
            error=failed,
        )
