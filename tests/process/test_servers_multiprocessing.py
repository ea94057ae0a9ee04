# SPDX-License-Identifier: Apache-2.0
"""multiprocessing: what children trace arrives exactly once, by whatever method they are started."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.harness.backend import Backend
from tests.harness.programs import LAUNCHER, UPSTREAM, environment, sending_to

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import multiprocessing
import os
import sys

from opentelemetry import trace


def work(name):
    with trace.get_tracer("test").start_as_current_span(name):
        return os.getpid()


if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with trace.get_tracer("test").start_as_current_span("parent"):
        processes = [context.Process(target=work, args=(f"process {n}",)) for n in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        pool = context.Pool(2)
        pool.map(work, [f"item {n}" for n in range(4)], chunksize=1)
        pool.close()
        pool.join()
    print([process.exitcode for process in processes])
"""


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_spans_of_children_arrive_once(method: str, tmp_path: Path) -> None:
    """Three processes and a pool of two over four items: seven spans and the parent's, each once."""
    (tmp_path / "program.py").write_text(PROGRAM)
    expected = Counter(
        ["parent", *(f"process {number}" for number in range(3)), *(f"item {number}" for number in range(4))]
    )
    with Backend() as backend:
        done = subprocess.run(
            [*LAUNCHER, sys.executable, "program.py", method],
            cwd=tmp_path,
            env=environment(sending_to(backend.url)),
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )
        assert (done.stdout, done.returncode) == ("[0, 0, 0]\n", 0), done.stderr
        assert UPSTREAM or done.stderr == ""
        assert Counter(span.name for span in backend.spans()) == expected
        assert backend.duplicates() == []
