# SPDX-License-Identifier: Apache-2.0
"""F13: a 200 that is not OTLP counts as sent, but unconfirmed; one line says so."""

from __future__ import annotations

import pytest

from tests.harness.backend import Backend, junk
from tests.harness.delivering import delivering
from tests.harness.spans import spans


@pytest.mark.parametrize("body", [b"<!doctype html><title>Sign in</title>", b"OK", b"\xff\xfe\xfd"])
def test_junk_is_unconfirmed_and_not_sent_again(body: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with Backend(junk(body)) as backend:
        with delivering("http/protobuf", backend.traces_url) as processor:
            for span in spans(50):
                processor.on_end(span)
        assert len(backend.requests) == 1
    balance = processor.balance()
    assert (balance.confirmed, balance.unconfirmed, balance.dropped, balance.missing) == (0, 50, {}, 0)
    (line,) = capfd.readouterr().err.splitlines()
    assert "not OTLP" in line
