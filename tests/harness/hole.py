# SPDX-License-Identifier: Apache-2.0
"""A silent black hole: connects to it hang, as behind a firewall that drops packets.

    with Hole() as hole:
        ... OTEL_EXPORTER_OTLP_ENDPOINT=hole.url ...

A listener whose queue of unaccepted connections is full: the kernel ignores every further SYN.
"""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


class Hole:
    """Context manager; holds the listener and the connections that fill its queue."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._fillers: list[socket.socket] = []

    def __enter__(self) -> Self:
        for _ in range(8):
            filler = socket.socket()
            filler.settimeout(0.1)
            self._fillers.append(filler)
            try:
                filler.connect(("127.0.0.1", self.port))
            except TimeoutError:
                return self  # full: this connect hangs, and so will the next
        raise AssertionError("the listener's queue does not fill")

    def __exit__(self, *_: object) -> None:
        for held in [*self._fillers, self._listener]:
            held.close()


if __name__ == "__main__":
    with Hole() as running:
        print(running.url, flush=True)
        sys.stdin.read()
