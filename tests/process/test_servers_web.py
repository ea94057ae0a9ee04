# SPDX-License-Identifier: Apache-2.0
"""Under every way to serve Django and Flask, each request's spans arrive exactly once."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.harness.backend import Backend
from tests.harness.programs import UPSTREAM, django_project, flask_app, free_port, sending_to, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.backend import RecordedSpan
    from tests.harness.programs import Server

REQUESTS = 8
SERVER_KIND = 2

GUNICORN = ["gunicorn", "--bind", "127.0.0.1:{port}"]
UWSGI = [
    "uwsgi",
    "--http-socket",
    "127.0.0.1:{port}",
    "--master",
    "--processes",
    "2",
    "--need-app",
    "--module",
]


class Way(NamedTuple):
    """How an app is served; {port} in the command is replaced.

    stop: the signal that ends it in an orderly way. group: all processes get it, as with Ctrl-C.
    """

    app: str
    command: list[str]
    stop: int = signal.SIGTERM
    group: bool = False


WAYS = {
    "runserver": Way("django", ["python", "manage.py", "runserver", "127.0.0.1:{port}"], signal.SIGINT, group=True),
    "flask-debug": Way(
        "flask", ["flask", "--app", "app", "run", "--debug", "--port", "{port}"], signal.SIGINT, group=True
    ),
    "flask-app-run": Way("flask", ["python", "app.py", "{port}"], signal.SIGINT, group=True),
    "gunicorn-django": Way("django", [*GUNICORN, "-w", "2", "shop.wsgi"]),
    "gunicorn-sync": Way("flask", [*GUNICORN, "-w", "2", "app:app"]),
    "gunicorn-preload": Way("flask", [*GUNICORN, "-w", "2", "--preload", "app:app"]),
    "gunicorn-gthread": Way("flask", [*GUNICORN, "-w", "1", "-k", "gthread", "--threads", "4", "app:app"]),
    # one worker: of two, gunicorn 27 sometimes leaves one hanging in the hub when told to stop, without us as well
    "gunicorn-gevent": Way("flask", [*GUNICORN, "-w", "1", "-k", "gevent", "app:app"]),
    "gunicorn-max-requests": Way("flask", [*GUNICORN, "-w", "1", "--max-requests", "2", "app:app"]),
    "uwsgi": Way("flask", [*UWSGI, "app:app"], signal.SIGINT),
    "uwsgi-enable-threads": Way("flask", [*UWSGI, "app:app", "--enable-threads"], signal.SIGINT),
    "uwsgi-lazy-apps": Way("flask", [*UWSGI, "app:app", "--lazy-apps"], signal.SIGINT),
    "uwsgi-threads": Way("django", [*UWSGI, "shop.wsgi", "--threads", "2"], signal.SIGINT),
    "uvicorn-workers": Way(
        "django", ["uvicorn", "--port", "{port}", "--workers", "2", "shop.asgi:application"], signal.SIGINT
    ),
}


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders the apps are in, by framework."""
    folder = tmp_path_factory.mktemp("apps")
    return {"django": django_project(folder / "django"), "flask": flask_app(folder / "flask")}


def path_of(span: RecordedSpan) -> str:
    return str(span.attributes.get("url.path") or urlsplit(str(span.attributes.get("url.full", ""))).path)


def requests_seen(spans: list[RecordedSpan]) -> Counter[str]:
    """How often each page's server span arrived."""
    paths = [path_of(span) for span in spans if span.kind == SERVER_KIND]
    return Counter(path for path in paths if path != "/ready")


def queries_seen(spans: list[RecordedSpan]) -> Counter[str]:
    """How many database spans arrived below each page's server span; "" for those below none."""
    by_id = {span.span_id: span for span in spans}
    seen: Counter[str] = Counter()
    for span in spans:
        if "db.system" in span.attributes or "db.system.name" in span.attributes:
            above: RecordedSpan | None = span
            while above is not None and above.kind != SERVER_KIND:
                above = by_id.get(above.parent_id)
            seen[path_of(above) if above else ""] += 1
    return seen


