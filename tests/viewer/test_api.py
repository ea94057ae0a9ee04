# SPDX-License-Identifier: Apache-2.0
"""Jaeger's two query APIs and our own, over HTTP, for the same spans."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.harness.viewer_process import OTLP, ViewerProcess
from tests.harness.viewer_spans import MS, SECOND, SERVER, Request, checkout, orders

NOW = time.time_ns() // SECOND * SECOND - 60 * SECOND


@pytest.fixture(scope="module")
def ids(viewer: ViewerProcess) -> dict[str, str]:
    """Two traces, by the name of their first span."""
    request = Request()
    found = {"orders": orders(request, NOW).hex(), "checkout": checkout(request, NOW + SECOND).hex()}
    viewer.send(request.bytes())
    return found


def v1(viewer: ViewerProcess, path: str, **query: object) -> Any:
    """The data of a v1 answer."""
    answer = viewer.get(f"{path}?{urlencode(query)}")
    assert {"data", "total", "limit", "offset", "errors"} == set(answer)
    assert answer["errors"] is None
    return answer["data"]


def test_v1_services_and_operations(viewer: ViewerProcess, ids: dict[str, str]) -> None:
    """Sorted names; operations also with their kinds."""
    assert ["mailer", "payments", "shop", "stock"] == v1(viewer, "/api/services")
    assert ["GET /api/items/{id}", "SELECT stock"] == v1(viewer, "/api/services/stock/operations")
    assert [{"name": "GET /api/items/{id}", "spanKind": "server"}] == v1(
        viewer, "/api/operations", service="stock", spanKind="server"
    )
    assert 400 == viewer.ask("GET", "/api/operations").status


def test_v1_trace(viewer: ViewerProcess, ids: dict[str, str]) -> None:
    """Times in µs, processes apart, parents as CHILD_OF, kind and status as tags, exceptions as logs."""
    (trace,) = v1(viewer, f"/api/traces/{ids['checkout']}")
    spans = {span["operationName"]: span for span in trace["spans"]}
    root = spans["POST /checkout/"]
    tags = {tag["key"]: (tag["type"], tag["value"]) for tag in root["tags"]}

    assert ids["checkout"] == trace["traceID"]
    assert {"shop", "stock", "payments", "mailer"} == {p["serviceName"] for p in trace["processes"].values()}
    assert ((NOW + SECOND) // 1000, 418_000, []) == (root["startTime"], root["duration"], root["references"])
    assert ("string", "server") == tags["span.kind"]
    assert ("int64", 500) == tags["http.response.status_code"]
    assert ("bool", True) == tags["error"]
    assert ("string", "ERROR") == tags["otel.status_code"]
    assert ("string", "otel_distro.django") == tags["otel.scope.name"]
    fields = {field["key"]: field["value"] for field in root["logs"][0]["fields"]}
    assert ("exception", "shop.payments.PaymentDeclined") == (fields["event"], fields["exception.type"])
    charge = spans["POST /charge"]["references"][0]
    assert ("CHILD_OF", ids["checkout"]) == (charge["refType"], charge["traceID"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"service": "shop"}, {"orders", "checkout"}),
        ({"service": "stock"}, {"checkout"}),
        ({"service": "nobody"}, set()),
        ({}, {"orders", "checkout"}),
        ({"service": "shop", "operation": "orders view"}, {"orders"}),
        ({"service": "shop", "operation": "POST /charge"}, set()),  # another service's operation
        ({"service": "shop", "tags": '{"error":"true"}'}, {"checkout"}),
        ({"service": "shop", "tags": '{"http.response.status_code":"500"}'}, {"checkout"}),
        ({"service": "shop", "tags": '{"http.route":"/orders/","db.namespace":"shop"}'}, set()),  # not on one span
        ({"service": "payments", "tags": '{"service.version":"1.4"}'}, {"checkout"}),  # a process tag
        ({"service": "shop", "minDuration": "320ms"}, {"orders", "checkout"}),
        ({"service": "shop", "minDuration": "400ms"}, {"checkout"}),
        ({"service": "stock", "minDuration": "200ms"}, set()),
        ({"service": "shop", "operation": "POST /checkout/", "maxDuration": "100ms"}, set()),
        ({"service": "shop", "end": NOW // 1000}, {"orders"}),
        ({"service": "shop", "start": (NOW + SECOND) // 1000}, {"checkout"}),
        ({"service": "shop", "limit": 1}, {"checkout"}),
    ],
)
def test_v1_search(viewer: ViewerProcess, ids: dict[str, str], query: dict[str, object], found: set[str]) -> None:
    """One span must have all that is asked for, as in Jaeger."""
    names = {trace_id: name for name, trace_id in ids.items()}

    assert found == {names[trace["traceID"]] for trace in v1(viewer, "/api/traces", **query)}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/traces/" + "1" * 32, 404),
        ("/api/traces/zz", 400),
        ("/api/traces?tags=x", 400),
        ("/api/traces?minDuration=soon", 400),
        ("/api/traces?start=x", 400),
        ("/api/dependencies?endTs=x", 400),
    ],
)
def test_v1_errors(viewer: ViewerProcess, ids: dict[str, str], path: str, status: int) -> None:
    """`{"errors": [{code, msg}]}` with the same status."""
    answer = viewer.ask("GET", path)

    assert status == answer.status
    assert status == answer.json["errors"][0]["code"]
    assert answer.json["data"] is None


def test_v1_dependencies(viewer: ViewerProcess, ids: dict[str, str]) -> None:
    """Calls between services; databases and queues are none."""
    query = {"endTs": time.time_ns() // 1_000_000, "lookback": 3_600_000}
    expected = [("shop", "mailer", 1), ("shop", "payments", 1), ("shop", "stock", 1)]

    found = v1(viewer, "/api/dependencies", **query)

    assert expected == [(edge["parent"], edge["child"], edge["callCount"]) for edge in found]
    assert [] == v1(viewer, "/api/dependencies", endTs=1000, lookback=1000)


def test_64_bit_ids_have_16_digits(fresh_viewer: ViewerProcess) -> None:
    """Old Jaeger clients make them; leading zeros may be left out when asking."""
    request = Request()
    request.span("old", service="legacy", trace_id=bytes(8) + b"\x00" + b"\xab" * 7)
    fresh_viewer.send(request.bytes())

    (trace,) = v1(fresh_viewer, "/api/traces/ababababababab")

    assert "00ababababababab" == trace["traceID"]


def times() -> dict[str, str]:
    """An hour around now, in RFC 3339."""
    now = time.gmtime()
    day = time.strftime("%Y-%m-%dT", now)
    return {"query.startTimeMin": f"{day}00:00:00.5Z", "query.startTimeMax": f"{day}23:59:59.123456789Z"}


def test_v3_services_and_operations(viewer: ViewerProcess, ids: dict[str, str]) -> None:
    """As Jaeger's own pages ask, in both spellings."""
    assert {"mailer", "payments", "shop", "stock"} <= set(viewer.get("/api/v3/services")["services"])
    expected = {"operations": [{"name": "GET /api/items/{id}", "spanKind": "server"}]}
    assert expected == viewer.get("/api/v3/operations?service=stock&spanKind=server")
    assert expected == viewer.get("/api/v3/operations?service=stock&span_kind=server")


