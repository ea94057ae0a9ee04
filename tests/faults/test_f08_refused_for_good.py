# SPDX-License-Identifier: Apache-2.0
"""F08: statuses that will not change are not tried again; the loss is counted and the status said in one line."""

from __future__ import annotations

import pytest

from tests.harness.backend import Backend
from tests.harness.delivering import delivering, our_lines
from tests.harness.grpc_backend import GrpcBackend, failure
from tests.harness.spans import spans


@pytest.mark.parametrize("code", [400, 401, 403, 404, 500])
def test_one_request_one_line_and_every_span_counted(code: int, capfd: pytest.CaptureFixture[str]) -> None:
    with Backend(code) as backend:
        with delivering("http/protobuf", backend.traces_url) as processor:
            for span in spans(50):
                processor.on_end(span)
        assert len(backend.requests) == 1
    balance = processor.balance()
    assert (balance.accepted, balance.dropped, balance.missing) == (50, {"refused": 50}, 0)
    (line,) = our_lines(capfd)
    assert f"refused 50 spans: {code} " in line


def test_the_same_over_grpc(capfd: pytest.CaptureFixture[str]) -> None:
    with GrpcBackend(failure("UNAUTHENTICATED", "who are you")) as backend:
        with delivering("grpc", backend.url) as processor:
            for span in spans(50):
                processor.on_end(span)
        assert len(backend.calls) == 1
    assert processor.balance().dropped == {"refused": 50}
    (line,) = our_lines(capfd)
    assert line.endswith("refused 50 spans: UNAUTHENTICATED: who are you")
