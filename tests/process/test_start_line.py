# SPDX-License-Identifier: Apache-2.0
"""What a person sees first: the start line on a terminal, once for the whole process tree; otherwise silence."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from otel_distro import __version__

BIN = Path(sys.executable).parent
RUN = str(BIN / "otel-distro-run")
TREE = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import flask; flask.Flask('inner')"], check=True)
import flask; flask.Flask("outer")
"""


def _on_terminal(command: list[str], cwd: Path, **variables: str) -> list[str]:
    """Lines on stderr of a command whose stderr is a terminal."""
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            command, cwd=cwd, env={**os.environ, "OTEL_DISTRO_VIEWER": "off", **variables}, stderr=theirs
        ) as process:
            os.close(theirs)
            chunks = []
            while True:
                try:
                    chunk = os.read(ours, 65_536)
                except OSError:  # how Linux says that the other side is closed
                    break
                if not chunk:
                    break
                chunks.append(chunk)
            assert process.wait(30) == 0
    finally:
        os.close(ours)
    return b"".join(chunks).decode().splitlines()


def test_terminal_gets_one_line_for_the_whole_tree(tmp_path: Path) -> None:
    """Service and destination, each with its origin; a traced child and a nested launch repeat nothing."""
    script = tmp_path / "orders.py"
    script.write_text(TREE)
    lines = _on_terminal([RUN, RUN, sys.executable, "orders.py"], tmp_path)
    assert lines == [
        f"otel-distro {__version__}  service=orders (from script)  export=http://localhost:4318/v1/traces (default)"
    ]


def test_a_destination_where_nobody_listens_is_said_with_what_helps(tmp_path: Path) -> None:
    """A person without a backend is told how to see traces; one who has named a destination is not."""
    marked = {"OTEL_DISTRO_VIEWER": "auto", "CI": "true"}  # no developer's machine: no viewer starts
    command = [RUN, sys.executable, "-c", "pass"]
    with socket.socket() as probe:
        free = probe.connect_ex(("127.0.0.1", 4318)) != 0
    lines = _on_terminal(command, tmp_path, **marked)
    tip = "  nothing listens there; to see traces here: --viewer on, or OTEL_TRACES_EXPORTER=console"
    assert lines[1:] == ([tip] if free else [])
    assert len(_on_terminal(command, tmp_path, **marked, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")) == 1


def test_origins_are_named(tmp_path: Path) -> None:
    """A variable that gave the value is named, and credentials in the URL are not shown."""
    lines = _on_terminal(
        [RUN, "--service", "shop", sys.executable, "-c", "pass"],
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT="https://user:hunter2@otel.example.com:4318",
    )
    assert len(lines) == 1
    assert "service=shop (OTEL_SERVICE_NAME)" in lines[0]
    assert "otel.example.com:4318/v1/traces (OTEL_EXPORTER_OTLP_ENDPOINT)" in lines[0]
    assert "hunter2" not in lines[0]


@pytest.mark.parametrize("variables", [{}, {"OTEL_SERVICE_NAME": "shop"}])
def test_silence_without_a_terminal(tmp_path: Path, variables: dict[str, str]) -> None:
    """Nothing is printed into logs unless something is wrong."""
    done = subprocess.run(
        [RUN, sys.executable, "-c", "import flask; flask.Flask('x')"],
        cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")


def test_level_info_prints_the_line_anywhere(tmp_path: Path) -> None:
    """`--verbose` and OTEL_LOG_LEVEL=info ask for it."""
    done = subprocess.run(
        [RUN, "--verbose", sys.executable, "-c", "pass"],
        cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stderr.startswith(f"otel-distro {__version__}  service=unknown_service:python (default)  export=")


def test_quiet_says_nothing_on_a_terminal(tmp_path: Path) -> None:
    """--quiet leaves only errors."""
    assert _on_terminal([RUN, "--quiet", sys.executable, "-c", "pass"], tmp_path) == []


def test_problems_are_said_once_for_the_whole_tree(tmp_path: Path) -> None:
    """One line for each problem, whatever the number of processes that read the settings."""
    script = tmp_path / "orders.py"
    script.write_text(TREE)
    done = subprocess.run(
        [RUN, sys.executable, "orders.py"],
        cwd=tmp_path, env={**os.environ, "OTEL_SERVCE_NAME": "x", "OTEL_BSP_SCHEDULE_DELAY": "5s"},
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    lines = done.stderr.splitlines()
    assert sum("OTEL_SERVCE_NAME" in line and "OTEL_SERVICE_NAME" in line for line in lines) == 1
    assert sum("OTEL_BSP_SCHEDULE_DELAY=5s" in line for line in lines) == 1
    assert len(lines) == 2


def test_strict_refuses_to_start(tmp_path: Path) -> None:
    """OTEL_DISTRO_STRICT=true: status 1, the problem, and the command is not run."""
    done = subprocess.run(
        [RUN, sys.executable, "-c", "print('ran')"],
        cwd=tmp_path, env={**os.environ, "OTEL_DISTRO_STRICT": "true", "OTEL_BSP_SCHEDULE_DELAY": "5s"},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "OTEL_BSP_SCHEDULE_DELAY=5s" in done.stderr
