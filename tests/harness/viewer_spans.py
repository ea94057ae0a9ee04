# SPDX-License-Identifier: Apache-2.0
"""Spans for the viewer: as OTLP bytes made by Google's protobuf, which is not the code under test, and as stories."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from otel_distro.wire.otlp_decode import TraceRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_distro.wire.otlp_decode import SpanOrigin

MS = 1_000_000
SECOND = 1_000_000_000
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
STACKTRACE = """Traceback (most recent call last):
  File "/app/.venv/lib/python3.11/site-packages/django/core/handlers/exception.py", line 55, in inner
    response = get_response(request)
  File "/app/shop/views.py", line 88, in checkout
    charge(order)
  File "/app/shop/payments.py", line 41, in charge
    raise PaymentDeclined(order.total)
shop.payments.PaymentDeclined: card declined for order 4711
"""
_random = random.Random(20)


def new_id(size: int) -> bytes:
    """A random id."""
    return _random.randbytes(size)


class Request:
    """An export request that grows span by span; one resource per service."""

    def __init__(self) -> None:
        self.message = ExportTraceServiceRequest()
        self._spans: dict[str, Any] = {}

    def span(
        self,
        name: str = "work",
        *,
        service: str = "shop",
        trace_id: bytes | None = None,
        span_id: bytes | None = None,
        parent: bytes = b"",
        kind: int = INTERNAL,
        start: int | None = None,
        ms: float = 10,
        attributes: Mapping[str, Any] | None = None,
        error: bool = False,
        exception: tuple[str, str] | None = None,
    ) -> tuple[bytes, bytes]:
        """Add one span; returns its trace id and span id."""
        trace_id, span_id = trace_id or new_id(16), span_id or new_id(8)
        begin = time.time_ns() if start is None else start
        span = self._group(service).spans.add(
            trace_id=trace_id,
            span_id=span_id,
            parent_span_id=parent,
            name=name,
            kind=kind,
            start_time_unix_nano=begin,
            end_time_unix_nano=begin + int(ms * MS),
            flags=1,
        )
        span.attributes.extend(key_values(attributes or {}))
        if error:
            span.status.code = 2
        if exception is not None:
            fields = {"type": exception[0], "message": exception[1], "stacktrace": STACKTRACE}
            event = span.events.add(name="exception", time_unix_nano=begin)
            event.attributes.extend(key_values({f"exception.{key}": value for key, value in fields.items()}))
        return trace_id, span_id

    def query(self, parent: bytes, trace_id: bytes, start: int, ms: float, sql: str, **more: Any) -> None:
        """Add a database span below parent. more: place (file:line), service, system."""
        path, _, line = str(more.get("place", "/app/shop/views.py:31")).rpartition(":")
        words = sql.replace('"', "").split()
        table = words[words.index("FROM") + 1] if "FROM" in words else ""
        self.span(
            f"{words[0]} {table}",
            service=more.get("service", "shop"),
            trace_id=trace_id,
            parent=parent,
            kind=CLIENT,
            start=start,
            ms=ms,
            attributes={
                "db.system.name": more.get("system", "postgresql"),
                "db.namespace": "shop",
                "db.query.text": sql,
                "code.file.path": path,
                "code.line.number": int(line),
            },
        )

    def bytes(self) -> bytes:
        """The request."""
        return self.message.SerializeToString()

    def spans(self) -> Iterable[SpanOrigin]:
        """The request, decoded as the viewer does."""
        return TraceRequest(self.bytes())

    def _group(self, service: str) -> Any:
        if service not in self._spans:
            block = self.message.resource_spans.add()
            block.resource.attributes.extend(key_values({"service.name": service, "service.version": "1.4"}))
            group = block.scope_spans.add()
            group.scope.name, group.scope.version = "otel_distro.django", "1.0"
            self._spans[service] = group
        return self._spans[service]


def key_values(attributes: Mapping[str, Any]) -> list[KeyValue]:
    """Attributes in protobuf."""
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items()]


def orders(request: Request, start: int, queries: int = 21) -> bytes:
    """GET /orders/ with one query per order: the N+1 of the documentation. Returns the trace id."""
    ms = 60 + queries * 13
    trace_id, root = request.span(
        "GET /orders/",
        kind=SERVER,
        start=start,
        ms=ms,
        attributes={
            "http.request.method": "GET",
            "http.route": "/orders/",
            "url.path": "/orders/",
            "http.response.status_code": 200,
        },
    )
    view = request.span("orders view", trace_id=trace_id, parent=root, start=start + 2 * MS, ms=ms - 8)[1]
    at = start + 4 * MS
    request.query(view, trace_id, at, 3, 'SELECT "id" FROM "shop_order" WHERE "created" > %s ORDER BY "created" DESC')
    at += 5 * MS
    for _ in range(queries):
        sql = 'SELECT "id", "name", "price" FROM "shop_item" WHERE "order_id" = %s'
        request.query(view, trace_id, at, 12, sql, place="/app/shop/models.py:88")
        at += 12 * MS + MS // 2
    request.span("render orders/list.html", trace_id=trace_id, parent=view, start=at, ms=18)
    return trace_id


def checkout(request: Request, start: int, fails: bool = True) -> bytes:
    """POST /checkout/ over four services; the payment is declined when it fails. Returns the trace id."""
    trace_id, root = request.span(
        "POST /checkout/",
        kind=SERVER,
        start=start,
        ms=418,
        attributes={
            "http.request.method": "POST",
            "http.route": "/checkout/",
            "url.path": "/checkout/",
            "http.response.status_code": 500 if fails else 302,
        },
        error=fails,
        exception=("shop.payments.PaymentDeclined", "card declined for order 4711") if fails else None,
    )

    def call(method: str, url: str, at: int, ms: float, status: int) -> bytes:
        host = url.split("/")[2].split(":", maxsplit=1)[0]
        fields = {"http.request.method": method, "url.full": url, "server.address": host}
        return request.span(
            method,
            trace_id=trace_id,
            parent=root,
            kind=CLIENT,
            start=start + at * MS,
            ms=ms,
            attributes={**fields, "http.response.status_code": status},
            error=status >= 400,
        )[1]

    stock = call("GET", "http://stock.internal/api/items/17?token=abc", 20, 150, 200)
    served = request.span(
        "GET /api/items/{id}", service="stock", trace_id=trace_id, parent=stock, kind=SERVER,
        start=start + 28 * MS, ms=135, attributes={"http.route": "/api/items/{id}", "http.response.status_code": 200},
    )[1]  # fmt: skip
    for at in (40, 120):
        sql = "SELECT quantity FROM stock WHERE item = 17"
        request.query(served, trace_id, start + at * MS, 30, sql, service="stock", system="mysql")
    call("GET", "https://rates.example.com/v1/eur", 180, 120, 200)
    paying = call("POST", "http://payments:9000/charge", 305, 100, 402 if fails else 200)
    request.span(
        "POST /charge", service="payments", trace_id=trace_id, parent=paying, kind=SERVER,
        start=start + 310 * MS, ms=90, attributes={"http.response.status_code": 402 if fails else 200},
    )  # fmt: skip
    queue = {"messaging.system": "celery", "messaging.destination.name": "emails"}
    published = request.span(
        "emails publish", trace_id=trace_id, parent=root, kind=PRODUCER, start=start + 408 * MS, ms=4, attributes=queue
    )[1]
    request.span(
        "emails process", service="mailer", trace_id=trace_id, parent=published, kind=CONSUMER,
        start=start + 450 * MS, ms=80, attributes=queue,
    )  # fmt: skip
    return trace_id


def _value(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    if isinstance(value, (list, tuple)):
        return AnyValue(array_value=ArrayValue(values=[_value(item) for item in value]))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
    return AnyValue(string_value=str(value)) if value is not None else AnyValue()
