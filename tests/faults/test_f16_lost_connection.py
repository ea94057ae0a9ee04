# SPDX-License-Identifier: Apache-2.0
"""F16: a connection that breaks costs a second try at most: nothing is lost, one batch is doubled at most."""

from __future__ import annotations

import pytest

from tests.harness.backend import Backend, Exchange
from tests.harness.delivering import delivering
from tests.harness.spans import span, spans


@pytest.mark.parametrize("fault", ["reset", "close", "close_mid_reply"])
def test_the_batch_arrives_with_the_next_attempt(fault: str, capfd: pytest.CaptureFixture[str]) -> None:
    with Backend(fault, "ok") as backend:
        with delivering("http/protobuf", backend.traces_url) as processor:
            for item in spans(50):
                processor.on_end(item)
            backend.wait_for(50)
        # a reply that broke off came from a backend that had stored the batch
        assert len(backend.duplicates()) == (50 if fault == "close_mid_reply" else 0)
        assert len(backend.requests) == 2
    assert processor.balance().confirmed == 50
    assert len(capfd.readouterr().err.splitlines()) == 2  # one at the failure, one at the recovery


def test_an_idle_connection_that_the_server_closed_costs_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    def store_and_close(exchange: Exchange) -> None:
        exchange.accept()
        exchange.end()

    with Backend(store_and_close) as backend:
        with delivering("http/protobuf", backend.traces_url, delay_s=0.02) as processor:
            for number in range(1, 4):
                processor.on_end(span(number))
                backend.wait_for(number)
        assert backend.duplicates() == []
    assert processor.balance().confirmed == 3
    assert capfd.readouterr().err == ""
