# SPDX-License-Identifier: Apache-2.0
"""F01: a backend that is not there costs the app nothing, and is asked at most once at the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend
from tests.harness.delivering import delivering
from tests.harness.programs import free_port
from tests.harness.spans import spans

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import time

from opentelemetry import trace

tracer = trace.get_tracer("test")
for number in range(200):
    with tracer.start_as_current_span(f"span {number}"):
        pass
time.sleep(0.5)
print("done")
"""


def test_the_app_does_not_notice(tmp_path: Path) -> None:
    """Same status and output, quick end, two lines that name the endpoint, the reason and the numbers."""
    url = f"http://127.0.0.1:{free_port()}"
    oracle, variables = Oracle(tmp_path), {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
    run = oracle.check(PROGRAM, variables, exit_cost_s=None)
    oracle.check_cost(run, PROGRAM, variables, exit_cost_s=0.3)
    first, last = run.own_lines
    assert first == f"otel-distro: cannot export to {url}: connection refused; spans wait"
    assert last == (f"otel-distro: spans made 200, sent 0, dropped 200 (connection refused {url})")


def test_spans_wait_until_it_is_there() -> None:
    """A backend that starts late gets everything once."""
    port = free_port()
    with delivering("http/protobuf", f"http://127.0.0.1:{port}/v1/traces") as processor:
        for span in spans(50):
            processor.on_end(span)
        time.sleep(0.3)
        with Backend(port=port) as backend:
            backend.wait_for(50)
            assert processor.force_flush(5000)  # its last reply has been read before the backend goes
            assert backend.duplicates() == []
    assert processor.balance().confirmed == 50
