# SPDX-License-Identifier: Apache-2.0
"""Statements of sqlite3 outside Django."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from otel_distro.instrumentation import sqlite3 as ours
from otel_distro.settings.settings import InstrumentationSettings, Settings
from tests.harness.span_recorder import PlainSpan, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    ours.instrument(Settings(instrumentation=InstrumentationSettings()), tracer_provider=made.provider)
    yield made
    ours.uninstrument()


def below(recorder: Recorder, work: Callable[[sqlite3.Connection], object]) -> list[PlainSpan]:
    """The spans that work(connection) leaves below a span."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("create table t (a, b)")
        assert recorder.take() == []  # nothing without a parent
        with recorder.provider.get_tracer("t").start_as_current_span("parent"):
            work(connection)
    finally:
        connection.close()
    *spans, parent = recorder.take()
    assert {span.parent_id for span in spans} <= {parent.span_id}
    return spans


def test_a_statement_has_the_database_attributes(recorder: Recorder) -> None:
    """Through a cursor; parameterised text stays as it is."""
    (span,) = below(recorder, lambda c: c.cursor().execute("SELECT a FROM t WHERE a = ?", ("x",)))
    assert span[:4] == ("SELECT t", "CLIENT", "UNSET", None)
    found = {key: value for key, value in span.attributes.items() if not key.startswith("code.")}
    assert found == {
        "db.system.name": "sqlite",
        "db.namespace": ":memory:",
        "db.query.text": "SELECT a FROM t WHERE a = ?",
        "db.query.summary": "SELECT t",
        "db.operation.name": "SELECT",
        "db.collection.name": "t",
    }
    assert span.attributes["code.file.path"] == __file__


def test_the_connections_own_methods_make_one_span_each(recorder: Recorder) -> None:
    """They work through a cursor themselves."""
    spans = below(
        recorder,
        lambda c: (
            c.execute("insert into t values ('secret', 5)"),
            c.executemany("insert into t values (?, ?)", [(1, 2), (3, 4), (5, 6)]),
            c.executescript("delete from t where a = 'secret'; delete from t"),
        ),
    )
    assert [span.name for span in spans] == ["insert t", "insert t", "delete t delete t"]
    assert spans[0].attributes["db.query.text"] == "insert into t values (?, ?)"
    assert spans[1].attributes["db.operation.batch.size"] == 3
    assert "secret" not in str(spans)


def test_a_failure_is_an_error_and_passes(recorder: Recorder) -> None:
    """No message; the driver's code where Python knows it."""

    def fail(connection: sqlite3.Connection) -> None:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            connection.execute("select * from nowhere")

    (span,) = below(recorder, fail)
    assert (span.status, span.description) == ("ERROR", None)
    assert span.attributes["error.type"] in ("SQLITE_ERROR", "sqlite3.OperationalError")


def test_connections_are_still_connections(recorder: Recorder) -> None:
    """Row factories, context managers, the app's own classes."""

    class Mine(sqlite3.Connection):
        pass

    with sqlite3.connect(":memory:", factory=Mine) as mine:
        assert type(mine) is Mine
    mine.close()
    connection = sqlite3.connect(":memory:")
    assert isinstance(connection, sqlite3.Connection)
    connection.row_factory = sqlite3.Row
    with connection:
        assert connection.execute("select 1 as one").fetchone()["one"] == 1
    connection.close()


def test_uninstrument_puts_connect_back() -> None:
    """And connections that are open go on working, without spans."""
    before = sqlite3.connect
    recorder = Recorder()
    ours.instrument(Settings(), tracer_provider=recorder.provider)
    connection = sqlite3.connect(":memory:")
    ours.uninstrument()
    assert sqlite3.connect is before
    with recorder.provider.get_tracer("t").start_as_current_span("parent"):
        connection.execute("select 1")
    connection.close()
    assert [span.name for span in recorder.take()] == ["parent"]