def test_v3_trace(viewer: ViewerProcess, ids: dict[str, str]) -> None:
    """OTLP: hexadecimal ids, numeric enums, int64 as text; the id may be base64."""
    answer = viewer.get(f"/api/v3/traces/{ids['checkout']}")
    spans = [s for block in answer["result"]["resourceSpans"] for group in block["scopeSpans"] for s in group["spans"]]
    root = next(span for span in spans if span["name"] == "POST /checkout/")

    assert (ids["checkout"], 2, {"code": 2}) == (root["traceId"], root["kind"], root["status"])
    assert str(NOW + SECOND) == root["startTimeUnixNano"]
    assert {"key": "http.response.status_code", "value": {"intValue": "500"}} in root["attributes"]
    # a slash in the base64 comes as %2F
    encoded = quote(base64.b64encode(bytes.fromhex(ids["checkout"])).decode(), safe="")
    assert answer == viewer.get(f"/api/v3/traces/{encoded}")


def test_v3_not_found(viewer: ViewerProcess) -> None:
    """404 with the error inside, also for a search without result."""
    for path in (
        f"/api/v3/traces/{'1' * 32}",
        f"/api/v3/traces?{urlencode({**times(), 'query.serviceName': 'nobody'})}",
    ):
        answer = viewer.ask("GET", path)
        assert (404, 404) == (answer.status, answer.json["error"]["httpCode"])


def test_v3_search_needs_its_times(viewer: ViewerProcess) -> None:
    """Both, readable; else 400."""
    for query in ({}, {"query.startTimeMin": "x", "query.startTimeMax": "y"}):
        assert 400 == viewer.ask("GET", f"/api/v3/traces?{urlencode(query)}").status


def test_v3_summaries(viewer: ViewerProcess, ids: dict[str, str]) -> None:
    """Counts per service; an empty list is no error."""
    query = {**times(), "query.serviceName": "stock"}
    (summary,) = viewer.get(f"/api/v3/trace-summaries?{urlencode(query)}")["summaries"]

    assert (ids["checkout"], "shop", "POST /checkout/") == (
        summary["traceId"], summary["rootServiceName"], summary["rootOperationName"],
    )  # fmt: skip
    assert (10, 2, 0) == (summary["spanCount"], summary["errorSpanCount"], summary["orphanSpanCount"])
    assert {"name": "stock", "spanCount": 3, "errorSpanCount": 0} in summary["services"]
    assert str(NOW + SECOND) == summary["minStartTimeUnixNano"]
    snake = {
        "query.start_time_min": times()["query.startTimeMin"],
        "query.start_time_max": times()["query.startTimeMax"],
    }
    nobody = {**snake, "query.service_name": "nobody"}
    assert {"summaries": []} == viewer.get(f"/api/v3/trace-summaries?{urlencode(nobody)}")


