# SPDX-License-Identifier: Apache-2.0
"""The examples under `otel-distro-run`, with nothing else running: they work, and their spans arrive."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.harness.backend import Backend
from tests.harness.example_apps import free_port, running_front, running_graphs, running_jokes, running_pulls
from tests.harness.example_traces import (
    graphs_scenario,
    jokes_scenario,
    messages_of,
    pulls_scenario,
    visit_graphs,
)
from tests.harness.trace_tree import check_all, trees_of_backend

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def backend() -> Iterator[Backend]:
    with Backend() as server:
        yield server


def test_jokes(backend: Backend) -> None:
    """Two Flask services give one trace; the span written by hand is in it, and none arrives twice."""
    with running_jokes({"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}) as apps:
        steps = jokes_scenario(apps.jokes_url)
        statuses = [apps.front.get(step.path).status for step in steps]
    assert [step.status for step in steps] == statuses
    check_all([step.trace for step in steps], trees_of_backend(backend.spans()))


def test_joke_service_stopped(backend: Backend) -> None:
    """Front says that the joke service is not there, and the trace shows where the trouble began."""
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}
    with running_front(environ, jokes_url=f"http://127.0.0.1:{free_port()}") as front:
        answer = front.get("/")
    assert (503, True) == (answer.status, "joke service is not running" in answer.text)
    (root,) = trees_of_backend(backend.spans())
    assert ("GET /", "ERROR", "503") == (root.name, root.status, root.attributes["error.type"])
    (call,) = root.children
    assert ("GET", "client", "ERROR") == (call.name, call.kind, call.status)
    assert "http.response.status_code" not in call.attributes


def test_pulls(backend: Backend) -> None:
    """The page shows what the API lists; its span has the call below it."""
    with running_pulls({"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}) as apps:
        steps = pulls_scenario(apps.api_url)
        answers = [apps.page.get(step.path) for step in steps]
    assert [step.status for step in steps] == [answer.status for answer in answers]
    assert "Dim slowly instead of at once" in answers[0].text
    assert "Stop reading the sensor twice" not in answers[0].text  # closed
    assert "Stop reading the sensor twice" in answers[1].text
    check_all([step.trace for step in steps], trees_of_backend(backend.spans()))


def test_graphs(backend: Backend) -> None:
    """Accounts, list and graph page work, with Graphviz or with a message that it is missing."""
    with running_graphs({"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}) as browser:
        answers = visit_graphs(browser)
    steps = graphs_scenario()
    assert [step.status for step in steps] == [answer.status for answer in answers]
    assert "came from the database" in answers[3].text
    assert "came from the cache" in answers[4].text
    (message,) = messages_of(answers[6].text)
    if shutil.which("dot"):
        assert message == "Drawn."
    else:
        assert "Graphviz is not installed on this machine" in message
    assert backend.duplicates() == []
    check_all([step.trace for step in steps], trees_of_backend(backend.spans()))