@pytest.mark.parametrize("name", WAYS)
def test_each_request_arrives_exactly_once(name: str, apps: dict[str, Path]) -> None:
    """Eight requests: eight server spans, each with its query below it; none doubled, nothing said."""
    way = WAYS[name]
    port = free_port()
    command = [word.format(port=port) for word in way.command]
    expected = Counter(f"/page/{number}" for number in range(REQUESTS))
    with Backend() as backend, serving(command, apps[way.app], sending_to(backend.url), port) as server:
        for number in range(REQUESTS):
            assert server.get(f"/page/{number}") == f"{number} 42"
        wait_for_pages(backend, expected, server)
        server.stop(way.stop, group=way.group)
        assert requests_seen(backend.spans()) == expected
        assert queries_seen(backend.spans()) == expected
        assert backend.duplicates() == []
    assert "otel-distro" not in server_noise(server.stderr)


@pytest.mark.parametrize("name", ["runserver", "flask-debug", "gunicorn-preload", "gunicorn-gevent", "uvicorn-workers"])
def test_spans_of_the_last_second_are_sent_at_the_end(name: str, apps: dict[str, Path]) -> None:
    """A server that is stopped before the first export was due sends what it has."""
    way = WAYS[name]
    port = free_port()
    command = [word.format(port=port) for word in way.command]
    expected = Counter(f"/page/{number}" for number in range(REQUESTS))
    environ = {"OTEL_BSP_SCHEDULE_DELAY": "60000"}
    with (
        Backend() as backend,
        serving(command, apps[way.app], sending_to(backend.url, **environ), port) as server,
    ):
        for number in range(REQUESTS):
            server.get(f"/page/{number}")
        server.stop(way.stop, group=way.group)
        wait_for_pages(backend, expected, server)
        assert requests_seen(backend.spans()) == expected
        assert backend.duplicates() == []


@pytest.mark.parametrize("name", ["runserver", "flask-debug"])
def test_reloader_serves_and_traces_the_edited_app(name: str, tmp_path: Path) -> None:
    """An edit restarts the app; the new answer is served, and its request is traced exactly once."""
    way = WAYS[name]
    folder = {"django": django_project, "flask": flask_app}[way.app](tmp_path)
    file = folder / {"django": "shop/urls.py", "flask": "app.py"}[way.app]
    port = free_port()
    command = [word.format(port=port) for word in way.command]
    with Backend() as backend, serving(command, folder, sending_to(backend.url), port) as server:
        assert server.get("/page/before") == "before 42"
        edit_until_served(server, file)
        assert server.get("/page/after") == "after 43"
        wait_for_pages(backend, Counter({"/page/before": 1, "/page/after": 1}), server)
        server.stop(way.stop, group=way.group)
        seen = requests_seen(backend.spans())
        assert (seen["/page/before"], seen["/page/after"]) == (1, 1)
        assert backend.duplicates() == []


def edit_until_served(server: Server, file: Path) -> None:
    """Change the answer to 43; touch the file now and then, for a reloader that had not looked yet."""
    file.write_text(file.read_text().replace("select 42", "select 42 + 1"))
    for _ in range(10):
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            try:
                if server.get("/page/probe") == "probe 43":
                    return
            except OSError:
                pass  # between the end of the old process and the start of the new one
            time.sleep(0.2)
        os.utime(file)
    raise AssertionError(server.output())


def wait_for_pages(backend: Backend, expected: Counter[str], server: Server, timeout_s: float = 8.0) -> None:
    """Return when all expected pages have arrived; AssertionError with what has."""
    end = time.monotonic() + timeout_s
    while expected - requests_seen(backend.spans()):
        assert time.monotonic() < end, f"{requests_seen(backend.spans())}\n{server.output()}"
        time.sleep(0.02)


def server_noise(stderr: str) -> str:
    """Our own lines on stderr."""
    return "\n".join(line for line in stderr.splitlines() if "otel-distro:" in line)


def test_the_harness_runs_our_launcher() -> None:
    """The switch that validates the harness with upstream's launcher is not left on."""
    assert not UPSTREAM
