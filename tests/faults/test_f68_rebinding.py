# SPDX-License-Identifier: Apache-2.0
"""F68: a host name that points here, but is not this machine's own, gets 421 and the flag that would allow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.viewer_process import OTLP, ViewerProcess
from tests.harness.viewer_spans import Request

if TYPE_CHECKING:
    from pathlib import Path


def test_rebinding(tmp_path: Path) -> None:
    """Pages, data, spans: nothing is answered to another name, not even with the token; no answer has CORS."""
    with ViewerProcess(tmp_path, "--allowed-host", "viewer.internal") as viewer:
        paths = ["/", "/app.js", "/api/services", "/api/ui/traces", "/nothing"]
        for host in (
            "evil.example",
            f"evil.example:{viewer.port}",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
        ):
            for path in paths:
                answer = viewer.ask("GET", path, headers={"Host": host})
                assert 421 == answer.status
                assert "access-control-allow-origin" not in answer.headers
            sent = viewer.ask("POST", "/v1/traces", Request().bytes(), {"Host": host, "Content-Type": OTLP})
            assert 421 == sent.status
        for host in ("localhost", f"shop.localhost:{viewer.port}", "[::1]", "viewer.internal:1"):
            assert 200 == viewer.ask("GET", "/api/services", headers={"Host": host}).status
    assert "--allowed-host" in viewer.said()
