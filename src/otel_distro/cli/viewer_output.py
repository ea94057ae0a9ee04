# SPDX-License-Identifier: Apache-2.0
"""What the commands that ask the viewer share: its answer or the right exit status, and how the terminal is."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from otel_distro.settings import read_environ
from otel_distro.viewer.process.client import AnswerError, Client, NotRunningError
from otel_distro.viewer.terminal import Style

if TYPE_CHECKING:
    from collections.abc import Callable

NOTHING_FOUND = 1
NOT_RUNNING = 3


def with_viewer(run: Callable[[Client], int]) -> int:
    """Run something with the viewer. Returns its status, 1 when the viewer refuses, 3 when none runs."""
    try:
        return run(Client(read_environ()))
    except NotRunningError as error:
        sys.stderr.write(f"otel-distro: {error}\n")
        return NOT_RUNNING
    except AnswerError as error:
        sys.stderr.write(f"otel-distro: {error}\n")
        return NOTHING_FOUND
    except BrokenPipeError:
        sys.stderr.close()  # `| head` has enough; Python would complain while closing stdout
        return 0
    except KeyboardInterrupt:
        return 130


def style() -> Style:
    """How stdout can be written to. NO_COLOR and FORCE_COLOR are honoured."""
    environ = read_environ()
    terminal = sys.stdout.isatty()
    colour = bool(environ.get("FORCE_COLOR")) or (terminal and not environ.get("NO_COLOR"))
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    width = shutil.get_terminal_size((100, 24)).columns if terminal else 120
    return Style(unicode=encoding.startswith("utf"), colour=colour, width=min(width, 160))
