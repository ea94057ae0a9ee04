# SPDX-License-Identifier: Apache-2.0
"""F61: hostile headers of every propagator, and a sampling server that answers junk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.app_oracle import Oracle
from tests.harness.backend import SERVER, Backend
from tests.harness.jaeger_receivers import HttpReceiver

if TYPE_CHECKING:
    from pathlib import Path

APP = """
import random
import time

from flask import Flask
from opentelemetry import baggage, propagate

NAMES = (
    "traceparent", "tracestate", "baggage", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags",
    "uber-trace-id", "uberctx-a", "jaeger-baggage", "jaeger-debug-id", "x-amzn-trace-id", "ot-tracer-traceid",
    "ot-tracer-spanid", "ot-tracer-sampled", "ot-baggage-a",
)
PARTS = (
    "00-", "-01", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", ":", ":0:", "%3A", ";", ",", "=", "d", "1",
    "Root=1-5759e988-bd862e3fe1be46a994272793", "Parent=53995c3f42cd8ad8", "Sampled=?", "%0d%0a", "%00", "\\xfc", " ",
    "a=b", "x" * 300, "true", "\\t", "%zz", "k=v,",
)
app = Flask(__name__)


@app.get("/")
def page():
    context = baggage.set_baggage("a", "b\\r\\nSet-Cookie: c")
    carrier = {}
    propagate.inject(carrier, context)
    text = "".join(carrier) + "".join(carrier.values())
    return "clean" if text.isascii() and text.isprintable() and len(text) < 4 * 8192 else f"unclean {carrier}"


client = app.test_client()
chance = random.Random(61)
seen = set()
begun = time.monotonic()
for _ in range(300):
    headers = {name: "".join(chance.choices(PARTS, k=chance.randrange(9))) for name in chance.sample(NAMES, 5)}
    seen.add(client.get("/", headers=headers).text)
for name in NAMES:
    for value in ("a" * 1_000_000, "k=v," * 250_000):
        seen.add(client.get("/", headers={name: value}).text)
print(seen, time.monotonic() - begun < 10)
"""


def test_hostile_headers(tmp_path: Path) -> None:
    """The app answers as without us, what goes out is clean, and every request has its span."""
    with Backend() as backend:
        names = "tracecontext,baggage,b3,b3multi,jaeger,xray,ottrace"
        environ = {"OTEL_PROPAGATORS": names, "OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}
        run = Oracle(tmp_path).check(APP, environ | {"OTEL_TRACES_SAMPLER": "always_on"})
        assert ["GET /"] * 334 == [span.name for span in backend.spans() if span.kind == SERVER]
    assert () == run.own_lines


@pytest.mark.parametrize("body", [b"<html>", b'{"probabilisticSampling":{"samplingRate":-1}}'])
def test_junk_strategies(body: bytes, tmp_path: Path) -> None:
    """Sampling goes on at the initial rate, and one line says why."""
    program = "from flask import Flask\nimport time\napp = Flask(__name__)\napp.get('/')(lambda: 'page')\n"
    program += "client = app.test_client()\nfor _ in range(10):\n    client.get('/')\n    time.sleep(0.02)\n"
    program += "time.sleep(0.7)\n"  # the poller has said what it found
    with Backend() as backend, HttpReceiver((200, body)) as receiver:
        argument = f"endpoint={receiver.url}/sampling,pollingIntervalMs=100,initialSamplingRate=1"
        environ = {"OTEL_TRACES_SAMPLER": "parentbased_jaeger_remote", "OTEL_TRACES_SAMPLER_ARG": argument}
        run = Oracle(tmp_path).check(program, environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url})
        spans = [span for span in backend.spans() if span.kind == SERVER]
        assert 1 <= len(receiver.requests)
    assert (10, 1.0) == (len(spans), spans[0].attributes["sampler.param"])
    (line,) = run.own_lines
    assert line.startswith(f"otel-distro: jaeger_remote: {receiver.url}/sampling: ")
