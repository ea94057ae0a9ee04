# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E402 - Django is configured between the imports
"""Run by the Django tests in a process of its own: a site, requests to it, the spans as JSON on stdout.

Arguments: InstrumentationSettings as JSON, then the name of a scenario below.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any

sys.path.insert(0, os.getcwd())

import django.core.handlers.base
from opentelemetry import trace

from otel_distro.instrumentation.django import hook, patch
from otel_distro.settings.settings import InstrumentationSettings, Settings
from tests.harness.span_recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

recorder = Recorder()
trace.set_tracer_provider(recorder.provider)
tracer = trace.get_tracer("app")
events: list[str] = []
options: dict[str, Any] = {}


def start() -> None:
    from django.conf import settings

    events.append(f"start, settings read: {settings.configured}")
    given = {key: tuple(v) if isinstance(v, list) else v for key, v in json.loads(sys.argv[1]).items()}
    patch.instrument(Settings(instrumentation=InstrumentationSettings(**given)), **options)


hook.install(django.core.handlers.base, start)

from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="x",
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", f"{__name__}.plain_middleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {"page.html": "{{ x }}"})]},
        }
    ],
)

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import include, path, re_path
from django.views import View


def plain_middleware(get_response: Callable[..., Any]) -> Callable[..., Any]:
    def middleware(request: Any) -> Any:
        if request.GET.get("stop"):
            return HttpResponse("stopped")
        if request.GET.get("raise"):
            raise OSError("in middleware")
        with tracer.start_as_current_span("in middleware"):
            pass
        return get_response(request)

    return middleware


def user(request: Any, uid: int) -> Any:
    request.tenant = f"tenant {uid}"
    return HttpResponse(f"user {uid}")


async def async_user(request: Any, uid: int) -> Any:
    await asyncio.sleep(0)
    with tracer.start_as_current_span("in async view"):
        return HttpResponse(f"user {uid}")


def boom(request: Any) -> Any:
    raise ValueError("secret text")


async def async_boom(request: Any) -> Any:
    raise ValueError("secret text")


def missing(request: Any) -> Any:
    raise Http404("no such page")


def denied(request: Any) -> Any:
    raise PermissionDenied("not for you")


def stream(request: Any, how: str) -> Any:
    def parts() -> Iterator[str]:
        for part in "abc":
            with tracer.start_as_current_span(part):
                yield part
        if how == "broken":
            raise RuntimeError("in the middle")

    return StreamingHttpResponse(parts())


def async_stream(request: Any) -> Any:
    async def parts() -> AsyncIterator[str]:
        for part in "abc":
            await asyncio.sleep(0)
            with tracer.start_as_current_span(part):
                pass
            yield part

    return StreamingHttpResponse(parts())


def file(request: Any) -> Any:
    return FileResponse(open(__file__, "rb"))


def deep(request: Any) -> Any:
    from django.contrib.contenttypes.models import ContentType
    from django.core.cache import cache
    from django.db import DatabaseError, connection
    from django.dispatch import Signal
    from django.template.loader import render_to_string

    list(ContentType.objects.filter(app_label="secret", id__in=[1, 2]))
    ContentType.objects.bulk_create([ContentType(app_label="a", model=str(n)) for n in range(3)])
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from django_content_type where app_label = 'secret-literal'")
        cursor.executemany(
            "insert into django_content_type (app_label, model) values (%s, %s)", [("b", "1"), ("b", "2")]
        )
        try:
            cursor.execute("select nothing from nowhere")
        except DatabaseError as error:
            events.append(type(error).__name__)
    cache.get("session-secret")
    cache.get_or_set("session-secret", 3)
    cache.get("session-secret")
    signal = Signal()
    signal.connect(on_signal)
    signal.send(sender=ContentType)
    return HttpResponse(render_to_string("page.html", {"x": 1}))


def on_signal(sender: Any, **_: Any) -> None:
    with tracer.start_as_current_span("in signal"):
        pass


def quick(request: Any) -> Any:
    from django.core.cache import cache

    cache.get("a")
    cache.get("b")
    return HttpResponse("quick")


class Page(View):
    def get(self, request: Any) -> Any:
        return HttpResponse("page")


urlpatterns = [
    path("deep", deep),
    path("quick", quick),
    path("page", Page.as_view()),
    path("user/<int:uid>", user),
    path("async-user/<int:uid>", async_user),
    re_path(r"^re/(?P<year>[0-9]{4})/(\d+)/$", lambda request, **_: HttpResponse("x")),
    path("api/", include([path("item/<slug:name>/", lambda request, name: HttpResponse(name))])),
    path("boom", boom),
    path("async-boom", async_boom),
    path("missing", missing),
    path("denied", denied),
    path("unavailable", lambda request: HttpResponse("later", status=503)),
    path("stream/<how>", stream),
    path("async-stream", async_stream),
    path("file", file),
    path("healthz", lambda request: HttpResponse("ok")),
]


def wsgi_get(target: str, **more: str) -> list[bytes]:
    """Through the real WSGI handler, as a server would call it."""
    from io import BytesIO

    from django.core.handlers.wsgi import WSGIHandler

    found, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": found,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "REMOTE_PORT": "4711",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        **more,
    }
    body = WSGIHandler()(environ, lambda *_: None)
    try:
        return list(body)
    finally:
        body.close()


async def asgi_get(target: str) -> list[dict[str, Any]]:
    """Through the real ASGI handler, as a server would call it."""
    from django.core.handlers.asgi import ASGIHandler

    waiting = [{"type": "http.request", "body": b"", "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        await asyncio.sleep(60)
        raise AssertionError("nobody waits that long")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    found, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": "GET",
        "path": found,
        "raw_path": found.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"example.com:8443"), (b"user-agent", b"curl/8")],
        "http_version": "2",
        "scheme": "https",
        "client": ("192.0.2.1", 4711),
        "server": ("127.0.0.1", 8000),
    }
    await ASGIHandler()(scope, receive, send)
    return sent


def client_get(target: str, method: str = "GET", **headers: str) -> Any:
    response = Client(raise_request_exception=False).generic(method, target, headers=headers)
    return b"".join(response) if response.streaming else response.content


def tries(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> str:
    """What came of it, as text."""
    try:
        return str(function(*arguments, **keywords))
    except Exception as error:  # noqa: BLE001 - what the app raises is the answer
        return repr(error)


def answers(*targets: str) -> Iterator[tuple[str, str]]:
    for target in targets:
        yield target, tries(client_get, target, Host="example.com:8443")


def scenario_client() -> Iterator[tuple[str, str]]:
    yield from answers("/user/42?token=s&sig=AAA&page=2", "/nope/123", "/re/2012/7/", "/api/item/x/", "/boom")
    yield from answers("/missing", "/denied", "/unavailable", "/stream/whole", "/stream/broken", "/file")
    yield from answers("/user/1?stop=1", "/user/1?raise=1", "/healthz", "/async-user/1")
    yield "FOO", tries(client_get, "/user/1", "FOO")
    yield "caller", tries(client_get, "/user/1", traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01")


def scenario_async_client() -> Iterator[tuple[str, str]]:
    async def get(target: str) -> Any:
        response = await AsyncClient(raise_request_exception=False).get(target)
        return response.content

    for target in ("/user/1", "/async-user/1", "/boom", "/async-boom"):
        yield target, tries(lambda target=target: asyncio.run(get(target)))


def scenario_wsgi() -> Iterator[tuple[str, str]]:
    yield "plain", tries(wsgi_get, "/user/1")
    yield "raw", tries(wsgi_get, "/user/1", RAW_URI="/user/%31?x=1", SCRIPT_NAME="/app", HTTP_HOST="h.example:81")
    yield "early", tries(abandon)
    yield "stream", tries(wsgi_get, "/stream/whole")
    yield "broken", tries(wsgi_get, "/stream/broken")


def abandon() -> None:
    """A client that goes away after the first part."""
    from django.test import RequestFactory

    handler = Client().handler
    handler.load_middleware()
    response = handler.get_response(RequestFactory().get("/stream/whole"))
    next(iter(response))
    response.close()


def scenario_asgi() -> Iterator[tuple[str, str]]:
    for target in ("/user/1", "/async-user/1?a=1", "/async-stream", "/async-boom"):
        yield target, tries(lambda target=target: len(asyncio.run(asgi_get(target))))


def scenario_upstream_middleware() -> Iterator[tuple[str, str]]:
    from opentelemetry.instrumentation.django import DjangoInstrumentor

    DjangoInstrumentor().instrument()
    yield from answers("/user/1")


def scenario_deep() -> Iterator[tuple[str, str]]:
    from django.contrib.contenttypes.models import ContentType
    from django.db import connection

    def sees(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        if "traceparent" in sql:
            events.append(sql)
        return execute(sql, params, many, context)

    connection.execute_wrappers.append(sees)

    with connection.schema_editor() as editor:
        editor.create_model(ContentType)
    yield "schema", "outside any request"
    yield from answers("/deep", "/quick", "/page", "/boom", "/async-user/1")


def scenario_commands() -> Iterator[tuple[str, str]]:
    import django.core.management.base

    def start_commands() -> None:
        from django.core.handlers.wsgi import WSGIHandler

        WSGIHandler()

    hook.install(django.core.management.base, start_commands)
    from django.core.management import call_command

    for command in ("check", "migrate", "flush", "nonsense"):
        yield command, tries(call_command, command, **quietly(command))


def quietly(command: str) -> dict[str, Any]:
    return {"verbosity": 0} if command == "check" else {"verbosity": 0, "interactive": False}


def scenario_hooks() -> Iterator[tuple[str, str]]:
    def request_hook(span: Any, request: Any) -> None:
        events.append(f"request {request.path}")
        raise RuntimeError("hook")

    def response_hook(span: Any, request: Any, response: Any) -> None:
        events.append(f"response {response.status_code}")
        raise RuntimeError("hook")

    options.update(request_hook=request_hook, response_hook=response_hook)
    yield from answers("/user/1")


def scenario_uninstrument() -> Iterator[tuple[str, str]]:
    from django.core.handlers.base import BaseHandler

    before = dict(vars(BaseHandler))
    yield from answers("/user/1")
    patch.uninstrument()
    changed = {name for name, value in vars(BaseHandler).items() if before.get(name) is not value}
    yield "changed", str(sorted(changed - {"load_middleware"}))
    yield from answers("/user/1")


if __name__ == "__main__":
    sys.modules.setdefault("django_child", sys.modules["__main__"])
    import logging

    logging.disable(logging.CRITICAL)
    django.setup()
    results = {}
    for name, answer in globals()[f"scenario_{sys.argv[2]}"]():
        results[name] = {"answer": answer, "spans": [span._asdict() for span in recorder.take()]}
    print(json.dumps({"results": results, "events": events, "middleware": settings.MIDDLEWARE}))
