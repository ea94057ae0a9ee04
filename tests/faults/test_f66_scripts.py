# SPDX-License-Identifier: Apache-2.0
"""F66: scripts in services, names, keys, values and links are shown as text; none runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import otel_distro.viewer
from tests.harness.browser import Browser
from tests.harness.viewer_process import ViewerProcess
from tests.harness.viewer_spans import CLIENT, SERVER, Request

PAGES = Path(otel_distro.viewer.__file__).parent / "pages"
SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>{{7*7}}\u202e'


def test_pages_build_from_text_nodes_only() -> None:
    """No page uses what turns text into markup or code, and nothing is inline in the shell."""
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setTimeout\([\"'`]"
    )
    for path in PAGES.glob("*.js"):
        assert not forbidden.search(path.read_text("utf-8")), path.name
    shell = (PAGES / "index.html").read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>|\son\w+=|\sstyle=|<style", shell)


def test_pages_are_small_and_load_nothing_from_elsewhere() -> None:
    """At most 200 KB in all, and no address of another host in them."""
    files = list(PAGES.iterdir())
    assert sum(path.stat().st_size for path in files) < 200 * 1024
    for path in files:
        addresses = re.findall(r"https?://[\w.-]+", path.read_text("utf-8"))
        assert {"http://www.w3.org", "http://localhost"} >= set(addresses) - {"http://localhost:"}, path.name


@pytest.mark.browser
def test_no_script_runs(tmp_path: Path) -> None:
    """Every page, with hostile text wherever a sender can put text."""
    with ViewerProcess(tmp_path) as viewer, Browser() as browser:
        request = Request()
        fields = {
            SCRIPT: SCRIPT, "url.full": "javascript:alert(4)", "link": f"https://a.example/{SCRIPT}",
            "data": "data:text/html,<script>alert(5)</script>", "http.route": SCRIPT, "http.request.method": "GET",
            "db.query.text": f"SELECT '{SCRIPT}'", "db.system.name": SCRIPT, "code.file.path": SCRIPT,
            "server.address": SCRIPT,
        }  # fmt: skip
        trace_id, root = request.span(
            SCRIPT, service=SCRIPT, kind=SERVER, attributes=fields, error=True, exception=(SCRIPT, SCRIPT)
        )
        for _ in range(6):
            request.span(SCRIPT, service=SCRIPT, trace_id=trace_id, parent=root, kind=CLIENT, attributes=fields)
        viewer.send(request.bytes())
        tab = browser.open(viewer)
        one = trace_id.hex()
        query = "%3Cscript%3Ealert(6)%3C/script%3E"
        for path in ("/", f"/?q={query}", f"/trace/{one}", "/errors", "/endpoints", "/map",
                     f"/compare?a={one}&b={one}", f"/trace/{one}?span=%3Cscript%3E"):  # fmt: skip
            tab.go(path)
            if path.startswith("/trace/"):
                tab.press("j", "Enter")
                tab.wait("document.querySelector('.details .attributes') !== null")
                hrefs = tab.ask("[...document.querySelectorAll('main a')].map((a) => a.getAttribute('href'))")
                assert not [href for href in hrefs if href.lower().startswith(("javascript:", "data:"))]
            assert 0 == tab.ask(
                "document.querySelectorAll('main script, main img, main svg[onload], main iframe').length"
            )
        shown = tab.text("main")
        tab.close()

    assert [] == [text for text in tab.complaints if "404" not in text]
    assert [] == tab.elsewhere
    assert "<script>alert(1)</script>" in shown
    assert "\u202e" not in shown
