# SPDX-License-Identifier: Apache-2.0
"""Requests to the apps of examples/, and the traces that they must leave."""

from __future__ import annotations

import re
import urllib.parse
from typing import TYPE_CHECKING, NamedTuple

from tests.harness.trace_tree import Span, all_spans

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
        server.children = [client]
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
        server.children = [_client(service, url, 200, failed=False)]
        return Step(path, 200, server)

    return [page("/", None, "open"), page("/?state=all", "state=all", "all")]


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


# what each request of visit_graphs() is called, and its status
GRAPHS_SERVER_SPANS = [
    ("GET /accounts/login/", 200),
    ("GET /accounts/sign-up/", 200),
    ("POST /accounts/sign-up/", 302),
    ("GET /", 200),
    ("GET /", 200),
    ("POST /", 302),
    ("GET /pictures/<int:pk>/", 200),
    ("GET /pictures/<int:pk>/", 404),
]


def messages_of(page: str) -> list[str]:
    """What the site told its user."""
    return re.findall(r'<li class="(?:success|warning|error)">(.*?)</li>', page, re.DOTALL)


def check_graphs(service: str, roots: list[Span]) -> None:
    """Compare the traces of visit_graphs(): the pages, and below them their database queries.

    What else is below a page (view, template, cache) is the Django instrumentor's choice.
    """
    found = [(page.name, page.attributes["http.response.status_code"]) for page in roots]
    assert found == GRAPHS_SERVER_SPANS
    for page in roots:
        assert (page.service, page.kind, page.status) == (service, "server", "UNSET"), page.name
    texts = [_queries(page) for page in roots]
    assert texts[0] == ""  # the log-in page asks nothing
    assert 'INSERT INTO "auth_user"' in texts[2]
    assert "graphs_picture" in texts[3]
    assert "graphs_picture" not in texts[4]  # the second list is from the cache
    assert 'INSERT INTO "graphs_picture"' in texts[5]


def _queries(page: Span) -> str:
    """The text of all queries below a page; each must be a client span of SQLite."""
    queries = [span for span in all_spans(page.children) if "db.query.text" in span.attributes]
    for query in queries:
        assert (query.kind, query.attributes["db.system.name"]) == ("client", "sqlite"), query.name
    return " ".join(str(query.attributes["db.query.text"]) for query in queries)
