# SPDX-License-Identifier: Apache-2.0
"""F09: what is too large is halved until it passes; a lone large span is dropped as such, and only that."""

from __future__ import annotations

import pytest

from tests.harness.backend import Backend, size_limit
from tests.harness.delivering import delivering, our_lines
from tests.harness.grpc_backend import GrpcBackend
from tests.harness.spans import span, spans

LARGE = span(99, name="x" * 5000)
LIMIT = 1000


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_halving_delivers_all_but_the_lone_large_span(protocol: str, capfd: pytest.CaptureFixture[str]) -> None:
    server = Backend(size_limit(LIMIT)) if protocol != "grpc" else GrpcBackend(max_message_bytes=LIMIT)
    with server as backend:
        url = backend.url if protocol == "grpc" else backend.traces_url
        with delivering(protocol, url, exit_s=5.0) as processor:
            for item in [*spans(20), LARGE, *[span(n) for n in range(30, 49)]]:
                processor.on_end(item)
        assert len({item.span_id for item in backend.spans()}) == len(backend.spans()) == 39
        if isinstance(backend, Backend):
            assert len(backend.requests) <= 2 * 40 - 1
    balance = processor.balance()
    assert (balance.confirmed, balance.dropped, balance.missing) == (39, {"too_large": 1}, 0)
    assert len(our_lines(capfd)) == 1
