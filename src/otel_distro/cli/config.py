# SPDX-License-Identifier: Apache-2.0
"""`otel-distro config show|check [--json]`: every value with its origin; problems only."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from otel_distro.settings import load, read_environ
from otel_distro.settings.reference import shown_values

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("what", choices=("show", "check"))
    parser.add_argument("--json", action="store_true", help="the same facts as JSON")


def main(arguments: argparse.Namespace) -> int:
    """Print what was read from the environment. Returns 1 when there is a problem and `check` was asked for."""
    environ = read_environ()
    _, problems = load(environ)
    shown = arguments.what == "show"
    facts: dict[str, Any] = {"problems": [str(problem) for problem in problems]}
    if shown:
        facts["values"] = {name: {"value": value, "origin": origin} for name, value, origin in shown_values(environ)}
    if arguments.json:
        sys.stdout.write(json.dumps(facts, indent=2) + "\n")
    else:
        if shown:
            for name, value, origin in shown_values(environ):
                sys.stdout.write(f"{name}={value}  ({origin})\n")
        for problem in problems:
            sys.stdout.write(f"{problem}\n")
        if not shown and not problems:
            sys.stdout.write("no problems\n")
    return 1 if problems and not shown else 0
