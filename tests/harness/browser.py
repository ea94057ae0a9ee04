# SPDX-License-Identifier: Apache-2.0
"""A real headless Chromium, the system's, for tests of the pages. Nothing is downloaded.

Needs the package playwright and a chromium on PATH; axe-core, if it is in the cache folder beside the Jaeger of
the tests (`npm pack axe-core`, then package/axe.min.js of it). Waiting is done here: pages forbid eval, so
Playwright's own wait_for_function cannot run in them.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import TracebackType

    from tests.harness.viewer_process import ViewerProcess

ROOT = Path(__file__).parent.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "otel-distro"
AXE = CACHE / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "output" / "screenshots"
_NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")
_FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def chromium() -> str:
    """The system's Chromium; skips the test, by name, where there is none."""
    pytest.importorskip("playwright", reason="the package playwright is not installed")
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("no Chromium on PATH")
    return found


class Browser:
    """One browser; open() gives pages with a profile of their own."""

    def __init__(self) -> None:
        self._path = chromium()

    def __enter__(self) -> Browser:  # noqa: PYI034 - one class, no heirs
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        self._browser = self._playwright.chromium.launch(executable_path=self._path, args=[*_FLAGS, *as_root])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._browser.close()
        self._playwright.stop()

    def open(self, viewer: ViewerProcess, *, dark: bool = False, width: int = 1360, let_in: bool = True) -> Tab:
        """A new profile with one tab, let in by the token unless told otherwise."""
        context = self._browser.new_context(
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": 860},
            reduced_motion="reduce",
            timezone_id="UTC",
            locale="en-US",
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=f"http://localhost:{viewer.port}")
        tab = Tab(context.new_page(), viewer)
        if let_in:
            tab.page.goto(f"{tab.base}/?t={viewer.token}")
        return tab


class Tab:
    """A page that is watched: what it complains about and where it sends requests."""

    def __init__(self, page: Any, viewer: ViewerProcess) -> None:
        self.page = page
        self.base = f"http://localhost:{viewer.port}"
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self._sent(request.url))

    def go(self, path: str) -> None:
        """Open a path and wait until it is drawn."""
        self.page.goto(self.base + path)
        self.wait("document.querySelector('main').childElementCount > 0")
        if path.startswith("/trace/"):
            self.wait("document.querySelector('.findings[aria-busy=false], main > .empty') !== null")

    def ask(self, script: str) -> Any:
        """The value of an expression in the page."""
        return self.page.evaluate(script)

    def wait(self, condition: str, seconds: float = 10.0) -> None:
        """Until an expression is true; fails after the time."""
        end = time.monotonic() + seconds
        while not self.ask(condition):
            if time.monotonic() > end:
                pytest.fail(f"never true: {condition}\n{self.page.inner_text('main')[:2000]}\n{self.complaints}")
            self.page.wait_for_timeout(20)

    def press(self, *keys: str) -> None:
        """One key after another."""
        for key in keys:
            self.page.keyboard.press(key)

    def text(self, selector: str) -> str:
        """What a person reads there."""
        return str(self.page.inner_text(selector))

    def accessibility_problems(self) -> list[str]:
        """axe's violations as `rule: element`; skips where axe-core is not installed."""
        if not AXE.exists():
            pytest.skip(f"no axe-core at {AXE}")
        self.ask(AXE.read_text("utf-8"))
        found = self.ask("axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations)")
        return [
            f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
            for one in found
            for node in one["nodes"]
        ]

    def picture(self, name: str) -> None:
        """Keep a screenshot in output/screenshots."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.ask("window.scrollTo(0, 0)")
        (SCREENSHOTS / f"{name}.png").write_bytes(self.page.screenshot())  # Playwright would write it in a thread

    def close(self) -> None:
        """End the profile."""
        self.page.context.close()

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def _sent(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:")):
            self.elsewhere.append(url)
