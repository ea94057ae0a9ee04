# SPDX-License-Identifier: Apache-2.0
"""`otel-distro trace ID|last [--json]`: one trace as a tree with bars, and what stands out in it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from otel_distro.cli.viewer_output import NOTHING_FOUND, style, with_viewer
from otel_distro.viewer.analysis import findings
from otel_distro.viewer.store.traces import Chunk, span_rows
from otel_distro.viewer.terminal import trace_tree

if TYPE_CHECKING:
    import argparse

    from otel_distro.viewer.process.client import Client


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("id", help="a trace id, the beginning of one, or `last`")
    parser.add_argument("--json", action="store_true", help="the spans as OTLP in JSON")


def main(arguments: argparse.Namespace) -> int:
    """Print it. Returns 0, 1 when there is no such trace, 3 when no viewer runs."""
    return with_viewer(lambda client: _show(client, arguments))


def _show(client: Client, arguments: argparse.Namespace) -> int:
    trace_id = _find(client, arguments.id.lower())
    if trace_id is None:
        sys.stderr.write(f"otel-distro: no trace {arguments.id!r}\n")
        return NOTHING_FOUND
    if arguments.json:
        sys.stdout.write(json.dumps(client.get(f"/api/ui/traces/{trace_id}/export")) + "\n")
        return 0
    answer = client.get(f"/api/ui/traces/{trace_id}")
    chunks = [Chunk(one["key"], one["offset"], json.dumps(one).encode()) for one in answer["chunks"]]
    analysis = findings.analyse(span_rows(chunks))
    for line in trace_tree(analysis, style()):
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"\n{client.running.url}trace/{trace_id}\n")
    return 0


def _find(client: Client, wanted: str) -> str | None:
    if len(wanted) == 32 and not wanted.strip("0123456789abcdef"):
        return wanted
    traces = client.get("/api/ui/traces", limit=1 if wanted == "last" else 500)["traces"]
    return next((str(one["id"]) for one in traces if wanted == "last" or one["id"].startswith(wanted)), None)
