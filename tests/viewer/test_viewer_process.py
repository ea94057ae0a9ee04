# SPDX-License-Identifier: Apache-2.0
"""One viewer per user: starting, finding and ending it; ports that are taken; what outlives a kill."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from otel_distro.viewer.process import autostart, launch, record, token
from otel_distro.viewer.process.client import Client, NotRunningError
from otel_distro.viewer.process.places import Places, places
from tests.harness.programs import free_port
from tests.harness.viewer_process import ViewerProcess
from tests.harness.viewer_spans import Request, orders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPTIONS = ("--port", "0", "--otlp-port", "0", "--grpc-port", "0", "--thrift-port", "0", "--compact-port", "0",
           "--binary-port", "0", "--sampling-port", "0")  # fmt: skip


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A user's environment; the viewer that a test leaves is ended."""
    made = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    yield made
    launch.stop(made)


def test_started_once_found_again_and_ended(environ: dict[str, str]) -> None:
    """A second start finds the first; after the end nothing is found, and ending twice is no error."""
    running, started = launch.ensure(environ, OPTIONS)
    again, started_again = launch.ensure(environ, OPTIONS)

    assert (True, False, running) == (started, started_again, again)
    assert 0 == Client(environ).get("/api/ui/status")["traces"]
    assert launch.stop(environ)
    assert launch.find(environ) is None
    assert not launch.stop(environ)


def test_starts_at_the_same_time_make_one(environ: dict[str, str]) -> None:
    """Two launchers race; one viewer runs, and both may use it."""
    outcomes: list[object] = []

    def begin() -> None:
        try:
            outcomes.append(launch.start(environ, OPTIONS).pid)
        except launch.ViewerError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=begin) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    running = launch.find(environ)

    assert running is not None
    assert all(one == running.pid or "runs already" in str(one) for one in outcomes)


def test_it_outlives_its_starter_and_does_not_hold_its_terminal(environ: dict[str, str]) -> None:
    """Started by a process that ends at once, in a session of its own, with closed input."""
    program = f"import os; from otel_distro.viewer.process import launch; launch.start(dict(os.environ), {OPTIONS!r})"
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", program], env=environ, check=True, timeout=30, capture_output=True)
    assert time.monotonic() - begun < 15
    running = launch.find(environ)

    assert running is not None
    assert os.getsid(running.pid) == running.pid


def test_the_viewer_is_never_traced(environ: dict[str, str]) -> None:
    """No OTEL_ variable but the one that turns tracing off, no autoload on PYTHONPATH."""
    given = {"OTEL_SERVICE_NAME": "x", "PYTHONPATH": os.pathsep.join(["lib", "/x/otel_distro/autoload"]), "A": "b"}

    child = launch.child_environment(given, "/home/me")

    assert {"OTEL_SDK_DISABLED": "true", "A": "b", "PYTHONPATH": os.path.join("/home/me", "lib")} == child


def test_a_stale_record_is_not_believed(environ: dict[str, str]) -> None:
    """The process is gone, or its number belongs to another program now."""
    where = places(environ)
    where.state.mkdir(parents=True)
    record.write(where, record.Running(os.getpid(), {"ui": 1}, "1"))
    assert record.read(where) is None
    with pytest.raises(NotRunningError, match="ui start"):
        Client(environ)
    for text in ("", "[]", "{", '{"pid": "x"}', '{"pid": 1, "ports": {}, "version": 1}'):
        where.record.write_text(text, "utf-8")
        assert record.read(where) is None


def test_killed_and_started_again(tmp_path: Path) -> None:
    """SIGKILL in the middle loses nothing that was answered with success."""
    process = ViewerProcess(tmp_path)
    process.start()
    request = Request()
    trace_id = orders(request, time.time_ns()).hex()
    process.send(request.bytes())
    process.end(kill=True)
    process.start()
    try:
        assert 25 == process.get(f"/api/ui/traces/{trace_id}")["trace"]["spans"]
    finally:
        assert 0 == process.end()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_its_files_are_the_users_alone(viewer: ViewerProcess) -> None:
    """Folder 0700, token 0600."""
    assert 0o700 == viewer.places.state.stat().st_mode & 0o777
    assert 0o600 == viewer.places.token.stat().st_mode & 0o777
    assert 0o600 == viewer.places.record.stat().st_mode & 0o777


