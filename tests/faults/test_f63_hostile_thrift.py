# SPDX-License-Identifier: Apache-2.0
"""F63: hostile Thrift is refused with 400: list sizes that are not there, wrong types, nesting."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.harness.viewer_process import ViewerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024
THRIFT = "application/vnd.apache.thrift.binary"


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ViewerProcess]:
    """A viewer that all hostile bodies go to."""
    with ViewerProcess(tmp_path_factory.mktemp("viewer")) as process:
        yield process


BODIES = {
    "a list of two thousand million structs": b"\x0f\x00\x02\x0c\x7f\xff\xff\xff",
    "a list of negative size": b"\x0f\x00\x02\x0c\xff\xff\xff\xff",
    "text of 2 GiB": b"\x0c\x00\x01\x0b\x00\x01\x7f\xff\xff\xff",
    "text of negative size": b"\x0c\x00\x01\x0b\x00\x01\xff\xff\xff\xff",
    "structs without end": b"\x0c\x00\x01" * 2_000_000,
    "lists of lists": b"\x0f\x00\x02" + b"\x0f\x00\x00\x00\x01" * 1_000_000,
    "a map of everything": b"\x0d\x00\x02\x0b\x0b\x7f\xff\xff\xff",
    "sixteen million booleans": b"\x0f\x00\x02\x02\x00\xf0\x00\x00" + b"\x01" * 15_728_640,
    "spans that are numbers": b"\x0f\x00\x02\x08\x00\x00\x00\x01\x00\x00\x00\x05\x00",
    "unknown type": b"\x63\x00\x01",
    "random": random.Random(2).randbytes(1_000_000),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_hostile_thrift(viewer: ViewerProcess, body: bytes) -> None:
    """400 (or nothing stored), quickly, and memory stays where it was."""
    before = viewer.memory_bytes(peak=True)
    begun = time.monotonic()

    answer = viewer.ask("POST", "/api/traces", body, {"Content-Type": THRIFT}, with_token=False)

    assert 400 == answer.status
    assert time.monotonic() - begun < 3.0  # 1 s, and the machine's noise
    assert viewer.memory_bytes(peak=True) - before < 64 * MIB
    assert 0 == viewer.get("/api/ui/status")["stored_spans"]
