# SPDX-License-Identifier: Apache-2.0
"""Find the user's viewer, start it, stop it. Used before the app starts: little is imported."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from otel_distro.runtime.deadline import Deadline
from otel_distro.viewer.process import record
from otel_distro.viewer.process.places import make_private, places

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_distro.viewer.process.places import Places
    from otel_distro.viewer.process.record import Running

START_TIMEOUT_S = 8.0
_POLL_S = 0.02
_MAX_LOG_BYTES = 1_000_000


class ViewerError(Exception):
    """The viewer cannot be started or stopped; the text says why, for a person."""


def find(environ: Mapping[str, str]) -> Running | None:
    """The user's viewer if it runs."""
    return record.read(places(environ))


def ensure(environ: Mapping[str, str], options: Sequence[str] = ()) -> tuple[Running, bool]:
    """(the viewer, whether it was started now). options: arguments of `otel-distro ui serve`. Raises ViewerError."""
    found = find(environ)
    return (found, False) if found is not None else (start(environ, options), True)


def start(environ: Mapping[str, str], options: Sequence[str] = ()) -> Running:
    """Start a viewer that outlives this process, and wait until it listens. Raises ViewerError."""
    where = places(environ)
    try:
        make_private(where.state)
        output = _open_log(where)
    except OSError as error:
        raise ViewerError(f"cannot write {where.state}: {error.strerror}") from None
    command = [sys.executable, "-m", "otel_distro.viewer", *map(str, options)]
    command += ["--state", str(where.state), "--traces", str(where.traces)]
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=where.state,  # -m puts the folder on sys.path: it must not hold an app's modules
            env=child_environment(environ, os.getcwd()),
            start_new_session=True,
        )
    except OSError as error:
        raise ViewerError(f"cannot start {sys.executable}: {error.strerror}") from None
    finally:
        os.close(output)
    deadline = Deadline(START_TIMEOUT_S)
    while not deadline.passed():
        running = record.read(where)
        if running is not None:
            if running.pid != child.pid:  # another one was quicker; ours must not take over when that one ends
                child.kill()
                child.wait()
            child.returncode = child.returncode or 0  # it is detached on purpose; nobody waits for it
            return running
        if child.poll() is not None:
            raise ViewerError(_last_line(where) or f"the viewer ended with status {child.returncode}")
        time.sleep(_POLL_S)
    child.kill()
    raise ViewerError(f"the viewer did not start within {START_TIMEOUT_S:.0f} s; see {where.log}")


def stop(environ: Mapping[str, str], timeout_s: float = 8.0) -> bool:
    """End the viewer; False when none runs. Raises ViewerError."""
    where = places(environ)
    running = record.read(where)
    if running is None:
        return False
    try:
        os.kill(running.pid, signal.SIGTERM)
    except OSError as error:
        raise ViewerError(f"cannot stop process {running.pid}: {error.strerror}") from None
    deadline = Deadline(timeout_s)
    while record.read(where) is not None:
        if deadline.passed():
            raise ViewerError(f"process {running.pid} does not end")
        time.sleep(_POLL_S)
    return True


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), 0.3):
            return True
    except OSError:
        return False


def child_environment(environ: Mapping[str, str], cwd: str) -> dict[str, str]:
    """The environment for the viewer: it is never traced itself, and finds this package as its parent did."""
    child = {name: value for name, value in environ.items() if not name.startswith("OTEL_")}
    child["OTEL_SDK_DISABLED"] = "true"
    paths = [os.path.join(cwd, entry) for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    kept = [entry for entry in paths if not entry.rstrip(os.sep).endswith(os.path.join("otel_distro", "autoload"))]
    child.pop("PYTHONPATH", None)
    if kept:
        child["PYTHONPATH"] = os.pathsep.join(kept)
    return child


def _open_log(where: Places) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    try:
        if where.log.stat().st_size > _MAX_LOG_BYTES:
            flags |= os.O_TRUNC
    except OSError:
        flags |= os.O_CREAT  # there is none yet
    return os.open(where.log, flags, 0o600)


def _last_line(where: Places) -> str:
    try:
        lines = where.log.read_bytes()[-4_000:].decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].removeprefix("otel-distro: ") if lines else ""
