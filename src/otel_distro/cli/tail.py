# SPDX-License-Identifier: Apache-2.0
"""`otel-distro tail [QUERY]`: traces as they come, until Ctrl-C."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from otel_distro.cli.viewer_output import style, with_viewer
from otel_distro.viewer.terminal import trace_line

if TYPE_CHECKING:
    import argparse

    from otel_distro.viewer.process.client import Client

_SHOWN_AT_FIRST = 5
_REMEMBERED = 5_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("query", nargs="*", help="as for `otel-distro traces`")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def main(arguments: argparse.Namespace) -> int:
    """Print them. Returns 130 after Ctrl-C, 3 when no viewer runs or it ends."""
    return with_viewer(lambda client: _follow(client, arguments))


def _follow(client: Client, arguments: argparse.Namespace) -> int:
    seen: dict[str, None] = {}
    how = style()
    for _ in client.changes():
        limit = 200 if seen else _SHOWN_AT_FIRST
        answer = client.get("/api/ui/traces", q=" ".join(arguments.query), limit=limit)
        for trace in reversed(answer["traces"]):
            if trace["id"] in seen:
                continue
            seen[trace["id"]] = None
            sys.stdout.write((json.dumps(trace) if arguments.json else trace_line(trace, how)) + "\n")
        sys.stdout.flush()
        while len(seen) > _REMEMBERED:
            del seen[next(iter(seen))]
    return 3
