# SPDX-License-Identifier: Apache-2.0
"""`otel-distro clean [--all]`: forget the traces; with --all everything that the viewer has written."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from otel_distro.cli.viewer_output import with_viewer
from otel_distro.settings import read_environ
from otel_distro.viewer.process import launch
from otel_distro.viewer.process.places import places

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from otel_distro.viewer.process.client import Client


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--all", action="store_true", help="also end the viewer and remove its token and log")


def main(arguments: argparse.Namespace) -> int:
    """Do it. Returns 0, or 1 when something could not be removed."""
    environ = read_environ()
    where = places(environ)
    if not arguments.all and launch.find(environ) is not None:
        return with_viewer(_clear)
    try:
        if arguments.all:
            launch.stop(environ)
        removed = [directory for directory in _folders(where.traces, where.state, arguments.all) if directory.exists()]
        for directory in removed:
            shutil.rmtree(directory)
            sys.stderr.write(f"otel-distro: removed {directory}\n")
    except (OSError, launch.ViewerError) as error:
        sys.stderr.write(f"otel-distro: error: {error}\n")
        return 1
    return 0


def _clear(client: Client) -> int:
    client.post("/api/ui/clear")
    sys.stderr.write("otel-distro: all traces are forgotten\n")
    return 0


def _folders(traces: Path, state: Path, everything: bool) -> list[Path]:
    return [traces, state] if everything else [traces]
