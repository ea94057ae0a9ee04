# SPDX-License-Identifier: Apache-2.0
"""Tells open pages that traces came, as server-sent events; the page asks for what it shows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

MAX_LISTENERS = 16
SHORTEST_S = 0.25
KEEP_ALIVE_S = 15.0


class Live:
    """Any number of changes, told at most four times a second. Belongs to the event loop."""

    def __init__(self) -> None:
        self.listeners: set[asyncio.Event] = set()
        self._telling = False

    def changed(self) -> None:
        """Traces were stored."""
        if not self._telling and self.listeners:
            self._telling = True
            asyncio.get_running_loop().call_later(SHORTEST_S, self._tell)

    async def events(self) -> AsyncGenerator[bytes, None]:
        """Event-stream text: `changed` now and then, a comment when nothing happens."""
        if len(self.listeners) >= MAX_LISTENERS:
            yield b"retry: 30000\nevent: full\ndata: {}\n\n"
            return
        news = asyncio.Event()
        self.listeners.add(news)
        try:
            yield b"retry: 2000\nevent: ready\ndata: {}\n\n"
            while True:
                try:
                    await asyncio.wait_for(news.wait(), KEEP_ALIVE_S)
                except (TimeoutError, asyncio.TimeoutError):
                    yield b": still here\n\n"
                    continue
                news.clear()
                yield b"event: changed\ndata: {}\n\n"
        finally:
            self.listeners.discard(news)

    def _tell(self) -> None:
        self._telling = False
        for news in self.listeners:
            news.set()
