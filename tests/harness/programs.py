# SPDX-License-Identifier: Apache-2.0
"""Small real apps, written into a folder, and servers that serve them under the launcher.

    django_project(folder)                      # a stock `startproject` called shop, with one page
    flask_app(folder)                           # app.py
    with serving(["gunicorn", ...], folder, environ, port) as server:
        server.get("/page/1")
    print(server.status, server.stderr)

Every page is under /page/<word>; /ready answers without touching anything and is used to wait for a server.
With DISTRO_TEST_LAUNCHER=upstream in the environment the same servers run under opentelemetry-instrument, to
see whether a failure is ours or the harness's.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

UPSTREAM = os.environ.get("DISTRO_TEST_LAUNCHER") == "upstream"
SCRIPTS = Path(sys.executable).parent
OURS = [sys.executable, "-m", "otel_distro.run"]
LAUNCHER = [str(SCRIPTS / "opentelemetry-instrument")] if UPSTREAM else OURS
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0

DJANGO_URLS = """
from django.db import connection
from django.http import HttpResponse
from django.urls import path


def page(request, word):
    with connection.cursor() as cursor:
        cursor.execute("select 42")
        (number,) = cursor.fetchone()
    return HttpResponse(f"{word} {number}")


def ready(request):
    return HttpResponse("ready")


urlpatterns = [path("page/<str:word>", page), path("ready", ready)]
"""

FLASK_APP = """
import sqlite3

from flask import Flask

app = Flask(__name__)


@app.get("/page/<word>")
def page(word):
    connection = sqlite3.connect(":memory:")
    cursor = connection.cursor()
    cursor.execute("select 42")
    (number,) = cursor.fetchone()
    connection.close()
    return f"{word} {number}"


@app.get("/ready")
def ready():
    return "ready"


if __name__ == "__main__":
    import sys

    app.run(debug=True, port=int(sys.argv[1]))
"""


def django_project(folder: Path) -> Path:
    """A stock project called shop in folder, with the pages in its urls.py."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "django", "startproject", "shop", "."]
    subprocess.run(command, cwd=folder, check=True, timeout=60, capture_output=True)
    (folder / "shop" / "urls.py").write_text(DJANGO_URLS)
    return folder


def flask_app(folder: Path) -> Path:
    """app.py with an app called app in folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "app.py").write_text(FLASK_APP)
    return folder


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without Python's and OpenTelemetry's variables, plus these."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "PYTHON", "DJANGO_", "FLASK_", "JAEGER_"))
    }
    environ["PATH"] = f"{SCRIPTS}{os.pathsep}{environ.get('PATH', os.defpath)}"
    environ["PYTHONDONTWRITEBYTECODE"] = "1"  # an app edited within a second must not be taken from its cache
    return {**environ, **(variables or {})}


def sending_to(url: str, **variables: str) -> dict[str, str]:
    """Variables for spans that should arrive soon."""
    upstream = {
        "OTEL_PYTHON_DISTRO": "distro",
        "OTEL_PYTHON_CONFIGURATOR": "configurator",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
        "DJANGO_SETTINGS_MODULE": "shop.settings",
    }
    common = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "300"}
    return {**common, **(upstream if UPSTREAM else {}), **variables}


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of a process group behind, whatever happened. process is its leader."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # all of them have ended, as they should
    process.wait(STOP_TIMEOUT_S)


class Server:
    """A process tree that serves HTTP on one port. status, stdout and stderr are there after the end."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        self.process = process
        self.port = port
        self.status: int | None = None
        self._files = {"stdout": stdout, "stderr": stderr}
        self._kept: dict[str, str] = {}

    def get(self, path: str, timeout_s: float = 10.0) -> str:
        """The body of a page; HTTPError unless it is a 200."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Connection": "close"})
        with opener.open(request, timeout=timeout_s) as response:
            body: bytes = response.read()
            return body.decode()

    def wait_until_ready(self, path: str = "/ready") -> None:
        """Return once the server answers; AssertionError with its output when it does not."""
        end = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                self.get(path, timeout_s=5)
                return
            except urllib.error.HTTPError as error:
                error.close()
                raise AssertionError(f"{error}\n{self.output()}") from None
            except OSError:
                time.sleep(0.05)  # not listening yet
        raise AssertionError(f"the server does not answer, status {self.process.poll()}\n{self.output()}")

    @property
    def stdout(self) -> str:
        return self._read("stdout")

    @property
    def stderr(self) -> str:
        return self._read("stderr")

    def output(self) -> str:
        """The last lines of both streams, for messages."""
        return f"--- stdout\n{self.stdout[-3000:]}--- stderr\n{self.stderr[-3000:]}"

    def stop(self, number: int = signal.SIGTERM, *, group: bool = False) -> int:
        """Signal the first process, or the whole group as a terminal does; wait; the first one's status."""
        if self.process.poll() is None:
            if group:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)
        self.status = self.process.wait(STOP_TIMEOUT_S)
        return self.status

    def kill_group(self) -> None:
        """Leave nothing behind, whatever happened."""
        stop_group(self.process)
        self.status = self.process.returncode
        self._kept = {name: self._read(name) for name in self._files}

    def _read(self, name: str) -> str:
        if name in self._kept:
            return self._kept[name]
        descriptor = self._files[name].fileno()  # pread, because the server writes where this file stands
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")


@contextmanager
def serving(
    command: Sequence[str],
    cwd: Path,
    environ: Mapping[str, str],
    port: int,
    launcher: Sequence[str] = LAUNCHER,
) -> Iterator[Server]:
    """Start a server under the launcher in a process group of its own; ready when this returns."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            [*launcher, *command],
            cwd=cwd,
            env=environment({"HOME": str(cwd), **environ}),  # gunicorn keeps a control socket below it
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        server = Server(process, port, stdout, stderr)
        try:
            server.wait_until_ready()
            yield server
        finally:
            server.kill_group()
