# SPDX-License-Identifier: Apache-2.0
"""The `otel-distro` sub-commands: arguments and printing only. Standard library."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from otel_distro import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

# sub-command -> (module, one line of help); each module has add_arguments(parser) and main(arguments) -> int
COMMANDS = {
    "config": ("otel_distro.cli.config", "every value with its origin, and what is wrong with them"),
    "ui": ("otel_distro.cli.ui", "the viewer on this machine: start, stop, status, open, url"),
    "traces": ("otel_distro.cli.traces", "search the viewer's traces"),
    "trace": ("otel_distro.cli.trace", "one trace as a tree: its id, or `last`"),
    "tail": ("otel_distro.cli.tail", "traces as they arrive"),
    "export": ("otel_distro.cli.export_traces", "write the viewer's traces to a file"),
    "import": ("otel_distro.cli.import_traces", "read traces from a file into the viewer"),
    "clean": ("otel_distro.cli.clean", "remove the viewer's traces"),
}
_EPILOG = "`otel-distro run ...` is otel-distro-run."


def main(words: Sequence[str]) -> int:
    """Run one sub-command. Returns its exit status; usage errors exit with 2."""
    parser = argparse.ArgumentParser(prog="otel-distro", description="Zero-code tracing.", epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"otel-distro {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")
    commands.add_parser("run", help="start a command traced", add_help=False)
    if words and not words[0].startswith("-") and words[0] not in (*COMMANDS, "run"):
        import difflib

        near = difflib.get_close_matches(words[0], COMMANDS, 1)
        tip = f"; a similar command exists: {near[0]}" if near else ""
        sys.stderr.write(f"error: unknown command {words[0]}{tip}\nTry 'otel-distro --help'\n")
        return 2
    modules = {}
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if words[:1] == [name]:
            modules[name] = import_module(module)
            modules[name].add_arguments(command)
    arguments = parser.parse_args(words)
    if arguments.command is None:
        parser.print_help()
        return 2
    status: int = modules[arguments.command].main(arguments)
    return status
