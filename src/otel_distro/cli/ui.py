# SPDX-License-Identifier: Apache-2.0
"""`otel-distro ui [start|stop|status|open|url|serve]`: the viewer on this machine."""

from __future__ import annotations

import json
import sys
import webbrowser
from typing import TYPE_CHECKING

from otel_distro.settings import read_environ
from otel_distro.viewer.process import launch, serve, token
from otel_distro.viewer.process.client import AnswerError, Client, NotRunningError
from otel_distro.viewer.process.places import places

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from otel_distro.viewer.process.record import Running

NOT_RUNNING = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments. Options of `start` are those of the viewer's process."""
    parser.add_argument(
        "what",
        nargs="?",
        default="start",
        choices=("start", "stop", "status", "open", "url", "serve"),
        help="start it (the default), end it, say whether it runs, open its pages, print their address with the token,"
        " or serve in the foreground",
    )
    parser.add_argument("--json", action="store_true", help="status as JSON")
    serve.add_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Do it. Returns 0; 1 when it failed; 3 when no viewer runs and one is needed."""
    environ = read_environ()
    try:
        if arguments.what == "serve":
            return serve.main(arguments, places(environ))
        if arguments.what == "stop":
            stopped = launch.stop(environ)
            _say("stopped" if stopped else "no viewer was running")
            return 0
        if arguments.what == "start":
            running, started = launch.ensure(environ, _options(arguments))
            _say("started" if started else "a viewer runs already")
            sys.stdout.write(address(environ, running) + "\n")
            return 0
    except launch.ViewerError as error:
        _say(f"error: {error}")
        return 1
    return _about(arguments, environ)


def address(environ: Mapping[str, str], running: Running) -> str:
    """The pages' address, with the token that lets a browser in."""
    secret = token.read(places(environ).token)
    return f"{running.url}?t={secret}" if secret else running.url


def _about(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    running = launch.find(environ)
    if running is None:
        if arguments.what == "status" and arguments.json:
            sys.stdout.write('{"running": false}\n')
        else:
            _say("no viewer runs; start it with: otel-distro ui start")
        return NOT_RUNNING
    if arguments.what == "url":
        sys.stdout.write(address(environ, running) + "\n")
        return 0
    if arguments.what == "open":
        if not webbrowser.open(address(environ, running)):
            _say("no browser could be opened; this is the address:")
            sys.stdout.write(address(environ, running) + "\n")
            return 1
        return 0
    return _status(arguments.json, environ, running)


def _status(as_json: bool, environ: Mapping[str, str], running: Running) -> int:
    try:
        facts = Client(environ).get("/api/ui/status")
    except (NotRunningError, AnswerError) as error:
        _say(f"error: {error}")
        return NOT_RUNNING
    if as_json:
        more = {"running": True, "pid": running.pid, "version": running.version, "url": running.url}
        sys.stdout.write(json.dumps({**more, **facts}, indent=2) + "\n")
        return 0
    ports = ", ".join(f"{name} {port}" for name, port in sorted(facts["ports"].items()) if name != "ui")
    where = "in memory" if facts["in_memory"] else f"in {places(environ).traces}"
    sys.stdout.write(f"{running.url}  process {running.pid}, version {running.version}\n")
    sys.stdout.write(f"receives on {ports}\n")
    sys.stdout.write(
        f"{facts['traces']} traces, {facts['size_bytes'] // 1048576} of {facts['max_bytes'] // 1048576} MB {where};"
        f" {facts['evicted_traces']} dropped to make room\n"
    )
    for problem in facts["problems"]:
        sys.stdout.write(f"problem: {problem}\n")
    return 0


def _options(arguments: argparse.Namespace) -> list[str]:
    """The viewer's options that were given, for its own command line."""
    words = sys.argv[1:]
    at = words.index("ui") + 1 if "ui" in words else 0
    given = [word for word in words[at:] if word not in ("start", "--json")]
    return given if arguments.what == "start" else []


def _say(text: str) -> None:
    sys.stderr.write(f"otel-distro: {text}\n")
