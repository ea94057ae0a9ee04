# SPDX-License-Identifier: Apache-2.0
"""docs/reference/spans.md tells the truth: the examples emit what it lists, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts import spans_reference as reference
from tests.harness.backend import Backend
from tests.harness.example_apps import running_graphs, running_jokes, running_pulls
from tests.harness.example_traces import visit_graphs

if TYPE_CHECKING:
    from tests.harness.backend import RecordedSpan

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "spans.md"
SCOPE = "otel_distro.instrumentation."
EVERYTHING = {
    "OTEL_DISTRO_DJANGO_SPANS": "all",
    "OTEL_DISTRO_FLASK_SPANS": "all",
    "OTEL_DISTRO_TRACE_FUNCTIONS": "graphs.drawing:wait_for_a_free_pen,parsing:*",
}


def test_the_page_is_up_to_date() -> None:
    """`make docs` would change nothing."""
    assert reference.markdown() == PAGE.read_text(), "run `make docs`"


@pytest.fixture(scope="module")
def emitted() -> list[RecordedSpan]:
    """What first-party instrumentation emits in all three examples, with every layer on."""
    with Backend() as backend:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, **EVERYTHING}
        with running_graphs(environ) as browser:
            visit_graphs(browser)
        with running_jokes(environ) as apps:
            for path in ("/", "/jokes/99", "/compute?limit=100", "/nowhere"):
                apps.front.get(path)
        with running_pulls(environ) as pulls:
            pulls.page.get("/")
        return [span for span in backend.spans() if span.scope.startswith(SCOPE)]


def kind_of(span: RecordedSpan) -> reference.Kind:
    found = span.attributes
    for key, kind in (
        ("db.system.name", reference.QUERY),
        ("url.full", reference.CLIENT),
        ("url.path", reference.SERVER),
        ("process.executable.name", reference.PROGRAM),
        ("template.engine", reference.TEMPLATE),
        ("cache.operation", reference.CACHE),
        ("django.signal.name", reference.SIGNAL),
        ("django.command.name", reference.COMMAND),
        ("flask.command.name", reference.COMMAND),
        ("flask.phase", reference.HOOK),
    ):
        if key in found:
            return kind
    return reference.VIEW


def test_everything_emitted_is_on_the_page(emitted: list[RecordedSpan]) -> None:
    """No attribute without a row."""
    unknown = set()
    for span in emitted:
        kind = kind_of(span)
        listed = {row.name for row in kind.attributes}
        families = tuple(name.partition("NAME")[0] for name in listed if name.endswith(".NAME"))
        unknown |= {
            (kind.title, name)
            for name in span.attributes
            if name not in listed and not (families and name.startswith(families))
        }
    assert unknown == set()


def test_what_is_always_there_is(emitted: list[RecordedSpan]) -> None:
    """Every span has what its kind promises."""
    for span in emitted:
        kind = kind_of(span)
        promised = {row.name for row in kind.attributes if row.when.startswith(reference.ALWAYS)}
        assert promised <= set(span.attributes), (kind.title, span.name)


def test_the_examples_show_every_layer(emitted: list[RecordedSpan]) -> None:
    """The graph page: middleware, view, queries, cache, template, signals and the function; Flask's page likewise."""
    titles = {kind_of(span).title for span in emitted}
    assert {"Server", "View, middleware, function", "Database query", "Outgoing request"} <= titles
    assert {"Template", "Cache call", "Signal"} <= titles
    names = {span.name for span in emitted}
    assert "graphs.drawing.wait_for_a_free_pen" in names
    assert "django.contrib.sessions.middleware.SessionMiddleware" in names
    assert any(name.startswith("parsing.") for name in names)
