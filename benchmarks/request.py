# SPDX-License-Identifier: Apache-2.0
"""What a request costs over the bare app: ours beside opentelemetry-instrument, in one run.

In one process, by Django's and Flask's own test clients' handlers, and in a gunicorn sync worker by the kernel's
accounting of that worker. Exporting is part of it: an OTLP receiver of our own runs beside.
`python -m benchmarks request` runs all; `python benchmarks/request.py quick [PART OF A TITLE]` fewer rounds,
without gunicorn.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.processes import BIN, OURS, PYTHON, TRACES_ONLY, UPSTREAM, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROUNDS = 5
WARM_UP = 300
REQUESTS = 2500
GUNICORN_REQUESTS = 2000

SITE = """
import os
SECRET_KEY = "x"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "site_urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3",
                         "NAME": os.path.join(os.path.dirname(__file__), "db.sqlite3")}}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {
    "loaders": [("django.template.loaders.locmem.Loader",
                 {"page.html": "<ul>{% for x in types %}<li>{{ x.model }}</li>{% endfor %}</ul>"})]}}]
USE_TZ = True
"""

URLS = """
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path


def trivial(request, number):
    return HttpResponse("ok")


def queries(request):
    for app in ("a", "b", "c"):
        types = list(ContentType.objects.filter(app_label=app))
    return render(request, "page.html", {"types": types})


def deep(request):
    for app in "abcdefgh":
        types = list(ContentType.objects.filter(app_label=app))
        cache.get(app)
    return render(request, "page.html", {"types": types})


urlpatterns = [path("trivial/<int:number>", trivial), path("queries", queries), path("deep", deep)]
"""

WSGI = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""

FLASK = """
import os
import sqlite3

import flask
import requests

app = application = flask.Flask("shop")
stub = os.environ.get("STUB_URL", "")
session = requests.Session()


@app.get("/trivial/<int:number>")
def trivial(number):
    return "ok"


@app.get("/outgoing")
def outgoing():
    text = session.get(stub, timeout=5).text
    connection = sqlite3.connect(":memory:")
    (number,) = connection.cursor().execute("select length(?)", (text,)).fetchone()
    connection.close()
    return str(number)
"""

DRIVER = """
import gc, io, sys, time
from importlib import import_module

module, target, warm_up, requests = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
application = import_module(module).application
path, _, query = target.partition("?")


def once():
    environ = {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": path, "RAW_URI": target, "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000", "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "50000", "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_USER_AGENT": "bench/1", "HTTP_ACCEPT": "*/*", "HTTP_ACCEPT_ENCODING": "gzip",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr,
        "wsgi.multithread": False, "wsgi.multiprocess": True, "wsgi.run_once": False,
    }
    status = []
    body = application(environ, lambda line, headers, exc_info=None: status.append(line))
    for _ in body:
        pass
    close = getattr(body, "close", None)
    if close:
        close()
    assert status[0].startswith("200"), status


def flush():
    trace = sys.modules.get("opentelemetry.trace")
    provider = trace.get_tracer_provider() if trace else None
    if hasattr(provider, "force_flush"):
        provider.force_flush()


for _ in range(warm_up):
    once()
flush()
gc.collect()  # a full collection costs 20 ms: none may fall into the one run and not into the other
began = time.process_time()
for _ in range(requests):
    once()
flush()
print((time.process_time() - began) / requests * 1e6)
"""

SINK = """
import socket, sys, threading

server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/x-protobuf\\r\\nContent-Length: %d\\r\\n\\r\\n%s"


