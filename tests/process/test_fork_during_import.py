# SPDX-License-Identifier: Apache-2.0
"""A fork in the middle of an import by another thread: the child can import that module, where CPython hangs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.harness.backend import Backend
from tests.harness.programs import OURS, environment

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import os
import sys
import threading
import time

import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12, about the program's own threads

from opentelemetry import trace

with trace.get_tracer("test").start_as_current_span("parent"):
    pass
importing = threading.Thread(target=__import__, args=("slow",))
importing.start()
time.sleep(0.2)
pid = os.fork()
if pid == 0:
    import slow

    assert slow.finished
    with trace.get_tracer("test").start_as_current_span("child"):
        pass
    sys.exit(0)
importing.join()
print(os.waitpid(pid, 0)[1], sys.modules["slow"].finished)
"""


def test_the_child_imports_it_again(tmp_path: Path) -> None:
    """Our worker may be that thread: it imports on its first export."""
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.5)\nfinished = True\n")
    (tmp_path / "program.py").write_text(PROGRAM)
    with Backend() as backend:
        done = subprocess.run(
            [*OURS, sys.executable, "program.py"],
            cwd=tmp_path,
            env=environment({"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "0 True\n", "")
        assert {span.name for span in backend.spans()} == {"parent", "child"}
