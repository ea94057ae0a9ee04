# SPDX-License-Identifier: Apache-2.0
"""F72: ports that are taken, addresses beyond loopback, IPv6, a proxy in front."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.harness.programs import free_port
from tests.harness.viewer_process import ViewerProcess

if TYPE_CHECKING:
    from pathlib import Path


def test_ports_that_are_taken(tmp_path: Path) -> None:
    """The pages move to a free port and say so; a taken OTLP port is named, with where to send instead."""
    with socket.create_server(("127.0.0.1", 0)) as pages, socket.create_server(("127.0.0.1", 0)) as otlp:
        taken, taken_otlp = pages.getsockname()[1], otlp.getsockname()[1]
        with ViewerProcess(tmp_path, "--port", str(taken), "--otlp-port", str(taken_otlp)) as viewer:
            status = viewer.get("/api/ui/status")
    assert viewer.port != taken
    assert "otlp" not in status["ports"]
    assert any(str(taken_otlp) in problem and str(viewer.port) in problem for problem in status["problems"])
    assert str(taken) in viewer.said()


def test_a_second_viewer_refuses(tmp_path: Path) -> None:
    """For the same user one is enough; the first goes on."""
    with ViewerProcess(tmp_path) as viewer:
        folders = ["--state", str(viewer.places.state), "--traces", str(viewer.places.traces)]
        second = subprocess.run(
            [sys.executable, "-m", "otel_distro.viewer", *folders],
            capture_output=True,
            encoding="utf-8",
            timeout=30,
            check=False,
        )
        assert (1, True) == (second.returncode, "runs already" in second.stderr)
        assert 0 == viewer.get("/api/ui/status")["traces"]


def test_never_beyond_loopback_without_the_token(tmp_path: Path) -> None:
    """--host with --no-auth is refused; with the token it is served, to names that are allowed."""
    with pytest.raises(AssertionError, match="did not start"):
        ViewerProcess(tmp_path / "a", "--host", "0.0.0.0", "--no-auth").start()
    with ViewerProcess(tmp_path / "b", "--host", "0.0.0.0") as viewer:
        assert 401 == viewer.ask("GET", "/api/services", with_token=False).status
        assert 200 == viewer.ask("GET", "/api/services").status
    assert "0.0.0.0" not in viewer.said()


def test_ipv6_loopback(tmp_path: Path) -> None:
    """::1 answers on the same port, where the machine has it."""
    try:
        with socket.create_server(("::1", free_port()), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no ::1")
    with ViewerProcess(tmp_path) as viewer:
        connection = http.client.HTTPConnection("::1", viewer.port, timeout=10)
        connection.request("GET", "/api/services", headers={"Authorization": f"Bearer {viewer.token}"})
        assert 200 == connection.getresponse().status
        connection.close()


def test_a_proxy_in_front_changes_nothing(tmp_path: Path) -> None:
    """Forwarded headers are not believed: neither for the host nor for who asks."""
    with ViewerProcess(tmp_path) as viewer:
        forwarded = {
            "X-Forwarded-Host": "localhost",
            "Forwarded": "host=localhost;for=127.0.0.1",
            "X-Forwarded-For": "::1",
        }
        assert 421 == viewer.ask("GET", "/", headers={**forwarded, "Host": "evil.example"}).status
        assert 401 == viewer.ask("GET", "/api/services", headers=forwarded, with_token=False).status
