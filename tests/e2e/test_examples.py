# SPDX-License-Identifier: Apache-2.0
"""The examples, traced into a real Jaeger and read back through its query API, span by span."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.example_apps import running_graphs, running_jokes, running_pulls
from tests.harness.example_traces import (
    graphs_scenario,
    jokes_scenario,
    pulls_scenario,
    visit_graphs,
)
from tests.harness.trace_tree import all_spans, check_all, trees_of_jaeger

if TYPE_CHECKING:
    from tests.harness.jaeger import Jaeger

pytestmark = pytest.mark.jaeger


@pytest.fixture(params=["http/protobuf", "grpc"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def environ(jaeger: Jaeger, protocol: str) -> dict[str, str]:
    """What a user sets to send to this Jaeger over this protocol."""
    if protocol == "grpc":
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": jaeger.otlp_grpc,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        }
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": jaeger.otlp_http}


@pytest.fixture
def prefix(protocol: str) -> str:
    """Keeps the services of the runs apart in the Jaeger that they share."""
    return "otlp-" + protocol.replace("/", "-") + "-"


def test_jokes(jaeger: Jaeger, environ: dict[str, str], prefix: str) -> None:
    """One trace across both services; the manual span with its attributes, its event and its exception."""
    with running_jokes(environ, prefix) as apps:
        steps = jokes_scenario(apps.jokes_url, prefix)
        statuses = [apps.front.get(step.path).status for step in steps]
    assert [step.status for step in steps] == statuses
    expected = [step.trace for step in steps]
    stored = jaeger.wait_for_spans(prefix + "front", len(all_spans(expected)))
    check_all(expected, trees_of_jaeger(stored))
    assert {prefix + "front", prefix + "jokes"} <= set(jaeger.services())


def test_pulls(jaeger: Jaeger, environ: dict[str, str], prefix: str) -> None:
    """The page's span and, below it, the call to the API with its full URL."""
    with running_pulls(environ, prefix) as apps:
        steps = pulls_scenario(apps.api_url, prefix)
        statuses = [apps.page.get(step.path).status for step in steps]
    assert [step.status for step in steps] == statuses
    expected = [step.trace for step in steps]
    stored = jaeger.wait_for_spans(prefix + "pulls", len(all_spans(expected)))
    check_all(expected, trees_of_jaeger(stored))


def test_graphs(jaeger: Jaeger, environ: dict[str, str], prefix: str) -> None:
    """Each page's span with the queries it made; the list from the cache makes fewer."""
    with running_graphs(environ, prefix) as browser:
        answers = visit_graphs(browser)
    steps = graphs_scenario(prefix)
    assert [step.status for step in steps] == [answer.status for answer in answers]
    expected = [step.trace for step in steps]
    stored = jaeger.wait_for_spans(prefix + "graphs", len(all_spans(expected)))
    check_all(expected, trees_of_jaeger(stored))
