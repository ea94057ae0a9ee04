# SPDX-License-Identifier: Apache-2.0
"""F62: hostile OTLP bytes are refused with 400, in under a second, within 64 MiB."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.harness.viewer_process import OTLP, ViewerProcess
from tests.harness.viewer_spans import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ViewerProcess]:
    """A viewer that all hostile bodies go to."""
    with ViewerProcess(tmp_path_factory.mktemp("viewer")) as process:
        request = Request()
        request.span()
        process.send(request.bytes())
        yield process


def length(number: int) -> bytes:
    """A protobuf varint."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def wrapped(span: bytes) -> bytes:
    """A request with one span of these bytes."""
    for tag in (b"\x12", b"\x12", b"\x0a"):
        span = tag + length(len(span)) + span
    return span


def nested(depth: int) -> bytes:
    """A span with a value nested this deep."""
    value = b""
    for _ in range(depth):
        array = b"\x0a" + length(len(value)) + value
        value = b"\x2a" + length(len(array)) + array
    pair = b"\x0a\x01k\x12" + length(len(value)) + value
    return wrapped(b"\x4a" + length(len(pair)) + pair)


BODIES = {
    "a declared length of 4 GiB": b"\x0a\xff\xff\xff\xff\x0f",
    "a declared length of 2^63": b"\x0a" + b"\xff" * 8 + b"\x7f",
    "16 MB of nothing": bytes(16_000_000),
    "16 MB of empty spans": b"\x0a" + length(15_999_990) + b"\x12" + length(15_999_980) + b"\x12\x00" * 7_999_990,
    "16 MB of empty attributes": wrapped(b"\x4a\x00" * 7_900_000),
    "16 MB of empty events": wrapped(b"\x5a\x00" * 7_900_000),
    "16 MB of empty resources": b"\x0a\x00" * 8_000_000,
    "a thousand values deep": nested(1_000),
    "ten thousand values deep": nested(10_000),
    "random": random.Random(1).randbytes(1_000_000),
    "JSON as protobuf": b'{"resourceSpans": []}',
    "a group": b"\x0b\x0c",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_hostile_otlp(viewer: ViewerProcess, body: bytes) -> None:
    """400, quickly, and memory stays where it was."""
    before = viewer.memory_bytes(peak=True)
    begun = time.monotonic()

    answer = viewer.ask("POST", "/v1/traces", body, {"Content-Type": OTLP}, with_token=False)

    assert 400 == answer.status
    assert time.monotonic() - begun < 3.0  # 1 s, and the machine's noise
    assert viewer.memory_bytes(peak=True) - before < 64 * MIB
    assert 1 == viewer.get("/api/ui/status")["stored_spans"]


@pytest.mark.parametrize(
    "text", ["[" * 1_000_000, '{"a":' * 1_000_000, "{}," * 3_000_000, '{"resourceSpans":' + "[[" * 500_000]
)
def test_hostile_json(viewer: ViewerProcess, text: str) -> None:
    """The same for OTLP in JSON: depth and number of parts are bounded before they become objects."""
    before = viewer.memory_bytes(peak=True)

    answer = viewer.ask("POST", "/v1/traces", text.encode(), {"Content-Type": "application/json"}, with_token=False)

    assert 400 == answer.status
    assert viewer.memory_bytes(peak=True) - before < 64 * MIB