def test_the_token_is_stable_and_a_bad_one_is_replaced(tmp_path: Path) -> None:
    """43 characters, kept over restarts; an empty or strange file is no token."""
    path = tmp_path / "token"
    first = token.read_or_make(path)
    assert (43, first) == (len(first), token.read_or_make(path))
    path.write_text("weak", "ascii")
    assert "" == token.read(path)
    assert 43 == len(token.read_or_make(path))


def test_ends_when_unused(tmp_path: Path) -> None:
    """--idle-exit; the status is 0 and the record is gone."""
    process = ViewerProcess(tmp_path, "--idle-exit", "1s")
    process.start()
    assert process.process is not None
    assert 0 == process.process.wait(15)
    assert not process.places.record.exists()


def test_a_folder_that_cannot_be_used_means_memory(tmp_path: Path) -> None:
    """A file is in the way: the viewer runs, says so, and keeps traces in memory."""
    (tmp_path / "traces").write_text("in the way", "utf-8")
    with ViewerProcess(tmp_path) as process:
        status = process.get("/api/ui/status")
    assert status["in_memory"]
    assert any("memory only" in problem for problem in status["problems"])


def test_old_jaeger_clients(tmp_path: Path) -> None:
    """UDP in both protocols, HTTP on the collector's port, and the sampling answer they ask for."""
    import json

    golden = json.loads(
        (__import__("pathlib").Path(__file__).parent.parent / "golden" / "jaeger.json").read_text("utf-8")
    )
    case = next(one for one in golden["wire"] if one["name"] == "all_types")
    ports = {name: free_port() for name in ("compact", "binary", "thrift", "sampling")}
    options = [text for name, port in ports.items() for text in (f"--{name}-port", str(port))]
    with ViewerProcess(tmp_path, *options) as process, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(bytes.fromhex(case["udp_compact_emitBatch"]), ("127.0.0.1", ports["compact"]))
        sender.sendto(b"nonsense", ("127.0.0.1", ports["compact"]))
        sender.sendto(bytes.fromhex(case["udp_binary_emitBatch"]), ("127.0.0.1", ports["binary"]))
        sent = process.ask(
            "POST", "/api/traces?format=jaeger.thrift", bytes.fromhex(case["http_binary_batch"]),
            {"Content-Type": "application/x-thrift"}, port=ports["thrift"], with_token=False,
        )  # fmt: skip
        assert (202, b"") == (sent.status, sent.body)
        end = time.monotonic() + 5
        while process.get("/api/ui/status")["stored_spans"] < 3 and time.monotonic() < end:
            time.sleep(0.02)
        assert 3 == process.get("/api/ui/status")["stored_spans"]
        assert ["svc"] == process.get("/api/services")["data"]
        strategy = process.ask("GET", "/sampling?service=x", port=ports["sampling"], with_token=False).json
        assert 1 == strategy["probabilisticSampling"]["samplingRate"]
        assert 404 == process.ask("GET", "/api/services", port=ports["thrift"]).status


def test_otlp_over_grpc(tmp_path: Path) -> None:
    """Where grpcio is installed."""
    grpc = pytest.importorskip("grpc")
    port = free_port()
    request = Request()
    orders(request, time.time_ns())
    with ViewerProcess(tmp_path, "--grpc-port", str(port)) as process:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            export(request.bytes(), timeout=20, wait_for_ready=True)
            with pytest.raises(grpc.RpcError) as caught:
                export(b"\x0b", timeout=20)
        assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()
        assert 25 == process.get("/api/ui/status")["stored_spans"]


