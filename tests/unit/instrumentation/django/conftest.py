# SPDX-License-Identifier: Apache-2.0
"""Django's settings are for a whole process, so each scenario runs in one of its own."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.harness.span_recorder import PlainSpan

CHILD = Path(__file__).with_name("django_child.py")


class Case(NamedTuple):
    """One request. answer: what came back, as text."""

    answer: str
    spans: list[PlainSpan]

    @property
    def server(self) -> PlainSpan:
        (span,) = [span for span in self.spans if span.kind == "SERVER"]
        return span


class Run(NamedTuple):
    """One scenario."""

    cases: dict[str, Case]
    events: list[str]
    middleware: list[str]
    stderr: str


@functools.cache
def _run(scenario: str, settings: str) -> Run:
    done = subprocess.run(
        [sys.executable, str(CHILD), settings, scenario], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    cases = {
        name: Case(case["answer"], [PlainSpan(**span) for span in case["spans"]])
        for name, case in found["results"].items()
    }
    return Run(cases, found["events"], found["middleware"], done.stderr)


@pytest.fixture
def run() -> Any:
    """run(scenario, **instrumentation settings): a Run, from memory the second time. No layers by default."""
    return lambda scenario, **settings: _run(scenario, json.dumps({"django_spans": ["none"], **settings}))
