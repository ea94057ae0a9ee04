# SPDX-License-Identifier: Apache-2.0
"""Each part of each Jaeger format, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_distro.wire.jaeger_formats import (
    BINARY,
    BOOL,
    DOUBLE,
    LONG,
    STRING,
    Binary,
    BinaryDatagram,
    Compact,
)
from otel_distro.wire.jaeger_protobuf import Protobuf

if TYPE_CHECKING:
    from otel_distro.wire.jaeger_formats import Format

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "jaeger.json").read_text())
FORMATS = {
    "udp_compact_emitBatch": Compact(),
    "udp_binary_emitBatch": BinaryDatagram(),
    "http_binary_batch": Binary(),
    "grpc_PostSpansRequest": Protobuf(),
}
KINDS = {"string": STRING, "double": DOUBLE, "bool": BOOL, "long": LONG, "binary": BINARY}


def tag(wire_format: Format, row: dict[str, Any]) -> bytes:
    value = row["value"]
    if row["type"] == "string":
        value = value.encode()
    elif row["type"] == "binary":
        value = bytes.fromhex(value)
    return wire_format.tag(row["key"].encode(), KINDS[row["type"]], value)


def span(wire_format: Format, row: dict[str, Any]) -> bytes:
    return wire_format.span(
        int(row["trace_id"], 16),
        int(row["span_id"], 16),
        int(row["parent_span_id"] or "0", 16),
        wire_format.name(row["operation"].encode()),
        [wire_format.reference(int(r["trace_id"], 16), int(r["span_id"], 16)) for r in row["references"]],
        row["flags"],
        row["start_us"] * 1000,
        row["duration_us"] * 1000,
        len(row["tags"]),
        wire_format.joiner.join([b"", *[tag(wire_format, t) for t in row["tags"]]]),
        [
            wire_format.log(log["ts_us"] * 1000, [tag(wire_format, field) for field in log["fields"]])
            for log in row["logs"]
        ],
    )


@pytest.mark.parametrize("vector", GOLDEN["wire"], ids=lambda vector: vector["name"])
@pytest.mark.parametrize("name", FORMATS)
def test_messages_equal_the_golden_vectors(name: str, vector: dict[str, Any]) -> None:
    """What real Jaegers stored is what we write, byte for byte."""
    wire_format, batch = FORMATS[name], vector["batch"]
    process = wire_format.process(batch["service"].encode(), [tag(wire_format, t) for t in batch["process_tags"]])
    message = wire_format.body(process, [span(wire_format, row) for row in batch["spans"]])
    assert message.hex() == vector[name]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("count", [1, 14, 15, 1000])
def test_frame_bytes_is_an_upper_limit(name: str, count: int) -> None:
    """A message is never larger than its frame and its spans together."""
    wire_format = FORMATS[name]
    process = wire_format.process(b"service", [])
    spans = [span(wire_format, GOLDEN["wire"][0]["batch"]["spans"][0])] * count
    message = wire_format.body(process, spans)
    assert 0 <= wire_format.frame_bytes(process) + sum(map(len, spans)) - len(message) <= 8
