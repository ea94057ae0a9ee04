# SPDX-License-Identifier: Apache-2.0
"""F42: with stdout or stderr closed or full the app ends as without us, whatever we would have to say."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.harness.programs import OURS, environment, free_port

PROGRAM = """
from opentelemetry import trace

with trace.get_tracer("test").start_as_current_span("span"):
    pass
"""


@pytest.mark.parametrize("redirect", ["2>/dev/full", "2>&-", ">&- 2>&-", ">/dev/full 2>/dev/full", "<&- >&- 2>&-"])
def test_the_status_stays(redirect: str) -> None:
    """The backend refuses, so that there are lines to print."""
    environ = environment({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"})
    statuses = [
        subprocess.run(
            ["/bin/sh", "-c", f'exec "$@" {redirect}', "sh", *launcher, sys.executable, "-c", PROGRAM],
            env=environ,
            timeout=30,
            check=False,
        ).returncode
        for launcher in ([], OURS)
    ]
    assert statuses == [0, 0]
