# SPDX-License-Identifier: Apache-2.0
"""The apps of examples/, started as their READMEs say, and a browser to use them with.

    with running_jokes({"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}) as apps:
        assert 200 == apps.front.get("/").status

Every app runs under `otel-distro-run` in a process group of its own, which is stopped in the end. Services
are named "<prefix>front" and so on, so that several runs can share one backend. What the apps' traces must
look like is in example_traces.py.
"""

from __future__ import annotations

import http.cookiejar
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
LAUNCHER = [sys.executable, "-m", "otel_distro.run"]
START_TIMEOUT_S = 30.0


class Answer(NamedTuple):
    """What a page said. location: of a redirect, else ""."""

    status: int
    text: str
    location: str


class Browser:
    """Keeps cookies, does not follow redirects, sends the CSRF token with each POST."""

    def __init__(self, base_url: str):
        self.base_url = base_url
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _NoRedirect, urllib.request.HTTPCookieProcessor(self._cookies)
        )

    def get(self, path: str) -> Answer:
        return self._open(urllib.request.Request(self.base_url + path))

    def post(self, path: str, form: Mapping[str, str]) -> Answer:
        token = next((cookie.value for cookie in self._cookies if cookie.name == "csrftoken"), None) or ""
        body = urllib.parse.urlencode({**form, "csrfmiddlewaretoken": token}).encode()
        return self._open(urllib.request.Request(self.base_url + path, data=body))

    def _open(self, request: urllib.request.Request) -> Answer:
        try:
            with self._opener.open(request, timeout=20) as response:
                return Answer(response.status, response.read().decode(errors="replace"), "")
        except urllib.error.HTTPError as error:
            with error:
                location = error.headers.get("Location", "")
                return Answer(error.code, error.read().decode(errors="replace"), location)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object, **_options: object) -> None:
        return None


@contextmanager
def running_graphs(environ: Mapping[str, str], prefix: str = "") -> Iterator[Browser]:
    """examples/django_graph with a fresh database, under runserver."""
    with tempfile.TemporaryDirectory(prefix="graphs-") as folder:
        project = EXAMPLES / "django_graph"
        environ = {
            "OTEL_DISTRO_DJANGO_SPANS": "default,view",
            **environ,
            "GRAPHS_DATABASE": str(Path(folder) / "db.sqlite3"),
            "OTEL_SERVICE_NAME": prefix + "graphs",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity=0"],
            cwd=project,
            env=_with_path({**environ, "OTEL_SDK_DISABLED": "true"}),
            timeout=60,
            check=True,
        )
        port = free_port()
        command = [*LAUNCHER, sys.executable, "manage.py", "runserver", "--noreload", str(port)]
        with _running(command, project, environ, port) as url:
            yield Browser(url)


class Jokes(NamedTuple):
    """The two services of examples/flask_jokes."""

    front: Browser
    jokes_url: str


@contextmanager
def running_jokes(environ: Mapping[str, str], prefix: str = "") -> Iterator[Jokes]:
    """Both services of examples/flask_jokes."""
    port = free_port()
    jokes = {**environ, "OTEL_SERVICE_NAME": prefix + "jokes"}
    with ExitStack() as stack:
        jokes_url = stack.enter_context(_running(_flask("jokes", port), EXAMPLES / "flask_jokes", jokes, port))
        yield Jokes(stack.enter_context(running_front(environ, jokes_url, prefix)), jokes_url)


@contextmanager
def running_front(environ: Mapping[str, str], jokes_url: str, prefix: str = "") -> Iterator[Browser]:
    """The front service of examples/flask_jokes alone."""
    port = free_port()
    front = {**environ, "OTEL_SERVICE_NAME": prefix + "front", "JOKES_URL": jokes_url}
    with _running(_flask("front", port), EXAMPLES / "flask_jokes", front, port) as url:
        yield Browser(url)


class Pulls(NamedTuple):
    """The page of examples/flask_pulls and the stub behind it."""

    page: Browser
    api_url: str


@contextmanager
def running_pulls(environ: Mapping[str, str], prefix: str = "") -> Iterator[Pulls]:
    """The page of examples/flask_pulls and its stub."""
    folder = EXAMPLES / "flask_pulls"
    with ExitStack() as stack:
        api_port, port = free_port(), free_port()
        stub = [sys.executable, "api_stub.py", str(api_port)]
        api_url = stack.enter_context(_running(stub, folder, {}, api_port))
        page = {**environ, "OTEL_SERVICE_NAME": prefix + "pulls", "PULLS_API_URL": api_url}
        page_url = stack.enter_context(_running(_flask("app", port), folder, page, port))
        yield Pulls(Browser(page_url), api_url)


def _flask(app: str, port: int) -> list[str]:
    return [*LAUNCHER, sys.executable, "-m", "flask", "--app", app, "run", "--port", str(port)]


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _with_path(environ: Mapping[str, str]) -> dict[str, str]:
    """A user's environment: PATH and home, no OTEL_* but those given."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, **environ}


@contextmanager
def _running(command: list[str], folder: Path, environ: Mapping[str, str], port: int) -> Iterator[str]:
    """Start a server, wait until it listens, yield its URL, end it with Ctrl-C as its user would."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_with_path(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            if not _listens(port, process):
                output.seek(0)
                raise AssertionError(f"{command} does not start:\n{output.read().decode()[-3000:]}")
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    ends = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False