def test_own_list_and_trace(viewer: ViewerProcess, ids: dict[str, str]) -> None:
    """Badges in the list; the summary rows of a trace; its analysis; one span in full."""
    listed = viewer.get(f"/api/ui/traces?{urlencode({'q': 'http.route=/orders/'})}")
    assert [(ids["orders"], ["N+1 \u00d721"], 25)] == [(t["id"], t["badges"], t["spans"]) for t in listed["traces"]]
    trace = viewer.get(f"/api/ui/traces/{ids['orders']}")
    assert 25 == sum(len(chunk["r"]) for chunk in trace["chunks"])
    analysis = viewer.get(f"/api/ui/traces/{ids['orders']}/analysis")
    finding = analysis["findings"][0]
    assert ("n_plus_one", 21, "/app/shop/models.py:88") == (finding["kind"], finding["times"], finding["place"])
    span = viewer.get(f"/api/ui/traces/{ids['orders']}/spans/{finding['spans'][0]}?chunk={trace['chunks'][0]['key']}")
    assert "SELECT shop_item" == span["scopeSpans"][0]["spans"][0]["name"]


def test_own_pages_data(viewer: ViewerProcess, ids: dict[str, str]) -> None:
    """Endpoints, errors, map, suggestions, status."""
    endpoints = {e["name"]: e for e in viewer.get("/api/ui/endpoints")["endpoints"]}
    assert (1, 1) == (endpoints["POST /checkout/"]["calls"], endpoints["POST /checkout/"]["errors"])
    assert abs(endpoints["POST /checkout/"]["p50"] / (418 * MS) - 1) < 0.023
    errors = {e["type"]: e for e in viewer.get("/api/ui/errors")["errors"]}
    declined = errors["shop.payments.PaymentDeclined"]
    assert ("/app/shop/payments.py:41", ids["checkout"]) == (declined["place"], declined["trace"])
    edges = {(e["parent"], e["child"]): e["kind"] for e in viewer.get("/api/ui/map")["edges"]}
    assert "call" == edges["shop", "stock"]
    assert "db" == edges["stock", "mysql shop"]
    assert "http" == edges["shop", "rates.example.com"]
    assert ("shop", "stock.internal") not in edges  # it reports itself
    assert "http.route" in viewer.get("/api/ui/suggest?prefix=http.r")["values"]
    assert ["/orders/"] == viewer.get("/api/ui/suggest?key=http.route&prefix=/o")["values"]
    assert viewer.get("/api/ui/status")["traces"] >= 2


@pytest.mark.parametrize("form", ["otlp", "jaeger"])
def test_export_and_import(fresh_viewer: ViewerProcess, viewer: ViewerProcess, ids: dict[str, str], form: str) -> None:
    """What one viewer exports another imports, also twice: the same trace."""
    exported = viewer.ask("GET", f"/api/ui/traces/{ids['checkout']}/export?format={form}")
    assert "attachment" in exported.headers["content-disposition"]

    for _ in range(2):
        answer = fresh_viewer.ask("POST", "/api/ui/import", exported.body, {"Content-Type": "application/json"})
        assert {"accepted": 10, "rejected": 0} == answer.json

    assert viewer.get(f"/api/traces/{ids['checkout']}") == fresh_viewer.get(f"/api/traces/{ids['checkout']}")
    (listed,) = fresh_viewer.get("/api/ui/traces")["traces"]
    assert (10, 2) == (listed["spans"], listed["errors"])


def test_otlp_answers(fresh_viewer: ViewerProcess) -> None:
    """Protobuf is answered in protobuf and JSON in JSON, rejected spans are told; logs and metrics are taken."""
    request = Request()
    request.span("bad", trace_id=b"short")
    request.span("good")
    protobuf = fresh_viewer.ask("POST", "/v1/traces", request.bytes(), {"Content-Type": OTLP}, with_token=False)
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    assert OTLP == protobuf.headers["content-type"]
    assert 1 == ExportTraceServiceResponse.FromString(protobuf.body).partial_success.rejected_spans
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "00", "spanId": "00"}]}]}]}).encode()
    answer = fresh_viewer.ask(
        "POST", "/v1/traces", body, {"Content-Type": "application/json; charset=utf-8"}, with_token=False
    )
    assert "1" == answer.json["partialSuccess"]["rejectedSpans"]
    for path in ("/v1/logs", "/v1/metrics"):
        assert 200 == fresh_viewer.ask("POST", path, b"", {"Content-Type": OTLP}, with_token=False).status


def test_a_span_of_each_kind_and_a_server_span_without_route(fresh_viewer: ViewerProcess) -> None:
    """Names and attributes may be empty or missing."""
    request = Request()
    trace_id, _ = request.span("", service="empty", kind=SERVER)
    fresh_viewer.send(request.bytes())

    assert "" == fresh_viewer.get(f"/api/ui/traces/{trace_id.hex()}")["trace"]["name"]
    assert 1 == len(v1(fresh_viewer, f"/api/traces/{trace_id.hex()}"))
