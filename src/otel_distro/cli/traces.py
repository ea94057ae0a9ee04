# SPDX-License-Identifier: Apache-2.0
"""`otel-distro traces [QUERY] [-n N] [--json]`: one line per trace, newest first."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from otel_distro.cli.viewer_output import NOTHING_FOUND, style, with_viewer
from otel_distro.viewer.terminal import trace_line

if TYPE_CHECKING:
    import argparse

    from otel_distro.viewer.process.client import Client


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("query", nargs="*", help="e.g. service:shop 'duration>200ms' status:error http.route=/orders/")
    parser.add_argument("-n", type=int, default=20, metavar="N", help="how many, 20 by default, at most 500")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def main(arguments: argparse.Namespace) -> int:
    """Print them. Returns 0, 1 when there is none, 3 when no viewer runs."""
    return with_viewer(lambda client: _list(client, arguments))


def _list(client: Client, arguments: argparse.Namespace) -> int:
    answer = client.get("/api/ui/traces", q=" ".join(arguments.query), limit=arguments.n)
    if answer["problem"]:
        sys.stderr.write(f"otel-distro: {answer['problem']}\n")
    how = style()
    for trace in answer["traces"]:
        sys.stdout.write((json.dumps(trace) if arguments.json else trace_line(trace, how)) + "\n")
    if not answer["complete"]:
        sys.stderr.write("otel-distro: not all traces were looked through; narrow the query\n")
    return 0 if answer["traces"] else NOTHING_FOUND
