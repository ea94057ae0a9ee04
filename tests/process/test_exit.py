# SPDX-License-Identifier: Apache-2.0
"""The end of a process costs next to nothing when nothing was traced, and at most the exit timeout otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend, status
from tests.harness.hole import Hole
from tests.harness.programs import free_port

if TYPE_CHECKING:
    from pathlib import Path

NO_SPAN = """
import threading

from opentelemetry import trace

trace.get_tracer("test")
print([thread.name for thread in threading.enumerate()])
"""
SPANS = """
from opentelemetry import trace

for number in range(600):
    with trace.get_tracer("test").start_as_current_span(f"span {number}"):
        pass
print("done")
"""
TWO_PROVIDERS = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

own = TracerProvider()
own.get_tracer("own").start_span("own").end()
with trace.get_tracer("test").start_as_current_span("span"):
    print("done")
own.shutdown()
"""


def test_nothing_happens_without_a_span(tmp_path: Path) -> None:
    """No thread, no request, no line, no delay."""
    with Backend() as backend:
        oracle, variables = Oracle(tmp_path), {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}
        run = oracle.check(NO_SPAN, variables, exit_cost_s=None)
        oracle.check_cost(run, NO_SPAN, variables, exit_cost_s=0.0)
        assert run.own_lines == ()
        assert backend.requests == []


@pytest.mark.parametrize(
    "kind", ["refused", "hole", "silent", "503", "trickle", "unresolvable", "throttled", "refuses for good"]
)
def test_no_backend_delays_the_end(kind: str, tmp_path: Path) -> None:
    """P2: 2 s at most, and one line with the numbers."""
    backends = {
        "silent": lambda: Backend("silent"),
        "503": lambda: Backend(status(503)),
        "trickle": lambda: Backend("trickle"),
        "throttled": lambda: Backend(status(429, retry_after="30")),
        "refuses for good": lambda: Backend(status(401)),
        "hole": Hole,
    }
    if kind in backends:
        with backends[kind]() as backend:  # type: ignore[no-untyped-call]
            check_end(tmp_path, backend.url)
    else:
        host = "backend.invalid" if kind == "unresolvable" else "127.0.0.1"
        check_end(tmp_path, f"http://{host}:{free_port()}")


def check_end(folder: Path, url: str) -> None:
    oracle, variables = Oracle(folder), {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
    run = oracle.check(SPANS, variables, exit_cost_s=None)
    oracle.check_cost(run, SPANS, variables, exit_cost_s=2.0)
    assert run.own_lines[-1].startswith("otel-distro: spans made 600, sent 0, dropped 600 (")
    assert run.own_lines[-1].endswith(f" {url})")
    assert len(run.own_lines) <= 3


def test_an_apps_own_provider_is_its_own(tmp_path: Path) -> None:
    """The SDK's providers work beside ours."""
    with Backend() as backend:
        Oracle(tmp_path).check(TWO_PROVIDERS, {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None)
        assert [span.name for span in backend.spans()] == ["span"]
