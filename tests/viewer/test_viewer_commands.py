# SPDX-License-Identifier: Apache-2.0
"""The terminal: ui, traces, trace, tail, export, import, clean, as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from otel_distro.viewer import terminal
from otel_distro.viewer.process import launch
from otel_distro.viewer.terminal import Style
from tests.harness.viewer_spans import Request, checkout, orders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLOSED = [
    text for name in ("otlp", "grpc", "thrift", "compact", "binary", "sampling") for text in (f"--{name}-port", "0")
]


class User:
    """Somebody at a shell."""

    def __init__(self, home: Path) -> None:
        self.environ = {
            **os.environ,
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "PYTHONIOENCODING": "utf-8",
            "TZ": "UTC",
            "http_proxy": "http://127.0.0.1:1",  # must not matter: the viewer is on this machine
        }

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """One command."""
        return subprocess.run(
            [sys.executable, "-m", "otel_distro", *words],
            env={**self.environ, **more},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user whose viewer runs and holds two traces."""
    made = User(tmp_path_factory.mktemp("home"))
    started = made.run("ui", "start", "--port", "0", *CLOSED)
    assert 0 == started.returncode, started.stderr
    request = Request()
    now = time.time_ns()
    checkout(request, now - 2_000_000_000)
    orders(request, now - 1_000_000_000)
    import http.client

    running = launch.find(made.environ)
    assert running is not None
    connection = http.client.HTTPConnection("127.0.0.1", running.ports["ui"])
    connection.request("POST", "/v1/traces", request.bytes(), {"Content-Type": "application/x-protobuf"})
    assert 200 == connection.getresponse().status
    connection.close()
    yield made
    launch.stop(made.environ)


def test_ui(user: User) -> None:
    """start prints the address with the token on stdout; status and url find the same viewer."""
    again = user.run("ui")
    status = user.run("ui", "status")
    facts = json.loads(user.run("ui", "status", "--json").stdout)

    assert "runs already" in again.stderr
    assert user.run("ui", "url").stdout == again.stdout
    assert again.stdout.startswith(facts["url"] + "?t=")
    assert (0, True, 2) == (status.returncode, facts["running"], facts["traces"])
    assert "2 traces" in status.stdout


def test_traces(user: User) -> None:
    """One line per trace with its marks; a query narrows; nothing found is status 1."""
    answer = user.run("traces")
    narrowed = user.run("traces", "service:stock")
    empty = user.run("traces", "service:nobody")
    as_json = [json.loads(line) for line in user.run("traces", "--json").stdout.splitlines()]

    assert ["GET /orders/", "POST /checkout/"] == [trace["name"] for trace in as_json]
    first, second = answer.stdout.splitlines()
    assert "GET /orders/" in first
    assert "N+1 \u00d721" in first
    assert "2 errors" in second
    assert 1 == len(narrowed.stdout.splitlines())
    assert (1, "") == (empty.returncode, empty.stdout)


def test_trace(user: User) -> None:
    """A tree with bars, equal neighbours folded, findings in words, and the address of its page."""
    lines = user.run("trace", "last").stdout.splitlines()
    folded = next(line for line in lines if "x21" in line)

    assert lines[0].startswith("GET /orders/")
    assert "models.py:88" in folded
    assert "N+1" in folded
    assert any("ran 21 times" in line for line in lines)
    assert lines[-1].startswith("http://localhost:")
    short = lines[-1].rpartition("/")[2][:8]
    assert lines == user.run("trace", short).stdout.splitlines()
    assert 1 == user.run("trace", "1" * 32).returncode
    assert "resourceSpans" in json.loads(user.run("trace", "last", "--json").stdout)


def test_plain_text_where_the_terminal_can_do_no_more(user: User) -> None:
    """ASCII when the encoding is; colours only when they are asked for."""
    plain = user.run("trace", "last", PYTHONIOENCODING="ascii").stdout
    coloured = user.run("traces", FORCE_COLOR="1").stdout

    assert plain.isascii()
    assert "\x1b" not in user.run("traces").stdout
    assert "\x1b[33m" in coloured


def test_export_and_import(user: User, tmp_path: Path) -> None:
    """Into a file and into another user's viewer."""
    file = tmp_path / "out.json"
    assert 0 == user.run("export", str(file), "http.route=/orders/").returncode
    other = User(tmp_path)
    assert 3 == other.run("import", str(file)).returncode
    other.run("ui", "start", "--port", "0", *CLOSED)
    try:
        assert "25 spans read" in other.run("import", str(file)).stderr
        assert "GET /orders/" in other.run("traces").stdout
        assert 0 == user.run("export", str(tmp_path / "j.json"), "--format", "jaeger").returncode
        assert "35 spans read" in other.run("import", str(tmp_path / "j.json")).stderr
        (tmp_path / "bad.json").write_text("{", "utf-8")
        bad = other.run("import", str(tmp_path / "bad.json"))
        assert (1, True) == (bad.returncode, "no JSON" in bad.stderr)
        assert 1 == other.run("import", str(tmp_path / "missing.json")).returncode
        assert 0 == other.run("clean").returncode
        assert 1 == other.run("traces").returncode
    finally:
        cleaned = other.run("clean", "--all")
    assert 0 == cleaned.returncode
    assert not (tmp_path / "state" / "otel-distro").exists()
    assert not (tmp_path / "cache" / "otel-distro" / "traces").exists()


def test_tail(user: User) -> None:
    """Shows what is there and what comes, until it is ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "otel_distro", "tail"], env=user.environ, stdout=subprocess.PIPE, encoding="utf-8"
    )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        assert "POST /checkout/" in lines[0]
        assert "GET /orders/" in lines[1]
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_without_a_viewer(tmp_path: Path) -> None:
    """Status 3 and the command that starts one."""
    nobody = User(tmp_path)
    for words in (["traces"], ["trace", "last"], ["tail"], ["ui", "status"], ["ui", "url"], ["export", "-"]):
        answer = nobody.run(*words)
        assert (3, "") == (answer.returncode, answer.stdout)
        assert "otel-distro ui start" in answer.stderr
    assert 0 == nobody.run("ui", "stop").returncode


def test_hostile_names_do_not_reach_the_terminal() -> None:
    """Escape codes, bells, line breaks and direction marks are shown as escapes."""
    hostile = "a\x1b[31mred\x07\r\nb\u202ec\x9b"
    item = {
        "start": 0, "duration": 1, "name": hostile, "http_status": 0, "errors": 1, "badges": [], "spans": 1,
        "id": "0" * 32,
    }  # fmt: skip

    line = terminal.trace_line(item, Style())

    assert line.isprintable()
    assert "\\x1b[31mred" in line
