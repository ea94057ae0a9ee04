# SPDX-License-Identifier: Apache-2.0
"""The same spans to a real Jaeger and to the viewer: both query APIs give the same answers."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.harness.jaeger import Jaeger, running_jaeger
from tests.harness.viewer_spans import SECOND, Request, checkout, orders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.viewer_process import ViewerProcess

pytestmark = pytest.mark.jaeger
NOW = time.time_ns() // SECOND * SECOND - 60 * SECOND
ODD = {"l": [1, 2.5, "x"], "b": b"\x01\x02", "m": {"a": True}, "n": -3, "big": 1 << 60, "f": 1.5, "t": True}


@pytest.fixture(scope="module")
def jaeger() -> Iterator[Jaeger]:
    """The real one."""
    with running_jaeger("v2") as running:
        yield running


@pytest.fixture(scope="module")
def ids(jaeger: Jaeger, viewer: ViewerProcess) -> dict[str, str]:
    """Three traces that both have."""
    request = Request()
    found = {"orders": orders(request, NOW, 7).hex(), "checkout": checkout(request, NOW + SECOND).hex()}
    found["odd"] = request.span("odd", service="odd", start=NOW, attributes=ODD)[0].hex()
    viewer.send(request.bytes())
    headers = {"Content-Type": "application/x-protobuf"}
    urllib.request.urlopen(urllib.request.Request(f"{jaeger.otlp_http}/v1/traces", request.bytes(), headers)).close()
    for name, count in (("orders", 11), ("checkout", 10), ("odd", 1)):
        jaeger.wait_for_trace(found[name], count)
    return found


def both(jaeger: Jaeger, viewer: ViewerProcess, path: str) -> tuple[tuple[int, Any], tuple[int, Any]]:
    """(status, JSON) of the real one and of ours, in one order."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{jaeger.query_port}{path}", timeout=10) as answer:
            theirs = (answer.status, json.loads(answer.read().replace(b"token=abc", b"token=REDACTED")))
    except urllib.error.HTTPError as error:
        theirs = (error.code, json.load(error))
    ours = viewer.ask("GET", path)
    return (theirs[0], ordered(theirs[1])), (ours.status, ordered(ours.json))


def ordered(value: Any) -> Any:
    """Lists sorted, processes by content instead of by number: neither API promises an order."""
    if isinstance(value, dict):
        if "processes" in value:
            names = {name: json.dumps(ordered(process)) for name, process in value["processes"].items()}
            spans = [{**span, "processID": names[span["processID"]]} for span in value["spans"]]
            value = {**value, "processes": sorted(names.values()), "spans": spans}
        return {key: ordered(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((ordered(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


@pytest.mark.parametrize(
    "path",
    [
        "/api/services",
        "/api/services/stock/operations",
        "/api/services/nobody/operations",
        "/api/operations?service=shop",
        "/api/operations?service=shop&spanKind=client",
        "/api/traces/{orders}",
        "/api/traces/{checkout}",
        "/api/traces/{odd}",
        f"/api/traces/{'1' * 32}",
        "/api/v3/services",
        "/api/v3/operations?service=shop",
        "/api/v3/traces/{checkout}",
        "/api/v3/traces/{odd}",
        f"/api/v3/traces/{'1' * 32}",
        "/api/v3/traces?query.serviceName=shop",
    ],
)
def test_equal_answers(jaeger: Jaeger, viewer: ViewerProcess, ids: dict[str, str], path: str) -> None:
    """Status and content, apart from order and from secrets, which the viewer does not store."""
    theirs, ours = both(jaeger, viewer, path.format(**ids))

    assert theirs == ours


@pytest.mark.parametrize(
    "query",
    [
        {"service": "shop"},
        {"service": "stock"},
        {"service": "shop", "operation": "orders view"},
        {"service": "shop", "tags": '{"http.route":"/checkout/"}'},
        {"service": "stock", "tags": '{"db.system.name":"mysql"}'},
        {"service": "shop", "minDuration": "200ms"},
        {"service": "stock", "minDuration": "200ms"},
        {"service": "shop", "operation": "POST /checkout/", "maxDuration": "100ms"},
        {"service": "nobody"},
    ],
)
def test_equal_searches(jaeger: Jaeger, viewer: ViewerProcess, ids: dict[str, str], query: dict[str, str]) -> None:
    """The same traces, v1 and v3. (Jaeger's memory finds tags by text values only, the viewer also others.)"""
    times = {"start": (NOW - 3600 * SECOND) // 1000, "end": (NOW + 3600 * SECOND) // 1000}
    theirs, ours = both(jaeger, viewer, f"/api/traces?{urlencode({**query, **times})}")
    assert theirs == ours
    if "tags" in query:
        return  # Jaeger 2.20 finds no attributes in v3
    rfc = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW // SECOND + shift)) for shift in (-3600, 3600)]
    names = {"service": "service_name", "operation": "operation_name", "tags": "attributes",
             "minDuration": "duration_min", "maxDuration": "duration_max"}  # fmt: skip
    v3 = {f"query.{names[key]}": value for key, value in query.items()}
    v3 |= {"query.start_time_min": rfc[0], "query.start_time_max": rfc[1], "query.num_traces": "20"}

    theirs, ours = both(jaeger, viewer, f"/api/v3/traces?{urlencode(v3)}")

    assert theirs[0] == ours[0]
    assert span_ids(theirs[1]) == span_ids(ours[1])


@pytest.mark.parametrize(
    "path", ["/api/traces/zz", "/api/traces?service=shop&tags=x", "/api/traces?service=shop&start=x"]
)
def test_equal_refusals(jaeger: Jaeger, viewer: ViewerProcess, ids: dict[str, str], path: str) -> None:
    """The same status in the same shape; the words differ."""
    theirs, ours = both(jaeger, viewer, path)

    assert theirs[0] == ours[0]
    assert theirs[1]["errors"][0]["code"] == ours[1]["errors"][0]["code"]


def test_equal_dependencies(jaeger: Jaeger, viewer: ViewerProcess, ids: dict[str, str]) -> None:
    """Calls between services; Jaeger's memory also counts those inside one."""
    query = urlencode({"endTs": time.time_ns() // 1_000_000, "lookback": 3_600_000})
    theirs, ours = both(jaeger, viewer, f"/api/dependencies?{query}")

    assert [edge for edge in theirs[1]["data"] if edge["parent"] != edge["child"]] == ours[1]["data"]


def span_ids(value: Any) -> list[str]:
    """All span ids of a v3 answer."""
    blocks = value.get("result", {}).get("resourceSpans", [])
    return sorted(span["spanId"] for block in blocks for group in block["scopeSpans"] for span in group["spans"])
