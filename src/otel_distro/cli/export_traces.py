# SPDX-License-Identifier: Apache-2.0
"""`otel-distro export FILE [QUERY]`: traces as OTLP in JSON, one trace per line, or as Jaeger's JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from otel_distro.cli.viewer_output import NOTHING_FOUND, with_viewer

if TYPE_CHECKING:
    import argparse

    from otel_distro.viewer.process.client import Client


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", help="to be written; - is standard output")
    parser.add_argument("query", nargs="*", help="as for `otel-distro traces`; without one, the newest traces")
    parser.add_argument("-n", type=int, default=100, metavar="N", help="how many traces, 100 by default, at most 500")
    parser.add_argument("--format", choices=("otlp", "jaeger"), default="otlp")


def main(arguments: argparse.Namespace) -> int:
    """Write them. Returns 0, 1 when there is none or the file cannot be written, 3 when no viewer runs."""
    return with_viewer(lambda client: _export(client, arguments))


def _export(client: Client, arguments: argparse.Namespace) -> int:
    listed = client.get("/api/ui/traces", q=" ".join(arguments.query), limit=arguments.n)["traces"]
    if not listed:
        sys.stderr.write("otel-distro: no trace matches\n")
        return NOTHING_FOUND
    form = arguments.format
    traces = [client.get(f"/api/ui/traces/{one['id']}/export", format=form) for one in listed]
    text = _written(traces, form)
    if arguments.file == "-":
        sys.stdout.write(text)
        return 0
    try:
        with open(arguments.file, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        sys.stderr.write(f"otel-distro: cannot write {arguments.file}: {error.strerror}\n")
        return 1
    sys.stderr.write(f"otel-distro: {len(traces)} traces written to {arguments.file}\n")
    return 0


def _written(traces: list[Any], form: str) -> str:
    if form == "jaeger":
        return json.dumps({"data": [one for trace in traces for one in trace["data"]]}) + "\n"
    return "".join(json.dumps(trace) + "\n" for trace in traces)
