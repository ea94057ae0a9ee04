# SPDX-License-Identifier: Apache-2.0
"""Which viewer runs: what it wrote about itself, and whether that is still true."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from otel_distro.viewer.process.places import Places

_TRIES = 5
_BETWEEN_S = 0.02


class Running(NamedTuple):
    """ports: name -> port of what is open: ui, otlp, grpc, thrift, compact, binary, sampling."""

    pid: int
    ports: dict[str, int]
    version: str

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://localhost:{self.ports['ui']}/"

    @property
    def otlp_endpoint(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT would have to be."""
        return f"http://127.0.0.1:{self.ports.get('otlp', self.ports['ui'])}"


def write(places: Places, running: Running) -> None:
    """Say that this viewer runs. Raises OSError."""
    fresh = places.record.with_name(f"viewer.json.{running.pid}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"pid": running.pid, "ports": running.ports, "version": running.version}, file)
    os.replace(fresh, places.record)


def read(places: Places) -> Running | None:
    """What was written last, if its process is alive."""
    try:
        value = json.loads(places.record.read_text("utf-8"))
        running = Running(int(value["pid"]), {str(k): int(v) for k, v in value["ports"].items()}, str(value["version"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # none was written, or not by us
    return running if "ui" in running.ports and _is_alive(running.pid) and _holds_lock(places) else None


def remove(places: Places, pid: int) -> None:
    """Take back what the viewer with this pid wrote."""
    try:
        if json.loads(places.record.read_text("utf-8")).get("pid") == pid:
            places.record.unlink()
    except (OSError, ValueError, AttributeError):
        return  # another one has written meanwhile, or it is gone


def take_lock(places: Places) -> int | None:
    """Hold the lock as long as this process lives; None when another viewer holds it. Raises OSError."""
    descriptor = os.open(places.lock, os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(_TRIES):
        if _lock(descriptor):
            return descriptor
        time.sleep(_BETWEEN_S)  # whoever only looks whether it is held holds it for a moment
    os.close(descriptor)
    return None


def _holds_lock(places: Places) -> bool:
    """Whether some process holds the lock; a pid alone may have been given to another program."""
    try:
        descriptor = os.open(places.lock, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_alive(pid: int) -> bool:
    if os.name == "nt":
        return True  # os.kill would end it; the lock decides
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is there, and somebody else's
    return True
