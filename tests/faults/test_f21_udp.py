# SPDX-License-Identifier: Apache-2.0
"""F21: no UDP receiver, and a span over 65,000 bytes: the rest is sent, the large one is counted."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from otel_distro.wire.jaeger_decode import decode_datagram
from tests.harness.app_oracle import Oracle
from tests.harness.jaeger_receivers import UdpReceiver

if TYPE_CHECKING:
    from pathlib import Path

APP = """
from flask import Flask
from opentelemetry import trace

app = Flask(__name__)


@app.get("/page/<int:number>")
def page(number):
    return "page"


@app.get("/crowd")
def crowd():
    for _ in range(128):
        trace.get_current_span().add_event("e", {f"key {i}": "x" * 60 for i in range(100)})
    return "crowd"


@app.get("/big")
def big():
    trace.get_current_span().set_attribute("big", "y" * 70_000)
    return "big"


client = app.test_client()
pages = [client.get(f"/page/{number}").status_code for number in range(200)]
print(set(pages), client.get("/crowd").data, client.get("/big").data)
"""


@pytest.mark.parametrize("protocol", ["udp/thrift.compact", "udp/thrift.binary"])
def test_nobody_listens(protocol: str, tmp_path: Path) -> None:
    """The app is as without us; a line says so, and the span that fits into no datagram is counted."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = Oracle(tmp_path).check(APP, variables(protocol, port))
    assert any(f"nobody listens at udp://127.0.0.1:{port}" in line for line in run.own_lines)
    assert any("spans made 202, sent 201, dropped 1" in line for line in run.own_lines)


@pytest.mark.parametrize("protocol", ["udp/thrift.compact", "udp/thrift.binary"])
def test_the_rest_arrives(protocol: str, tmp_path: Path) -> None:
    """Every other span, the one with 70 kB cut."""
    with UdpReceiver() as receiver:
        Oracle(tmp_path).check(APP, variables(protocol, receiver.port))
        datagrams = list(receiver.datagrams)
    assert max(map(len, datagrams)) <= 65_000
    names = [span.name for datagram in datagrams for span in decode_datagram(datagram).spans]
    assert (200, 1, 0) == (names.count("GET /page/<int:number>"), names.count("GET /big"), names.count("GET /crowd"))


def variables(protocol: str, port: int) -> dict[str, str]:
    return {
        "OTEL_TRACES_EXPORTER": "jaeger",
        "OTEL_EXPORTER_JAEGER_PROTOCOL": protocol,
        "OTEL_EXPORTER_JAEGER_AGENT_HOST": "127.0.0.1",
        "OTEL_EXPORTER_JAEGER_AGENT_PORT": str(port),
    }