def test_jaegers_own_pages(tmp_path: Path) -> None:
    """--assets-path serves other pages; their inline scripts are allowed by hash, and nothing else."""
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.html").write_text("<script>const config = {};</script><script src='a.js'></script>", "utf-8")
    (pages / "a.js").write_text("1", "utf-8")
    (pages / "secret.key").write_text("s", "utf-8")
    (pages / "link.js").symlink_to("/etc/hostname")
    with ViewerProcess(tmp_path, "--assets-path", str(pages)) as process:
        page = process.ask("GET", "/search")
        assert b"const config" in page.body
        assert 1 == page.headers["content-security-policy"].count("'sha256-")
        assert [200, 404, 404] == [process.ask("GET", path).status for path in ("/a.js", "/secret.key", "/link.js")]


def test_two_folders_are_all_that_is_written(tmp_path: Path) -> None:
    """By the XDG rules, where a relative path counts as unset."""
    home = os.path.expanduser("~")
    assert str(places({}).state).startswith(home)
    assert places({}) == places({"XDG_STATE_HOME": "relative", "XDG_CACHE_HOME": ""})
    assert Places(tmp_path / "otel-distro", tmp_path / "c" / "otel-distro" / "traces") == places(
        {"XDG_STATE_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "c")}
    )


@pytest.mark.parametrize(
    ("variables", "terminal", "reason"),
    [
        ({}, True, ""),
        ({}, False, "terminal"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_TRACES_EXPORTER": "console"}, True, "OTEL_TRACES_EXPORTER"),
        ({"OTEL_CONFIG_FILE": "x.yaml"}, True, "OTEL_CONFIG_FILE"),
        ({"OTEL_EXPORTER_JAEGER_AGENT_HOST": "j"}, True, "JAEGER"),
        ({"CI": "true"}, True, "CI"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, True, "KUBERNETES"),
        ({"INVOCATION_ID": "a"}, True, "INVOCATION_ID"),
        ({"OTEL_TRACES_EXPORTER": ""}, True, ""),
    ],
)
def test_when_a_viewer_starts_by_itself(
    variables: dict[str, str], terminal: bool, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only at a desk where nobody has named a destination."""
    monkeypatch.setattr(autostart, "_CONTAINER_MARKS", ())

    said = autostart.why_not(variables, terminal)

    assert reason in said
    assert bool(reason) is bool(said)


def test_an_app_is_sent_to_the_viewer(environ: dict[str, str]) -> None:
    """on: the running viewer is used; endpoint and a short delay are set, what the user set is kept."""
    running = launch.start(environ, OPTIONS)

    prepared = autostart.prepare({**environ, "OTEL_BSP_SCHEDULE_DELAY": "7"}, "on", terminal=True)

    assert prepared.used
    assert f"http://127.0.0.1:{running.ports['ui']}" == prepared.variables["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert "OTEL_BSP_SCHEDULE_DELAY" not in prepared.variables
    assert token.read(places(environ).token) in prepared.lines[0]
    assert (False, []) == autostart.prepare(environ, "off", terminal=True)[1:][::-1]
    assert not autostart.prepare({**environ, "OTEL_SDK_DISABLED": "true"}, "on", terminal=True).used


def test_a_viewer_that_cannot_start_costs_a_line(tmp_path: Path) -> None:
    """The state folder cannot be made: the app starts all the same."""
    (tmp_path / "state").write_text("in the way", "utf-8")
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CACHE_HOME": str(tmp_path)}

    prepared = autostart.prepare(environ, "on", terminal=True)

    assert ({}, False) == (prepared.variables, prepared.used)
    assert prepared.lines[0].startswith("no viewer: cannot write")


def test_a_signal_ends_it_cleanly(tmp_path: Path) -> None:
    """SIGINT and SIGTERM: status 0, record removed, one line said at start and none at the end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        process = ViewerProcess(tmp_path)
        process.start()
        assert process.process is not None
        process.process.send_signal(number)
        assert 0 == process.process.wait(15)
        assert not process.places.record.exists()
    assert 2 == len(process.said().splitlines())
