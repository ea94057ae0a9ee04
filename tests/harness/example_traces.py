# SPDX-License-Identifier: Apache-2.0
"""Requests to the apps of examples/, and the traces that they must leave."""

from __future__ import annotations

import re
import shutil
import urllib.parse
from typing import TYPE_CHECKING, NamedTuple

from tests.harness.trace_tree import Span

if TYPE_CHECKING:
    from tests.harness.example_apps import Answer, Browser


class Step(NamedTuple):
    """A request, the status of its answer, and the trace it leaves."""

    path: str
    status: int
    trace: Span


def jokes_scenario(jokes_url: str, prefix: str = "") -> list[Step]:
    """Requests to front, one after the other, and what each leaves behind."""
    front, jokes = prefix + "front", prefix + "jokes"

    def through(path: str, route: str, status: int, at_jokes: str, route_there: str) -> Step:
        """A page of front that asks the joke service."""
        failed = status >= 400
        server_there = _server(jokes, route_there, at_jokes, status)
        client = _client(front, jokes_url + at_jokes, status, failed)
        client.children = [server_there]
        server = _server(front, route, path, status)
        server.children = [client] if failed else [client, _page(front, "joke.html")]
        return Step(path, status, server)

    one = "/jokes/<int:number>"
    counted = _server(front, "/compute", "/compute", 200, "limit=100")
    counted.children = [
        Span(
            front,
            "internal",
            "count primes",
            attributes={"compute.limit": 100, "compute.primes": 25},
            events=[("sieve ready", {"compute.sieve_bytes": 101})],
        )
    ]
    refused = _server(front, "/compute", "/compute", 400, "limit=-1")
    message = "limit must be between 0 and 1000000"
    refused.children = [
        Span(
            front,
            "internal",
            "count primes",
            status="ERROR",
            attributes={"compute.limit": -1},
            events=[("exception", {"exception.type": "ValueError", "exception.message": message})],
        )
    ]
    return [
        through("/", "/", 200, "/jokes/random", "/jokes/random"),
        through("/jokes/2", one, 200, "/jokes/2", one),
        through("/jokes/99", one, 404, "/jokes/99", one),
        Step("/compute?limit=100", 200, counted),
        Step("/compute?limit=-1", 400, refused),
        Step("/nowhere", 404, Span(front, "server", "GET", attributes=_http("/nowhere", 404))),
    ]


def pulls_scenario(api_url: str, prefix: str = "") -> list[Step]:
    """Requests to the page of flask_pulls, and what each leaves behind."""
    service = prefix + "pulls"

    def page(path: str, query: str | None, state: str) -> Step:
        server = _server(service, "/", "/", 200, query)
        url = f"{api_url}/repos/lantern/lantern/pulls?state={state}"
        server.children = [_client(service, url, 200, failed=False), _page(service, "pulls.html")]
        return Step(path, 200, server)

    return [page("/", None, "open"), page("/?state=all", "state=all", "all")]


def _page(service: str, template: str) -> Span:
    return Span(service, "internal", f"render {template}", attributes={"template.engine": "jinja2"})


def _http(path: str, status: int) -> dict[str, object]:
    return {
        "http.request.method": "GET",
        "http.response.status_code": status,
        "url.path": path,
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "client.address": "127.0.0.1",
    }


def _server(service: str, route: str, path: str, status: int, query: str | None = None) -> Span:
    attributes = {**_http(path, status), "http.route": route}
    if query is not None:
        attributes["url.query"] = query
    return Span(service, "server", f"GET {route}", attributes=attributes)


def _client(service: str, url: str, status: int, failed: bool) -> Span:
    port = urllib.parse.urlsplit(url).port
    attributes: dict[str, object] = {
        "http.request.method": "GET",
        "http.response.status_code": status,
        "url.full": url,
        "server.address": "127.0.0.1",
        "server.port": port,
    }
    if failed:
        attributes["error.type"] = str(status)
    return Span(service, "client", "GET", status="ERROR" if failed else "UNSET", attributes=attributes)


