# SPDX-License-Identifier: Apache-2.0
"""Trace a real Django app and print its traces (make demo).

Starts examples/django_graph, which has no tracing code, under `otel-distro-run`, uses it as a person would,
and shows what the console exporter prints. Takes about ten seconds and leaves nothing behind.
"""

from __future__ import annotations

import http.cookiejar
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "examples" / "django_graph"
START_TIMEOUT_S = 30.0
TRACE_TIMEOUT_S = 5.0
QUIET_S = 0.4

DURATION = re.compile(r" \d+(\.\d+)? (us|ms|s)\b")  # each line of a trace has one
LEFT_OUT = re.compile(
    r"\[\d\d/\w+/\d{4} |Not Found: "  # what runserver says about each request
    r"|otel-distro: (instrumented:|first) "  # what --verbose adds to the start-up line
)

SAMPLE = "digraph { rankdir=LR; browser -> shop -> {orders payments}; orders -> database }"
NEW_USER = {"username": "ada", "password1": "a-lovely-graph-9", "password2": "a-lovely-graph-9"}


def main() -> int:
    """Run the demonstration. Returns 0 when the app was used and its traces were seen."""
    with tempfile.TemporaryDirectory(prefix="otel-distro-demo-") as folder:
        environ = _environ(Path(folder))
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(migrate, cwd=PROJECT, env=environ, check=True, timeout=60)
        port = _free_port()
        _heading("A Django site without a line of tracing code: examples/django_graph")
        print(f"  OTEL_TRACES_EXPORTER=console otel-distro-run --verbose python manage.py runserver {port}")
        launcher = [sys.executable, "-m", "otel_distro.run", "--verbose"]
        command = [*launcher, sys.executable, "manage.py", "runserver", "--noreload", str(port)]
        with _running(command, environ, port) as lines:
            traces = _use(Browser(f"http://127.0.0.1:{port}"), lines)
    if not traces:
        print("\nThe app answered, but no trace was printed.", file=sys.stderr)
        return 1
    _where_to_look_next()
    return 0


def _use(browser: Browser, lines: queue.Queue[str]) -> int:
    """Sign up, list, draw. Returns how many traces were printed."""
    _show([line for line in _lines_until_quiet(lines, wait_s=QUIET_S) if line.startswith("otel-distro")])
    steps = [
        ("The log-in page", "/accounts/login/", None),
        ("The sign-up form", "/accounts/sign-up/", None),
        ("Sign up as ada", "/accounts/sign-up/", NEW_USER),
        (
            "Draw a graph; how long that takes is a matter of luck",
            "/",
            {"title": "Our shop", "source": SAMPLE},
        ),
        ("The list of pictures, from the database", "/", None),
        ("The same list, now from the cache", "/", None),
        ("A picture that does not exist", "/pictures/999/", None),
    ]
    traces = 0
    for title, path, form in steps:
        _heading(title)
        browser.open(path, form)
        printed = _lines_until_quiet(lines, wait_s=TRACE_TIMEOUT_S)
        _show(printed)
        traces += any(DURATION.search(line) for line in printed)
    if not shutil.which("dot"):
        print("\n  Graphviz is not installed here: the page said so, and everything else works.")
    return traces


class Browser:
    """Keeps cookies and sends the CSRF token with each form."""

    def __init__(self, base_url: str):
        self._base_url = base_url
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _NoRedirect, urllib.request.HTTPCookieProcessor(self._cookies)
        )

    def open(self, path: str, form: dict[str, str] | None = None) -> int:
        """GET a page, or POST a form to it. Returns the status of the answer."""
        body = None
        if form is not None:
            token = next((cookie.value for cookie in self._cookies if cookie.name == "csrftoken"), None) or ""
            body = urllib.parse.urlencode({**form, "csrfmiddlewaretoken": token}).encode()
        try:
            with self._opener.open(self._base_url + path, data=body, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:  # redirects and the page that does not exist
            with error:
                return error.code


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is a request of its own; here each step is one request, so that it gives one trace."""

    def redirect_request(self, *_args: object, **_options: object) -> None:
        return None


def _environ(folder: Path) -> dict[str, str]:
    """The caller's environment without its tracing settings, with a database of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return {
        **kept,
        "GRAPHS_DATABASE": str(folder / "db.sqlite3"),
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        # the development venv has this package, the example does not ask for it: Django's queries are enough
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "sqlite3",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@contextmanager
def _running(command: list[str], environ: dict[str, str], port: int) -> Iterator[queue.Queue[str]]:
    """Start the server and yield what it writes, line by line; stop it with Ctrl-C."""
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    lines: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    try:
        _wait_until_listening(process, port, lines)
        yield lines
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        reader.join(5)
        if process.stdout:
            process.stdout.close()


def _read(process: subprocess.Popen[bytes], lines: queue.Queue[str]) -> None:
    if process.stdout:
        for line in process.stdout:
            lines.put(line.decode(errors="replace").rstrip())


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, lines: queue.Queue[str]) -> None:
    ends = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    _show(_lines_until_quiet(lines, wait_s=QUIET_S))
    raise SystemExit("The example does not start; its output is above.")


def _lines_until_quiet(lines: queue.Queue[str], wait_s: float) -> list[str]:
    """Wait up to wait_s for a trace, then until nothing more comes."""
    found: list[str] = []
    ends = time.monotonic() + wait_s
    while True:
        line = _next(lines)
        if line is not None:
            found.append(line)
        elif any(DURATION.search(line) for line in found) or time.monotonic() > ends:
            return found


def _next(lines: queue.Queue[str]) -> str | None:
    try:
        return lines.get(timeout=QUIET_S)
    except queue.Empty:  # quiet
        return None


def _show(lines: list[str]) -> None:
    for line in lines:
        if line and not LEFT_OUT.match(line):
            print("  " + line)


def _heading(text: str) -> None:
    bold, plain = ("\033[1m", "\033[0m") if _has_colour() else ("", "")
    print(f"\n{bold}{text}{plain}", flush=True)


def _has_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _where_to_look_next() -> None:
    _heading("Where to look next")
    print("  your own app         otel-distro-run python manage.py runserver     (README.md)")
    print("  a first project      docs/tutorials/first-trace.md")
    print("  two services         examples/flask_jokes")
    print("  traces in Jaeger     examples/jaeger, with Docker; 'make jaeger' builds one with Go")


if __name__ == "__main__":
    sys.exit(main())
