# SPDX-License-Identifier: Apache-2.0
"""F69: another web page gets 403, whatever it tries; it may only open a page. GET changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.viewer_process import ViewerProcess
from tests.harness.viewer_spans import Request

if TYPE_CHECKING:
    from pathlib import Path

CROSS = {"Sec-Fetch-Site": "cross-site"}


def test_cross_site(tmp_path: Path) -> None:
    """POST, GET, forms, EventSource, frames, images; with the cookie or the token."""
    with ViewerProcess(tmp_path) as viewer:
        request = Request()
        request.span("kept")
        viewer.send(request.bytes())
        cookie = viewer.ask("GET", f"/?t={viewer.token}", with_token=False).headers["set-cookie"].partition(";")[0]
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        attempts = [
            ("POST", "/api/ui/clear", {"Sec-Fetch-Mode": "no-cors", **form}),
            ("POST", "/api/ui/clear", {"Sec-Fetch-Mode": "cors", "Content-Type": "application/json"}),
            ("POST", "/api/ui/stop", {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", **form}),
            ("POST", "/v1/traces", {"Sec-Fetch-Mode": "no-cors", "Content-Type": "application/json"}),
            ("GET", "/api/ui/traces", {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}),
            ("GET", "/api/ui/traces", {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}),
            ("GET", "/api/ui/live", {"Sec-Fetch-Mode": "cors", "Accept": "text/event-stream"}),
            ("GET", "/app.js", {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}),
            ("GET", "/", {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}),
        ]
        for site in ("cross-site", "same-site"):
            for method, path, headers in attempts:
                given = {**headers, "Sec-Fetch-Site": site, "Cookie": cookie}
                assert 403 == viewer.ask(method, path, b"{}" if method == "POST" else None, given).status
        for origin in ("http://localhost:3000", "https://evil.example", "null", "file://"):
            given = {"Origin": origin, "Cookie": cookie, "Content-Type": "application/json"}
            assert 403 == viewer.ask("POST", "/api/ui/clear", b"{}", given).status
        opened = {**CROSS, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        assert 200 == viewer.ask("GET", "/trace/" + "1" * 32, headers=opened, with_token=False).status
        for path in ("/api/ui/clear", "/api/ui/stop", "/api/ui/import", "/?clear=1"):
            viewer.ask("GET", path)
        assert 1 == viewer.get("/api/ui/status")["traces"]
