# SPDX-License-Identifier: Apache-2.0
"""`otel-distro import FILE`: traces from OTLP in JSON (one value, or one per line) or Jaeger's JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from otel_distro.cli.viewer_output import with_viewer

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from otel_distro.viewer.process.client import Client

_AT_ONCE = 8 * 1024 * 1024
_LONGEST = 16 * 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", help="to be read; - is standard input")


def main(arguments: argparse.Namespace) -> int:
    """Send them to the viewer. Returns 0, 1 when the file cannot be read or is refused, 3 when no viewer runs."""
    return with_viewer(lambda client: _import(client, arguments.file))


def _import(client: Client, name: str) -> int:
    accepted = rejected = 0
    try:
        data = sys.stdin.buffer.read() if name == "-" else _read(name)
    except OSError as error:
        sys.stderr.write(f"otel-distro: cannot read {name}: {error.strerror}\n")
        return 1
    for part in _parts(data):
        answer = client.post("/api/ui/import", part)
        accepted += answer["accepted"]
        rejected += answer["rejected"]
    refused = f", {rejected} refused (no valid id)" if rejected else ""
    sys.stderr.write(f"otel-distro: {accepted} spans read{refused}\n")
    return 0 if accepted else 1


def _read(name: str) -> bytes:
    with open(name, "rb") as file:
        return file.read()


def _parts(data: bytes) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time; a file that is one value goes as it is."""
    if len(data) <= _LONGEST:
        yield data
        return
    waiting: list[bytes] = []
    size = 0
    for line in data.splitlines(keepends=True):
        if waiting and size + len(line) > _AT_ONCE:
            yield b"".join(waiting)
            waiting, size = [], 0
        waiting.append(line)
        size += len(line)
    yield b"".join(waiting)
