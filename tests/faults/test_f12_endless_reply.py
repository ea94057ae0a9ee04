# SPDX-License-Identifier: Apache-2.0
"""F12: of a reply no more than 4 MiB is ever held, and the batch is not sent again."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest

from tests.harness.backend import Backend, huge, status

PROGRAM = """
    import resource, sys
    from otel_distro.exporters.retry import Delivered, Refused
    from otel_distro.runtime.deadline import Deadline
    from tests.harness.delivering import otlp_exporter
    from tests.harness.spans import spans

    made = spans(5)
    exporter = otlp_exporter("http/protobuf", sys.argv[1])
    assert isinstance(exporter.export_once(made, Deadline(5)), Delivered)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = exporter.export_once(made, Deadline(20))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert outcome == Refused("the reply is over the limit of what is read", "response_too_large"), outcome
    unit = 1 if sys.platform == "darwin" else 1024
    assert (after - before) * unit <= 8 * 1024 * 1024, (before, after)
"""


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param(huge(1 << 30), id="a declared gigabyte"),
        pytest.param(huge(None), id="endless"),
        pytest.param("gzip_bomb", id="bomb"),
        pytest.param(status(200, headers={"Content-Length": "99999999999999999999"}), id="a length beyond 64 bits"),
    ],
)
def test_memory_stays_and_nothing_is_sent_twice(mode: Any) -> None:
    with Backend("ok", mode) as backend:
        program = [sys.executable, "-c", textwrap.dedent(PROGRAM), backend.traces_url]
        subprocess.run(program, check=True, timeout=40)
        assert len(backend.requests) == 2
