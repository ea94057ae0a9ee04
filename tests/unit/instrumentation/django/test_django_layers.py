# SPDX-License-Identifier: Apache-2.0
"""Spans below a Django request: each layer by itself and all together."""

from __future__ import annotations

from typing import Any

import pytest

ALL = {"django_spans": ["all"]}


def test_layers_nest_as_django_calls_them(run: Any) -> None:
    """Middleware around middleware around the view; everything of the view below the view."""
    spans = run("deep", **ALL).cases["/deep"].spans
    parents = {span.name: span.parent for span in spans}
    assert parents["django.middleware.common.CommonMiddleware"] == "GET /deep"
    assert parents["__main__.plain_middleware.<locals>.middleware"] == "django.middleware.common.CommonMiddleware"
    assert parents["__main__.deep"] == "__main__.plain_middleware.<locals>.middleware"
    # whether BEGIN goes through a cursor is the backend's own business
    below_view = [span.name for span in spans if span.parent == "__main__.deep" and span.name != "BEGIN"]
    assert below_view == [
        "SELECT django_content_type",
        "INSERT django_content_type",
        "select django_content_type",
        "insert django_content_type",
        "select nowhere",
        "cache get",
        "cache get_or_set",
        "cache get",
        "signal",
        "render page.html",
    ]


def test_a_query_has_the_database_attributes(run: Any) -> None:
    """Parameterised text as it is, a summary, and the line of the user's code that asked."""
    (span,) = [
        span
        for span in run("deep", django_spans=["query"]).cases["/deep"].spans
        if span.name == "SELECT django_content_type"
    ]
    found = span.attributes
    assert (span.kind, span.status) == ("CLIENT", "UNSET")
    assert found["db.query.text"].endswith('"app_label" = %s AND "django_content_type"."id" IN (%s, %s))')
    wanted = {
        "db.system.name": "sqlite",
        "db.namespace": ":memory:",
        "db.operation.name": "SELECT",
        "db.collection.name": "django_content_type",
        "db.query.summary": "SELECT django_content_type",
        "code.function.name": "__main__.deep",
    }
    assert wanted == {key: found[key] for key in wanted}
    assert found["code.file.path"].endswith("django_child.py")
    assert "db.operation.batch.size" not in found


def test_literals_do_not_leave_the_process(run: Any) -> None:
    """A statement without parameters has its literals taken out."""
    spans = run("deep", **ALL).cases["/deep"].spans
    assert "secret-literal" not in str(spans)
    (span,) = [span for span in spans if span.name == "select django_content_type"]
    assert span.attributes["db.query.text"] == "select count(*) from django_content_type where app_label = ?"


def test_a_batch_says_its_size(run: Any) -> None:
    """executemany of two."""
    (span,) = [s for s in run("deep", **ALL).cases["/deep"].spans if s.name == "insert django_content_type"]
    assert span.attributes["db.operation.batch.size"] == 2


def test_a_failed_query_is_an_error(run: Any) -> None:
    """The driver's code, no message; the app's exception is the one it would have been."""
    found = run("deep", **ALL)
    (span,) = [span for span in found.cases["/deep"].spans if span.name == "select nowhere"]
    assert (span.status, span.description) == ("ERROR", None)
    assert span.attributes["error.type"] in ("SQLITE_ERROR", "django.db.utils.OperationalError")
    assert "OperationalError" in found.events


def test_queries_without_a_request_make_no_traces(run: Any) -> None:
    """P36: creating the schema left nothing."""
    assert run("deep", **ALL).cases["schema"].spans == []


def test_cache_calls_say_whether_they_hit_and_not_what_for(run: Any) -> None:
    """A key may be a session; calls inside calls are one span."""
    spans = [span for span in run("deep", **ALL).cases["/deep"].spans if span.name.startswith("cache")]
    assert [span.attributes.get("cache.hit") for span in spans] == [False, None, True]
    assert "session-secret" not in str(spans)


