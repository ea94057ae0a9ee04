# SPDX-License-Identifier: Apache-2.0
"""When start-up is asked for, and what is switched on then. In child interpreters: imports cannot be undone."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

PROBE = """
import sys
def report(moment):
    print(moment, "sdk" if "opentelemetry.sdk.trace" in sys.modules else "idle")
"""


def _run(program: str, **variables: str) -> list[str]:
    code = PROBE + textwrap.dedent(program)
    done = subprocess.run(
        [sys.executable, "-m", "otel_distro.run", sys.executable, "-c", code],
        env={**os.environ, "OTEL_TRACES_EXPORTER": "none", **variables},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "statement",
    [
        "pass",
        "import json, logging, threading, asyncio, urllib.request, sqlite3, subprocess",
        "import django; import django.conf; import django.core.management; import django.db",
        "import flask",
        "import click, jinja2, werkzeug",
    ],
)
def test_what_starts_nothing(statement: str) -> None:
    """Ambient libraries, and frameworks that are only imported."""
    assert _run(f"{statement}\nreport('after')") == ["after idle"]


@pytest.mark.parametrize(
    "statement",
    [
        "import opentelemetry.trace",
        "from opentelemetry import trace",
        "import opentelemetry.propagate",
        "import requests",
        "import celery",
        "import flask; report('imported'); flask.Flask('shop')",
    ],
)
def test_what_starts_tracing(statement: str) -> None:
    """OpenTelemetry itself, a library whose instrumentation is installed, the first Flask object."""
    lines = _run(f"{statement}\nreport('after')")
    assert lines[-1] == "after sdk"
    assert lines[:-1] in ([], ["imported idle"])


def test_the_first_django_handler_starts_tracing() -> None:
    """Not the import, not the setup: the request handler's middleware."""
    program = """
    from django.conf import settings
    settings.configure(ROOT_URLCONF="__main__", SECRET_KEY="x", ALLOWED_HOSTS=["*"])
    urlpatterns = []
    import django
    django.setup()
    import django.core.handlers.wsgi as wsgi
    report("set up")
    wsgi.WSGIHandler()
    report("handler")
    """
    assert _run(program) == ["set up idle", "handler sdk"]


def test_a_library_without_its_instrumentation_starts_nothing() -> None:
    """There would be nothing to switch on. gunicorn's and uvicorn's imports are not traceable either."""
    assert _run("import asgiref, uvicorn, gunicorn\nreport('after')") == ["after idle"]


def test_disabled_means_no_sdk_and_no_patch() -> None:
    """OTEL_SDK_DISABLED: OpenTelemetry's API is there for the app, nothing else of ours is."""
    program = """
    import flask, requests
    app = flask.Flask("shop")
    from opentelemetry import propagate, trace
    import threading
    print(type(trace.get_tracer_provider()).__name__, threading.active_count())
    print(type(flask.Flask.wsgi_app).__name__, hasattr(requests.Session.send, "__wrapped__"))
    print(sorted(propagate.get_global_textmap().fields))
    report("after")
    """
    assert _run(program, OTEL_SDK_DISABLED="true", OTEL_PROPAGATORS="jaeger")[:2] == [
        "ProxyTracerProvider 1",
        "function False",
    ]


def test_the_app_gets_its_modules_unchanged() -> None:
    """Loaders, specs and the meta path look as they would; only our finder stands first."""
    program = """
    import flask, flask.app, requests
    for module in (flask, flask.app, requests):
        assert type(module.__loader__).__name__ == "SourceFileLoader", module
        assert module.__spec__.loader is module.__loader__, module
    import importlib
    importlib.reload(requests)
    print("fine")
    """
    assert _run(program) == ["fine"]


def test_an_instrumentation_of_the_app_is_not_doubled() -> None:
    """An app that instruments requests itself still gets one span for each call, and no warning."""
    program = """
    import http.server, threading
    import requests
    from opentelemetry import trace
    from opentelemetry.instrumentation.requests import RequestsInstrumentor
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    RequestsInstrumentor().instrument()
    exporter = InMemorySpanExporter()
    trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
    http.server.BaseHTTPRequestHandler.log_message = lambda *_: None
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.handle_request).start()
    requests.get(f"http://127.0.0.1:{server.server_port}/", timeout=5)
    server.server_close()
    print([(span.name, span.kind.name) for span in exporter.get_finished_spans()])
    """
    assert _run(program) == ["[('GET', 'CLIENT')]"]
