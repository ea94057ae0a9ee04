# SPDX-License-Identifier: Apache-2.0
"""F11: redirects are not followed, so no header reaches a host that nobody configured."""

from __future__ import annotations

import pytest

from tests.harness.backend import Backend, redirect
from tests.harness.delivering import delivering
from tests.harness.spans import spans


@pytest.mark.parametrize("code", [301, 307, 308])
@pytest.mark.parametrize("where", ["another host", "itself"])
def test_nothing_is_sent_where_a_redirect_points(code: int, where: str, capfd: pytest.CaptureFixture[str]) -> None:
    with Backend() as other, Backend() as backend:
        backend.script(redirect(code, other.traces_url if where == "another host" else backend.traces_url))
        with delivering("http/protobuf", backend.traces_url, headers=(("authorization", "secret"),)) as processor:
            for span in spans(50):
                processor.on_end(span)
        assert (other.requests, other.connections, len(backend.requests)) == ([], 0, 1)
    assert processor.balance().dropped == {"refused": 50}
    (line,) = capfd.readouterr().err.splitlines()
    assert f": {code} " in line
    assert "secret" not in line