def test_views_are_named_by_their_code(run: Any) -> None:
    """Functions, classes and coroutines; what the app makes below belongs to them."""
    cases = run("deep", django_spans=["view"]).cases
    assert [span.name for span in cases["/page"].spans[-2:]] == ["__main__.Page", "GET /page"]
    view = cases["/async-user/1"].spans[-2]
    assert (view.name, view.attributes["code.function.name"]) == ("__main__.async_user", "__main__.async_user")
    assert ("in async view", "__main__.async_user") in [(s.name, s.parent) for s in cases["/async-user/1"].spans]


def test_an_exception_passes_through_all_layers_and_is_recorded_once(run: Any) -> None:
    """The view is an error too, but the event is on the server span."""
    case = run("deep", **ALL).cases["/boom"]
    (view,) = [span for span in case.spans if span.name == "__main__.boom"]
    assert (view.status, view.attributes["error.type"], view.events) == ("ERROR", "ValueError", [])
    assert [len(span.events) for span in case.spans if span.events] == [1]
    assert len(case.server.events) == 1


def test_signals_are_spans_when_asked_for(run: Any) -> None:
    """What a receiver does is below."""
    spans = run("deep", django_spans=["signal"]).cases["/deep"].spans
    assert ("in signal", "signal") in [(span.name, span.parent) for span in spans]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (["none"], {"GET /quick", "in middleware"}),
        ([], {"GET /quick", "in middleware", "cache get"}),
        (["views"], {"GET /quick", "in middleware", "__main__.quick"}),
    ],
)
def test_each_layer_has_its_switch(run: Any, wanted: list[str], names: set[str]) -> None:
    """Nothing named means the default layers."""
    assert {span.name for span in run("deep", django_spans=wanted).cases["/quick"].spans} == names


def test_an_unknown_layer_costs_one_line(run: Any) -> None:
    """The others work."""
    found = run("deep", django_spans=["vieuw", "cache"])
    assert found.stderr == "otel-distro: OTEL_DISTRO_DJANGO_SPANS=vieuw: no such layer; did you mean view?\n"
    assert "cache get" in {span.name for span in found.cases["/quick"].spans}


def test_short_spans_are_folded_into_their_parent(run: Any) -> None:
    """Under a minimum duration nothing is left of them but counts; what has children stays."""
    found = run("deep", django_spans=["all"], min_span_duration_s=30.0)
    quick = found.cases["/quick"]
    parents = {span.name: span.parent for span in quick.spans}
    assert "cache get" not in parents
    # the app's own span in the innermost middleware keeps the chain above it alive
    chain = ["__main__.plain_middleware.<locals>.middleware", "django.middleware.common.CommonMiddleware"]
    assert parents["in middleware"] == chain[0]
    assert parents[chain[0]] == chain[1]
    (innermost,) = [span for span in quick.spans if span.name == chain[0]]
    assert innermost.attributes["otel_distro.folded.view.count"] == 1
    assert innermost.attributes["otel_distro.folded.cache.count"] == 2
    assert innermost.attributes["otel_distro.folded.cache.duration"] > 0
    assert "select nowhere" in {span.name for span in found.cases["/deep"].spans}  # errors are never folded


def test_a_command_is_one_trace(run: Any) -> None:
    """P36: migrate is one root; check is none; an unknown command fails as it would have."""
    cases = run("commands", django_spans=[]).cases
    assert cases["check"].spans == []
    assert "CommandError" in cases["nonsense"].answer
    for command in ("migrate", "flush"):
        roots = [span for span in cases[command].spans if span.parent_id is None]
        assert [span.name for span in roots] == [f"manage.py {command}"]
        assert len(cases[command].spans) > 5


def test_statements_can_carry_their_trace(run: Any) -> None:
    """sqlcommenter by setting: the database sees a comment, the span shows the statement without it."""
    found = run("deep", django_spans=["query"], sqlcommenter=True)
    assert "/*" not in str([span.attributes for span in found.cases["/deep"].spans])
    (logged,) = [text for text in found.events if "traceparent" in text][:1]
    (span,) = [span for span in found.cases["/deep"].spans if span.name == "SELECT django_content_type"]
    assert f"/*traceparent='00-{span.trace_id:032x}-" in logged
