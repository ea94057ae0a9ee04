# SPDX-License-Identifier: Apache-2.0
"""The instrumentor classes: upstream's by descent and by arguments, ours by their spans."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from opentelemetry.instrumentation.flask import FlaskInstrumentor as UpstreamFlaskInstrumentor

from otel_distro.instrumentation.flask import FlaskInstrumentor
from tests.harness.span_recorder import Recorder


def test_flask_instrumentor_is_upstreams() -> None:
    """A subclass, and a singleton of its own."""
    assert issubclass(FlaskInstrumentor, UpstreamFlaskInstrumentor)
    assert FlaskInstrumentor() is FlaskInstrumentor()
    assert type(UpstreamFlaskInstrumentor()) is UpstreamFlaskInstrumentor


def test_flask_instrumentor_takes_upstreams_arguments() -> None:
    """instrument() and uninstrument(), for all applications."""
    import flask

    recorder = Recorder()
    FlaskInstrumentor().instrument(tracer_provider=recorder.provider, excluded_urls="healthz,^/skip$")
    try:
        app = flask.Flask("shop")
        app.add_url_rule("/<path:rest>", view_func=lambda rest: rest)
        for path in ("/healthz", "/skip", "/page"):
            _ = app.test_client().get(path).data
        assert [span.attributes["url.path"] for span in recorder.take() if span.kind == "SERVER"] == ["/page"]
    finally:
        FlaskInstrumentor().uninstrument()
    _ = app.test_client().get("/page").data
    assert recorder.take() == []


def test_flask_instrumentor_for_one_application() -> None:
    """instrument_app() and uninstrument_app()."""
    import flask

    recorder = Recorder()
    app, other = flask.Flask("shop"), flask.Flask("other")
    FlaskInstrumentor.instrument_app(app, tracer_provider=recorder.provider)
    try:
        for each in (app, other):
            _ = each.test_client().get("/nope").data
        assert [span.name for span in recorder.take()] == ["GET"]
        FlaskInstrumentor.uninstrument_app(app)
        _ = app.test_client().get("/nope").data
        assert recorder.take() == []
    finally:
        from otel_distro.instrumentation.flask import patch

        patch.uninstrument()


DJANGO = """
from django.conf import settings
settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF="__main__", SECRET_KEY="x", MIDDLEWARE=[])
from django.http import HttpResponse
from django.test import Client
from django.urls import path
urlpatterns = [path("page", lambda request: HttpResponse("x")), path("healthz", lambda request: HttpResponse("x"))]
import django
django.setup()
from opentelemetry.instrumentation.django import DjangoInstrumentor as Upstream
from otel_distro.instrumentation.django import DjangoInstrumentor
from tests.harness.span_recorder import Recorder
recorder = Recorder()
assert issubclass(DjangoInstrumentor, Upstream)
DjangoInstrumentor().instrument(tracer_provider=recorder.provider, excluded_urls="healthz")
for target in ("/page", "/healthz"):
    Client().get(target)
print([span.name for span in recorder.take() if span.kind == "SERVER"], settings.MIDDLEWARE)
DjangoInstrumentor().uninstrument()
Client().get("/page")
print(recorder.take())
"""


@pytest.mark.parametrize(("variable", "value", "names"), [("", "", "['GET /page']"), ("INSTRUMENT", "false", "[]")])
def test_django_instrumentor(variable: str, value: str, names: str) -> None:
    """Upstream's arguments and variables; the middleware list stays empty."""
    environ = {"PYTHONPATH": "."} | ({f"OTEL_PYTHON_DJANGO_{variable}": value} if variable else {})
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(DJANGO)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environ,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [f"{names} []", "[]"]


def test_asking_for_the_package_imports_nothing() -> None:
    """The classes are made when somebody asks for them."""
    code = """
    import sys
    import otel_distro.instrumentation.django.hook, otel_distro.instrumentation.flask.hook
    print([name for name in sys.modules if name.startswith(("opentelemetry", "django", "flask"))])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[]"
