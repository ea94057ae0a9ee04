# SPDX-License-Identifier: Apache-2.0
"""Which request gets which answer, on which port, after which check."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from otel_distro.runtime import log
from otel_distro.viewer.api import jaeger_v1, jaeger_v3, own
from otel_distro.viewer.ingest.worker import Refused
from otel_distro.viewer.web import access, receive
from otel_distro.viewer.web.assets import PAGES, Asset, read_all, script_hashes
from otel_distro.viewer.web.http import BadRequestError, Request, Response, decoded, json_response
from otel_distro.viewer.web.live import Live

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from typing import TypeAlias

    from otel_distro.viewer.ingest.worker import Worker
    from otel_distro.viewer.web.access import Policy

    Answer: TypeAlias = "Callable[[Request, list[str]], Response | Awaitable[Response]]"

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FOREIGN_CSP = (
    "default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; font-src 'self' data:; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
    "X-Frame-Options": "DENY",
}
_PAGES = frozenset({"/", "/search", "/errors", "/endpoints", "/map", "/compare", "/dependencies", "/about"})


class Route(NamedTuple):
    """What a request leads to. arguments: the parts of the path that stand for something."""

    role: str
    answer: Answer
    arguments: list[str]


class App:
    """Answers the requests of all ports."""

    def __init__(self, worker: Worker, policy: Policy, assets_path: Path | None = None) -> None:
        """assets_path: pages to serve instead of ours, e.g. Jaeger's. Raises OSError when it cannot be read."""
        self.worker = worker
        self.policy = policy
        self.live = Live()
        self.ingest_ports: set[int] = set()
        self.stop: Callable[[], None] = lambda: None
        self.ports: dict[str, int] = {}
        self._store = worker.store
        self._assets = read_all(PAGES if assets_path is None else assets_path)
        self._foreign = assets_path is not None
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="otel-distro-query")

    def close(self) -> None:
        """End the threads that read."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def admit(self, request: Request) -> Response | None:
        """Refuse by the head alone; None lets the body be read."""
        route = self._route(request)
        if route is None:
            role = access.API if request.method in ("GET", "HEAD") else access.ACTION
            refusal = access.check(request, access.ASSET, self.policy)
            if refusal is None:
                known = self._route_of_get(request) is not None
                status, text = (
                    (405, "this address is read only\n") if known and role == access.ACTION else (404, "not found\n")
                )
                return self._dressed(Response(status, text.encode()), request)
            return self._refused(request, refusal)
        refusal = access.check(request, route.role, self.policy)
        if refusal is not None:
            return self._refused(request, refusal)
        if route.role == access.INGEST and request.method == "POST":
            why = receive.refusal(request.path, request.headers.get("content-type", ""))
            if why:
                return self._dressed(Response(415, f"{why}\n".encode()), request)
        return None

    async def handle(self, request: Request) -> Response:
        """Answer an admitted request."""
        route = self._route(request)
        assert route is not None, "admit() has refused it"
        if request.body and "content-encoding" in request.headers:
            encoding = request.headers["content-encoding"]
            loop = asyncio.get_running_loop()
            request.body = await loop.run_in_executor(self._pool, decoded, request.body, encoding)
        answer = route.answer(request, route.arguments)
        response = answer if isinstance(answer, Response) else await answer
        return self._dressed(response, request, route.role)

    # -- routes ----------------------------------------------------------------------------------------------

    def _route(self, request: Request) -> Route | None:
        method = "GET" if request.method == "HEAD" else request.method
        path = request.path
        if method == "POST" and path in receive.PATHS:
            return Route(access.INGEST, self._ingest, [])
        if method == "OPTIONS" and path in receive.PATHS and self.policy.cors_origins:
            return Route(access.INGEST, self._preflight, [])
        if request.port in self.ingest_ports:
            if method == "GET" and path == "/sampling":
                return Route(access.INGEST, self._sampling, [])
            return Route(access.PAGE, self._signpost, []) if method == "GET" and path == "/" else None
        if method == "GET":
            return self._route_of_get(request)
        if method == "POST" and path == "/api/ui/import":
            return Route(access.ACTION, self._import, [])
        if method == "POST" and path == "/api/ui/clear":
            return Route(access.ACTION, self._clear, [])
        if method == "POST" and path == "/api/ui/stop":
            return Route(access.ACTION, self._stop, [])
        return None

    def _route_of_get(self, request: Request) -> Route | None:
        path = request.path
        if path in self._assets:
            return Route(access.ASSET, self._asset, [path])
        parts = request.parts()
        if parts[0] != "api":
            is_page = path in _PAGES or (parts[0] in ("trace", "compare") and len(parts) <= 2)
            return Route(access.PAGE, self._page, []) if is_page else None
        if path == "/api/ui/live":
            return Route(access.API, self._live, [])
        found = QUERIES.get(tuple(parts[1:])) or _pattern(parts[1:])
        return None if found is None else Route(access.API, self._query, [found[0], *found[1]])

    # -- answers ---------------------------------------------------------------------------------------------

    async def _query(self, request: Request, arguments: list[str]) -> Response:
        name, *parts = arguments
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._answer_query, request, name, parts)

    def _answer_query(self, request: Request, name: str, parts: list[str]) -> Response:
        store, query = self._store, request.query()
        if name == "v1.search":
            ids = [value for key, value in parse_qsl(request.query_text) if key == "traceID"]
            return jaeger_v1.search(store, query, ids[:100])
        if name == "own.status":
            dropped = {"refused_requests": self.worker.dropped, "ports": self.ports}
            return own.status(store, dropped)
        simple = {"v1.services": jaeger_v1.services, "v3.services": jaeger_v3.services}
        if name in simple:
            return simple[name](store)
        with_query = {
            "v1.operations": jaeger_v1.operations,
            "v1.dependencies": jaeger_v1.dependencies,
            "v3.operations": jaeger_v3.operations,
            "v3.search": jaeger_v3.search,
            "v3.summaries": jaeger_v3.summaries,
            "own.traces": own.trace_list,
            "own.map": own.service_map,
            "own.endpoints": own.endpoints,
            "own.errors": own.errors,
            "own.suggest": own.suggest,
        }
        if name in with_query:
            return with_query[name](store, query)
        if name == "v1.trace":
            return jaeger_v1.trace(store, parts[0])
        if name == "v1.service_operations":
            return jaeger_v1.service_operations(store, parts[0])
        if name == "v3.trace":
            return jaeger_v3.trace(store, parts[0])
        trace_id = own.trace_id_of(parts[0])
        if name == "own.trace":
            return own.trace(store, trace_id)
        if name == "own.analysis":
            return own.analysis(store, trace_id)
        if name == "own.export":
            return own.export(store, trace_id, query.get("format", "otlp"))
        return own.span(store, trace_id, parts[1].lower(), query.get("chunk", ""))

    async def _ingest(self, request: Request, _: list[str]) -> Response:
        decode, form = receive.decoder(request.path, request.headers.get("content-type", ""), request.body)
        request.body = b""  # the decoder holds it until it is stored
        result = await asyncio.wrap_future(self.worker.submit(decode))
        if isinstance(result, Refused):
            retry = {"Retry-After": "1"} if result.status == 503 else {}
            return Response(result.status, f"{result.reason}\n".encode(), headers=retry)
        return receive.success(form, result)

    def _preflight(self, request: Request, _: list[str]) -> Response:
        return Response(
            204,
            headers={
                "Access-Control-Allow-Methods": "POST",
                "Access-Control-Allow-Headers": request.headers.get("access-control-request-headers", "content-type"),
                "Access-Control-Max-Age": "600",
            },
        )

    def _sampling(self, _request: Request, _: list[str]) -> Response:
        """Old Jaeger clients ask how much to sample, and take one trace in a thousand without an answer."""
        return json_response({"strategyType": "PROBABILISTIC", "probabilisticSampling": {"samplingRate": 1}})

    def _signpost(self, _request: Request, _: list[str]) -> Response:
        text = f"otel-distro receives traces here; its pages are at http://localhost:{self.policy.ui_port}/\n"
        return Response(200, text.encode())

    def _page(self, request: Request, _: list[str]) -> Response:
        token = request.query().get("t", "")
        if token and access.token_matches(token, self.policy):
            cookie = f"{access.cookie_name(self.policy)}={access.cookie_value(self.policy)}"
            return Response(
                303,
                headers={
                    "Location": _without_token(request),
                    "Set-Cookie": f"{cookie}; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000",
                    "Cache-Control": "no-store",
                },
            )
        return self._asset(request, ["/index.html"])

    def _asset(self, request: Request, arguments: list[str]) -> Response:
        asset: Asset = self._assets[arguments[0]]
        headers = {"Cache-Control": "no-cache", "ETag": asset.etag}
        if self._foreign and asset.content_type.startswith("text/html"):
            headers["Content-Security-Policy"] = _FOREIGN_CSP.format(hashes=script_hashes(asset.body))
        if request.headers.get("if-none-match") == asset.etag:
            return Response(304, headers=headers)
        return Response(200, asset.body, asset.content_type, headers)

    def _live(self, _request: Request, _: list[str]) -> Response:
        return Response(
            200,
            content_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
            stream=self.live.events(),
        )

    async def _import(self, request: Request, _: list[str]) -> Response:
        decode = receive.file_decoder(request.body)
        result = await asyncio.wrap_future(self.worker.submit(decode))
        if isinstance(result, Refused):
            return json_response({"error": result.reason}, result.status)
        return json_response({"accepted": result.accepted, "rejected": result.rejected})

    async def _clear(self, _request: Request, _: list[str]) -> Response:
        await asyncio.wrap_future(self.worker.clear())
        return json_response({"cleared": True})

    def _stop(self, _request: Request, _: list[str]) -> Response:
        asyncio.get_running_loop().call_later(0.05, self.stop)
        return json_response({"stopping": True})

    # -- dress -----------------------------------------------------------------------------------------------

    def _refused(self, request: Request, refusal: access.Refusal) -> Response:
        if refusal.status == 421:
            host = request.headers.get("host", "")[:100]
            log.warn(
                f"viewer: refused a request for host {host!r}; --allowed-host NAME allows it",
                key="viewer host",
            )
        return self._dressed(Response(refusal.status, f"{refusal.reason}\n".encode()), request)

    def _dressed(self, response: Response, request: Request, role: str = "") -> Response:
        headers = response.headers
        for name, value in _SAFE.items():
            headers.setdefault(name, value)
        headers.setdefault("Content-Security-Policy", CSP)
        headers.setdefault("Cache-Control", "no-store")
        origin = request.headers.get("origin", "")
        if role == access.INGEST and origin in self.policy.cors_origins:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Vary"] = "Origin"
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response


QUERIES: dict[tuple[str, ...], tuple[str, list[str]]] = {
    ("services",): ("v1.services", []),
    ("operations",): ("v1.operations", []),
    ("traces",): ("v1.search", []),
    ("dependencies",): ("v1.dependencies", []),
    ("v3", "services"): ("v3.services", []),
    ("v3", "operations"): ("v3.operations", []),
    ("v3", "traces"): ("v3.search", []),
    ("v3", "trace-summaries"): ("v3.summaries", []),
    ("ui", "status"): ("own.status", []),
    ("ui", "traces"): ("own.traces", []),
    ("ui", "map"): ("own.map", []),
    ("ui", "endpoints"): ("own.endpoints", []),
    ("ui", "errors"): ("own.errors", []),
    ("ui", "suggest"): ("own.suggest", []),
}


def _pattern(parts: list[str]) -> tuple[str, list[str]] | None:
    match parts:
        case ["traces", trace_id]:
            return "v1.trace", [trace_id]
        case ["services", service, "operations"]:
            return "v1.service_operations", [service]
        case ["v3", "traces", trace_id]:
            return "v3.trace", [trace_id]
        case ["ui", "traces", trace_id]:
            return "own.trace", [trace_id]
        case ["ui", "traces", trace_id, "analysis" | "export" as what]:
            return f"own.{what}", [trace_id]
        case ["ui", "traces", trace_id, "spans", span_id]:
            return "own.span", [trace_id, span_id]
    return None


def _without_token(request: Request) -> str:
    rest = "&".join(part for part in request.query_text.split("&") if part and not part.startswith("t="))
    path = "/" + request.raw_path.lstrip("/")  # `//host` would lead away
    return f"{path}?{rest}" if rest else path


__all__ = ["App", "BadRequestError", "Route"]
