# SPDX-License-Identifier: Apache-2.0
"""Literals are removed from SQL, and statements are summarised, in every dialect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.instrumentation import sql


@pytest.mark.parametrize(
    ("text", "summary", "operation", "collection"),
    [
        ("SELECT * FROM songs, artists WHERE id = 1", "SELECT songs artists", "SELECT", None),
        ("select a from t", "select t", "select", "t"),
        ("SELECT a FROM t1 AS x, t2 y WHERE a, b = 3", "SELECT t1 t2", "SELECT", None),
        ('SELECT "u"."id" FROM "u" INNER JOIN "g" ON ("u"."g" = "g"."id")', "SELECT u g", "SELECT", None),
        ("SELECT EXTRACT(YEAR FROM d) FROM t", "SELECT t", "SELECT", "t"),
        ("SELECT DISTINCT a FROM t FOR UPDATE", "SELECT t", "SELECT", "t"),
        ("SELECT count(*) FROM (SELECT a FROM t) s", "SELECT t", None, None),
        ("insert into t (a, b) values (1, 2)", "insert t", "insert", "t"),
        ("INSERT INTO d (a) SELECT b FROM o", "INSERT d SELECT o", None, None),
        ("INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", "INSERT t", "INSERT", "t"),
        ('UPDATE "t" SET "a" = %s', "UPDATE t", "UPDATE", "t"),
        ('UPDATE "t" SET a = 1 WHERE id IN (SELECT id FROM "u")', "UPDATE t SELECT u", None, None),
        ("DELETE FROM s.t WHERE a = 1", "DELETE s.t", "DELETE", "s.t"),
        ('CREATE TABLE IF NOT EXISTS "foo" (id int)', "CREATE TABLE foo", "CREATE", "foo"),
        ("DROP TABLE a", "DROP TABLE a", "DROP", "a"),
        ("WITH x AS (SELECT a FROM b) SELECT * FROM x", "SELECT b SELECT x", None, None),
        ('SAVEPOINT "s1234_x1"', "SAVEPOINT", "SAVEPOINT", None),
        ("ROLLBACK TO SAVEPOINT s1", "ROLLBACK", "ROLLBACK", None),
        ("PRAGMA foreign_keys = ON", "PRAGMA foreign_keys", "PRAGMA", None),
        ("CALL proc(1)", "CALL proc", "CALL", None),
        ("/* why */ SELECT 1 -- FROM x", "SELECT", "SELECT", None),
        ("", "", None, None),
        ("gibberish", "", None, None),
    ],
)
def test_statements_are_summarised(text: str, summary: str, operation: str | None, collection: str | None) -> None:
    """Operations and targets in their order; names without quotes; savepoints without their number."""
    assert sql.statement(text) == (summary, operation, collection)


def test_a_summary_is_cut_between_words() -> None:
    """At most 255 characters."""
    tables = [f"table_{number:03}" for number in range(60)]
    summary = sql.statement("SELECT * FROM " + ", ".join(tables)).summary
    assert len(summary) <= 255
    assert summary.split() == ["SELECT", *tables[: len(summary.split()) - 1]]


@pytest.mark.parametrize(
    ("system", "text", "expected"),
    [
        ("sqlite", "WHERE a = 'x' AND b = 5", "WHERE a = ? AND b = ?"),
        ("sqlite", "'it''s' 1.5e3 .5 0xFF x'ff'", "? ? ? ? ?"),
        ("sqlite", 'SELECT "a 1"."b" FROM t1', 'SELECT "a 1"."b" FROM t1'),
        ("sqlite", "a = %s AND b = ? AND c = :name AND d = $1 AND e = %(x)s", None),
        ("postgresql", r"E'a\'b' $$x 'y$$ $tag$ 'z' $tag$ a::int", "? ? ? a::int"),
        ("postgresql", "SELECT 'c:\\' , x", "SELECT ? , x"),
        ("mysql", r"""SELECT "it\"s", 'it\'s x' FROM `a 1` # 'why'""", "SELECT ?, ? FROM `a 1`"),
        ("microsoft.sql_server", "SELECT [a'b] FROM [t] WHERE x = N'y'", "SELECT [a'b] FROM [t] WHERE x = ?"),
        ("sqlite", "SELECT 1 -- 'secret'\n/* 'secret' */ + 2", "SELECT ? \n + ?"),
        ("sqlite", "SELECT 'never closed", "SELECT ?"),
    ],
)
def test_literals_are_removed(system: str, text: str, expected: str | None) -> None:
    """Each dialect has its own quotes; placeholders and names stay."""
    assert sql.without_literals(text, system) == (text if expected is None else expected)


@given(
    st.text(st.characters(blacklist_characters="'\\", blacklist_categories=("Cs",)), min_size=3),
    st.sampled_from(["sqlite", "postgresql", "mysql", "oracle.db", "microsoft.sql_server", "other_sql"]),
)
def test_no_quoted_text_survives(secret: str, system: str) -> None:
    """Whatever stands between quotes."""
    marked = f"S3C{secret}R3T"
    assert "R3T" not in sql.without_literals(f"SELECT a FROM t WHERE b = '{marked}' AND c = 7", system)


@given(st.text(max_size=200))
def test_any_text_is_survived(text: str) -> None:
    """Statements of the app can be anything."""
    sql.statement(text)
    sql.without_literals(text)


def test_a_long_statement_is_cut() -> None:
    """No span holds a megabyte of SQL."""
    text = "SELECT a FROM t WHERE a IN (" + ", ".join(["%s"] * 100_000) + ")"
    assert len(sql.bounded(text)) == sql.MAX_TEXT
    assert len(sql.without_literals(text)) <= sql.MAX_TEXT
    assert sql.statement(text).summary == "SELECT t"