def visit_graphs(browser: Browser) -> list[Answer]:
    """Sign up, look at the list twice, draw a graph, look at it, miss one: as a person would."""
    password = "a-lovely-graph-9"
    sign_up = {"username": "ada", "password1": password, "password2": password}
    return [
        browser.get("/accounts/login/"),
        browser.get("/accounts/sign-up/"),
        browser.post("/accounts/sign-up/", sign_up),
        browser.get("/"),
        browser.get("/"),
        browser.post("/", {"title": "shop", "source": "digraph { browser -> shop }"}),
        browser.get("/pictures/1/"),
        browser.get("/pictures/999/"),
    ]


def graphs_scenario(prefix: str = "") -> list[Step]:
    """The requests of visit_graphs() and what each leaves behind: views, queries, cache and templates."""
    service = prefix + "graphs"

    def inner(name: str, *children: Span) -> Span:
        return Span(service, "internal", name, children=list(children))

    def query(name: str) -> Span:
        return Span(service, "client", name, attributes={"db.system.name": "sqlite", "db.query.summary": name})

    def page(method: str, route: str, path: str, status: int, *children: Span) -> Step:
        attributes = {**_http(path, status), "http.request.method": method, "http.route": route}
        server = Span(service, "server", f"{method} {route}", attributes=attributes, children=list(children))
        return Step(path, status, server)

    session, user = query("SELECT django_session"), query("SELECT auth_user")
    listing = inner("render graphs/list.html")
    log_in, sign_up, one = "/accounts/login/", "/accounts/sign-up/", "/pictures/<int:pk>/"
    has_graphviz = shutil.which("dot") is not None  # without it the page says so, and nothing is started
    drawing = [Span(service, "client", "dot", attributes={"process.exit.code": 0})] if has_graphviz else []
    drawn = inner("graphs.views.picture_page", session, user, query("SELECT graphs_picture"))
    drawn.children.append(inner("render graphs/picture.html"))
    missed = inner("graphs.views.picture_page", session, user, query("SELECT graphs_picture"))
    missed.status = "ERROR"  # it raised Http404; the request itself is no error
    return [
        page(
            "GET",
            log_in,
            log_in,
            200,
            inner("django.contrib.auth.views.LoginView"),
            inner("render registration/login.html"),
        ),
        page(
            "GET",
            sign_up,
            sign_up,
            200,
            inner("graphs.views.sign_up", inner("render registration/sign_up.html")),
        ),
        page(
            "POST",
            sign_up,
            sign_up,
            302,
            inner(
                "graphs.views.sign_up",
                *(user, user, query("INSERT auth_user")),
                *(session, query("BEGIN"), query("INSERT django_session")),
                query("UPDATE auth_user"),
            ),
            *(query("BEGIN"), query("UPDATE django_session")),
        ),
        page(
            "GET",
            "/",
            "/",
            200,
            inner(
                "graphs.views.picture_list",
                *(session, user, inner("cache get"), query("SELECT graphs_picture"), inner("cache set")),
                listing,
            ),
        ),
        # the same list, from the cache
        page(
            "GET",
            "/",
            "/",
            200,
            inner("graphs.views.picture_list", session, user, inner("cache get"), listing),
        ),
        page(
            "POST",
            "/",
            "/",
            302,
            inner(
                "graphs.views.picture_list",
                *(session, user, *drawing, query("INSERT graphs_picture"), inner("cache delete")),
            ),
        ),
        page("GET", one, "/pictures/1/", 200, drawn),
        page("GET", one, "/pictures/999/", 404, missed),
    ]


def messages_of(page: str) -> list[str]:
    """What the site told its user."""
    return re.findall(r'<li class="(?:success|warning|error)">(.*?)</li>', page, re.DOTALL)