def serve(connection, answer):
    with connection, connection.makefile("rb") as reader:
        while reader.readline():
            length = 0
            while (line := reader.readline()) not in (b"\\r\\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            reader.read(length)
            connection.sendall(answer)


body = sys.argv[1].encode()
while True:
    threading.Thread(target=serve, args=(server.accept()[0], ANSWER % (len(body), body)), daemon=True).start()
"""


class Case(NamedTuple):
    """One kind of request. bound: most percent of upstream's overhead. ours: variables for our runs."""

    title: str
    module: str
    target: str
    bound: int
    ours: Mapping[str, str]


NO_LAYERS = {"OTEL_DISTRO_DJANGO_SPANS": "none", "OTEL_DISTRO_FLASK_SPANS": "none"}
QUERIES = {"OTEL_DISTRO_DJANGO_SPANS": "query", "OTEL_DISTRO_FLASK_SPANS": "none"}
CASES = [
    Case("Django trivial view", "site_wsgi", "/trivial/7?page=2", 15, NO_LAYERS),
    Case("Django, 3 queries and a template", "site_wsgi", "/queries", 20, QUERIES),
    Case("Flask trivial view", "flask_app", "/trivial/7?page=2", 15, NO_LAYERS),
    Case("Flask, requests and sqlite", "flask_app", "/outgoing", 20, NO_LAYERS),
]
DEEP_SPANS = 1 + 4 + 1 + 8 + 8 + 1  # server, middleware, view, queries, cache calls, template


def main(rounds: int = ROUNDS, with_gunicorn: bool = True, only: str = "") -> int:
    """Print a table; 1 when one of ours is over its bound. only: part of the title of the cases to run."""
    over = 0
    with tempfile.TemporaryDirectory() as name, sink("") as receiver, sink("x" * 200) as stub:
        folder = Path(name)
        _write_apps(folder)
        base = clean_environment() | {"PYTHONPATH": name, "STUB_URL": f"http://127.0.0.1:{stub}/"}
        sending = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver}", "OTEL_BSP_SCHEDULE_DELAY": "250"}
        upstream = base | sending | TRACES_ONLY | {"DJANGO_SETTINGS_MODULE": "site_settings"}
        upstream["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http,database"
        ours = base | sending
        subprocess.run([PYTHON, "-m", "django", "migrate", "-v0"], env=upstream, cwd=name, check=True)
        print(f"us of CPU for a request, median of {rounds} rounds in turn (least); Python {sys.version[:6]}")
        print("\nin one process, no server:")
        for case in (case for case in CASES if only in case.title):
            variants = {
                "bare": ([], base),
                "upstream": ([UPSTREAM], upstream),
                "ours": ([OURS], ours | case.ours),
            }
            over += _report(case, _in_turn(case, variants, rounds, folder))
        if not only:
            over += _report_rest(ours, base, rounds, folder)
        if with_gunicorn:
            over += _gunicorn(base, upstream, ours, folder)
    return 1 if over else 0


def _in_turn(
    case: Case, variants: Mapping[str, tuple[list[str], Mapping[str, str]]], rounds: int, folder: Path
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, (launcher, environ) in variants.items():
            command = [*launcher, PYTHON, "driver.py", case.module, case.target, str(WARM_UP), str(REQUESTS)]
            done = subprocess.run(command, env=dict(environ), cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{command}: {done.stderr[-800:]}")
            found[name].append(float(done.stdout))
    return found


def _report(case: Case, found: Mapping[str, list[float]]) -> int:
    bare = statistics.median(found["bare"])
    theirs = statistics.median(found["upstream"]) - bare
    added = statistics.median(found["ours"]) - bare
    share = 100 * added / theirs
    verdict = "within" if share <= case.bound else "OVER"
    print(
        f"  {case.title:34} bare {bare:6.1f}   upstream {theirs:+7.1f} ({min(found['upstream']) - bare:+.1f})"
        f"   ours {added:+6.1f} ({min(found['ours']) - bare:+.1f})   {share:5.1f} %, {verdict} {case.bound} %"
    )
    return int(share > case.bound)


def _report_rest(ours: Mapping[str, str], base: Mapping[str, str], rounds: int, folder: Path) -> int:
    """Every layer, not sampled, disabled: bounds in us."""
    over = 0
    deep = Case("", "site_wsgi", "/deep", 0, {})
    everything = {"OTEL_DISTRO_DJANGO_SPANS": "query,view,template,cache,middleware"}
    found = _in_turn(deep, {"bare": ([], base), "ours": ([OURS], {**ours, **everything})}, rounds, folder)
    added = statistics.median(found["ours"]) - statistics.median(found["bare"])
    each = added / DEEP_SPANS
    verdict = "within" if each <= 15 else "OVER"
    print(f"  Django, {DEEP_SPANS} spans a request: {added:+.1f}, {each:.1f} for each span, {verdict} 15")
    over += each > 15
    for title, more, bound in (
        ("not sampled", {"OTEL_TRACES_SAMPLER": "always_off"}, 10.0),
        ("SDK disabled", {"OTEL_SDK_DISABLED": "true"}, 2.0),
    ):
        for case in (CASES[0], CASES[2]):
            variants = {"bare": ([], base), "ours": ([OURS], {**ours, **case.ours, **more})}
            found = _in_turn(case, variants, rounds, folder)
            added = statistics.median(found["ours"]) - statistics.median(found["bare"])
            verdict = "within" if added <= bound else "OVER"
            print(f"  {case.title}, {title}: {added:+.1f}, {verdict} {bound:g}")
            over += added > bound
    return over


def _gunicorn(base: Mapping[str, str], upstream: Mapping[str, str], ours: Mapping[str, str], folder: Path) -> int:
    print("\nin a gunicorn sync worker:")
    over = 0
    for case in CASES:
        found: dict[str, list[float]] = {"bare": [], "upstream": [], "ours": []}
        for _ in range(3):
            for name, launcher, environ in (
                ("bare", [], base),
                ("upstream", [UPSTREAM], upstream),
                ("ours", [OURS], {**ours, **case.ours}),
            ):
                found[name].append(_worker_cost(launcher, environ, case, folder))
        over += _report(case, found)
    return over


def _worker_cost(launcher: list[str], environ: Mapping[str, str], case: Case, folder: Path) -> float:
    """us of CPU of the worker for one request: user and system, all threads."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [*launcher, str(BIN / "gunicorn"), "-w", "1", "-b", f"127.0.0.1:{port}", f"{case.module}:application"]
    with subprocess.Popen(
        command, env=dict(environ), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(port)
            _requests(port, case.target, WARM_UP)
            (worker,) = _children_of(process.pid)
            before = _cpu_ticks(worker)
            _requests(port, case.target, GUNICORN_REQUESTS)
            time.sleep(0.6)  # the last batch leaves
            ticks = _cpu_ticks(worker) - before
        finally:
            process.terminate()
            process.wait(20)
    return ticks / os.sysconf("SC_CLK_TCK") / GUNICORN_REQUESTS * 1e6


def _requests(port: int, target: str, number: int) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: bench/1\r\nAccept: */*\r\n\r\n".encode()
    for _ in range(number):
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(request)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer[:200])


def _wait_for(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def _children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _write_apps(folder: Path) -> None:
    for name, text in (
        ("site_settings", SITE),
        ("site_urls", URLS),
        ("site_wsgi", WSGI),
        ("flask_app", FLASK),
        ("driver", DRIVER),
    ):
        (folder / f"{name}.py").write_text(text)


@contextmanager
def sink(answer: str) -> Iterator[int]:
    """A server that answers every request with this text, in a process of its own; yields its port."""
    command = [PYTHON, "-c", SINK, answer]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


if __name__ == "__main__":
    quick = "quick" in sys.argv[1:2]
    sys.exit(main(3, with_gunicorn=False, only=" ".join(sys.argv[2:])) if quick else main())
