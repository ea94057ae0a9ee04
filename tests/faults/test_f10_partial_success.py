# SPDX-License-Identifier: Apache-2.0
"""F10: partial success is counted exactly and never sent again; the backend's words cannot drive a terminal."""

from __future__ import annotations

import pytest

from tests.harness import grpc_backend
from tests.harness.backend import Backend, partial
from tests.harness.delivering import delivering, our_lines
from tests.harness.spans import spans

WORDS = "no\x1b[31m\x07 room\r\notel-distro: forged line"


@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json", "grpc"])
def test_rejected_spans_are_counted_and_escapes_are_not_printed(
    protocol: str, capfd: pytest.CaptureFixture[str]
) -> None:
    grpc = protocol == "grpc"
    server = grpc_backend.GrpcBackend(grpc_backend.partial(7, WORDS)) if grpc else Backend(partial(7, WORDS))
    with server as backend:
        with delivering(protocol, backend.url if grpc else backend.traces_url) as processor:
            for span in spans(50):
                processor.on_end(span)
        assert len(backend.calls if grpc else backend.requests) == 1
        assert len(backend.spans()) == 43
    balance = processor.balance()
    assert (balance.confirmed, balance.dropped, balance.missing) == (43, {"rejected": 7}, 0)
    (line,) = our_lines(capfd)
    assert line.isprintable()
    assert "rejected 7 spans: no\\x1b[31m\\x07 room" in line
