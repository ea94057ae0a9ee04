# SPDX-License-Identifier: Apache-2.0
"""From dot text to a picture, with the `dot` command of Graphviz."""

import os
import random
import shutil
import subprocess
import time

TIME_LIMIT_S = 10


class GraphvizMissingError(Exception):
    """This machine has no `dot` command."""


class DrawingError(Exception):
    """Graphviz did not accept the text; the message says why."""


def draw(source):
    """Return the PNG of a graph in the dot language."""
    wait_for_a_free_pen()
    dot = shutil.which("dot")
    if dot is None:
        raise GraphvizMissingError
    try:
        run = subprocess.run(
            [dot, "-Tpng"],
            input=source.encode(),
            capture_output=True,
            timeout=TIME_LIMIT_S,
            # With SERVER_NAME set, Graphviz reads no files: the text comes from a web page.
            env={**os.environ, "SERVER_NAME": "graphs"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DrawingError(f"Graphviz took more than {TIME_LIMIT_S} seconds.") from None
    if run.returncode or not run.stdout:
        raise DrawingError(run.stderr.decode(errors="replace").strip() or "Graphviz made no picture.")
    return run.stdout


def wait_for_a_free_pen():
    """Stand in for a busy machine: sometimes quick, sometimes slow. The trace shows which it was."""
    time.sleep(random.uniform(0.05, 0.4))
