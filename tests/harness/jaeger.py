# SPDX-License-Identifier: Apache-2.0
"""A real Jaeger, version 1 or 2, on ephemeral loopback ports, with what it stored as plain values.

    with running_jaeger("v2") as jaeger:
        ...send spans to jaeger.otlp_http...
        spans = jaeger.wait_for_spans("my-service", count=3)

`make jaeger` installs the binaries. Without them the test is skipped, and the reason says so.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Version = Literal["v1", "v2"]

START_ATTEMPTS = 3
START_TIMEOUT_S = 30.0
_BINARIES = {"v1": "all-in-one", "v2": "jaeger"}
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class JaegerSpan:
    """A span as Jaeger shows it. Ids are padded to full length; a root has no parent_id.

    tags and process_tags: key -> value. events: (timestamp_us, fields), oldest first.
    links: (trace_id, span_id) of FOLLOWS_FROM references.
    """

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    start_us: int
    duration_us: int
    tags: dict[str, Any]
    events: list[tuple[int, dict[str, Any]]]
    links: list[tuple[str, str]]
    process_tags: dict[str, Any]
    flags: int = 0

    @property
    def kind(self) -> str:
        return str(self.tags.get("span.kind", "internal"))

    @property
    def status(self) -> str:
        """UNSET, OK or ERROR."""
        return str(self.tags.get("otel.status_code", "UNSET"))


@dataclass
class Jaeger:
    """A running Jaeger. The port names are those of the standard ports that they stand for."""

    version: Version
    pid: int
    query_port: int
    otlp_grpc_port: int
    otlp_http_port: int
    thrift_http_port: int
    grpc_port: int
    compact_port: int
    binary_port: int
    sampling_http_port: int
    sampling_grpc_port: int | None
    log_path: Path = field(repr=False)

    @property
    def otlp_http(self) -> str:
        return f"http://127.0.0.1:{self.otlp_http_port}"

    @property
    def otlp_grpc(self) -> str:
        return f"http://127.0.0.1:{self.otlp_grpc_port}"

    @property
    def thrift_http(self) -> str:
        return f"http://127.0.0.1:{self.thrift_http_port}/api/traces"

    def services(self) -> list[str]:
        return sorted(self._get("/api/services") or [])

    def trace(self, trace_id: str) -> list[JaegerSpan]:
        """The spans of one trace, oldest first; none if Jaeger does not know it (yet)."""
        return _spans(self._get(f"/api/traces/{trace_id}") or [])

    def spans(self, service: str, limit: int = 1000) -> list[JaegerSpan]:
        """The spans of the traces that `service` takes part in, oldest first. limit counts traces."""
        now_us = time.time_ns() // 1000
        hour_us = 3_600_000_000
        query = {"service": service, "limit": limit, "start": now_us - hour_us, "end": now_us + hour_us}
        return _spans(self._get(f"/api/traces?{urllib.parse.urlencode(query)}") or [])

    def wait_for_spans(self, service: str, count: int, timeout_s: float = 20.0) -> list[JaegerSpan]:
        """Poll until the traces of `service` hold at least `count` spans; fail with what there was."""
        return self._wait(lambda: self.spans(service), count, timeout_s, f"service {service}")

    def wait_for_trace(self, trace_id: str, count: int, timeout_s: float = 20.0) -> list[JaegerSpan]:
        """Poll until the trace holds at least `count` spans; fail with what there was."""
        return self._wait(lambda: self.trace(trace_id), count, timeout_s, f"trace {trace_id}")

    def _wait(self, look: Callable[[], list[JaegerSpan]], count: int, timeout_s: float, what: str) -> list[JaegerSpan]:
        ends = time.monotonic() + timeout_s
        while len(found := look()) < count:
            if time.monotonic() > ends:
                names = [f"{span.service}: {span.name}" for span in found]
                raise AssertionError(f"{what}: {len(found)} of {count} spans after {timeout_s} s: {names}")
            time.sleep(0.1)
        return found

    def _get(self, path: str) -> Any:
        """The "data" of an answer of the query API; None for what it does not know."""
        try:
            with _NO_PROXY.open(f"http://127.0.0.1:{self.query_port}{path}", timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise


def binary(version: Version) -> Path:
    """Where `make jaeger` puts this version."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "otel-distro" / "jaeger" / _BINARIES[version]


def require(version: Version) -> Path:
    """The binary of this version; skips the test if there is none."""
    path = binary(version)
    if not os.access(path, os.X_OK):
        pytest.skip(f"no Jaeger {version} at {path}: run `make jaeger`")
    return path


@contextmanager
def running_jaeger(version: Version, sampling: dict[str, Any] | None = None) -> Iterator[Jaeger]:
    """Start Jaeger with an empty memory, stop it in the end.

    sampling: its sampling strategies, in Jaeger's file format; everything is sampled by default.
    """
    path = require(version)
    with tempfile.TemporaryDirectory(prefix="jaeger-") as folder:
        process, jaeger = _start(version, path, Path(folder), sampling)
        try:
            yield jaeger
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _start(
    version: Version, path: Path, folder: Path, sampling: dict[str, Any] | None
) -> tuple[subprocess.Popen[bytes], Jaeger]:
    """A port may be taken between being found and being used: then once more, with other ports."""
    sampling_path = folder / "sampling.json"
    strategies = sampling or {"default_strategy": {"type": "probabilistic", "param": 1}}
    sampling_path.write_text(json.dumps(strategies))
    log_path = folder / "jaeger.log"
    arguments = {"v1": _v1_arguments, "v2": _v2_arguments}[version]
    # no OTEL_* of the test run, and no traces of Jaeger itself among ours
    environ = {"PATH": os.defpath, "HOME": str(folder), "SPAN_STORAGE_TYPE": "memory"}
    environ |= {"OTEL_TRACES_SAMPLER": "always_off", "JAEGER_DISABLED": "true"}
    for _ in range(START_ATTEMPTS):
        ports = _free_ports()
        command = [str(path), *arguments(ports, folder, sampling_path)]
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ, cwd=folder
            )
        jaeger = _described(version, process.pid, ports, log_path)
        if _wait_until_ready(process, jaeger):
            return process, jaeger
        if process.poll() is None:
            process.kill()
        process.wait(10)
    raise AssertionError(f"Jaeger {version} does not start:\n{log_path.read_text()[-3000:]}")


def _described(version: Version, pid: int, ports: dict[str, int], log_path: Path) -> Jaeger:
    return Jaeger(
        version=version,
        pid=pid,
        query_port=ports["query"],
        otlp_grpc_port=ports["otlp_grpc"],
        otlp_http_port=ports["otlp_http"],
        thrift_http_port=ports["thrift_http"],
        grpc_port=ports["grpc"],
        compact_port=ports["compact"],
        binary_port=ports["binary"],
        sampling_http_port=ports["sampling_http"],
        sampling_grpc_port=ports["sampling_grpc"] if version == "v2" else None,
        log_path=log_path,
    )


def _wait_until_ready(process: subprocess.Popen[bytes], jaeger: Jaeger) -> bool:
    """Whether it came up in time."""
    ends = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends and process.poll() is None:
        if _is_ready(jaeger):
            return True
        time.sleep(0.05)
    return False


def _is_ready(jaeger: Jaeger) -> bool:
    """Whether it listens on the TCP ports that take spans, and answers queries."""
    try:
        for port in (jaeger.otlp_grpc_port, jaeger.otlp_http_port, jaeger.thrift_http_port, jaeger.grpc_port):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        jaeger.services()
    except OSError:  # refused: not there yet; URLError is an OSError too
        return False
    return True


_PORT_NAMES = (
    *("query", "query_grpc", "otlp_grpc", "otlp_http", "thrift_http", "grpc", "compact", "binary"),
    *("sampling_http", "sampling_grpc", "admin", "zipkin_compact"),
)


def _free_ports() -> dict[str, int]:
    """A port for each name, free for TCP and UDP a moment ago, all different."""
    with ExitStack() as open_sockets:
        ports: dict[str, int] = {}
        while len(ports) < len(_PORT_NAMES):
            tcp = open_sockets.enter_context(socket.socket())
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            udp = open_sockets.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:  # taken for UDP: leave it
                continue
            ports[_PORT_NAMES[len(ports)]] = port
        return ports


def _v1_arguments(ports: dict[str, int], folder: Path, sampling_path: Path) -> list[str]:
    flags = {
        "query.http-server.host-port": "query",
        "query.grpc-server.host-port": "query_grpc",
        "collector.otlp.grpc.host-port": "otlp_grpc",
        "collector.otlp.http.host-port": "otlp_http",
        "collector.http-server.host-port": "thrift_http",
        "collector.grpc-server.host-port": "grpc",
        "reporter.grpc.host-port": "grpc",
        "processor.jaeger-compact.server-host-port": "compact",
        "processor.jaeger-binary.server-host-port": "binary",
        "processor.zipkin-compact.server-host-port": "zipkin_compact",
        "http-server.host-port": "sampling_http",
        "admin.http.host-port": "admin",
    }
    return [
        *(f"--{flag}=127.0.0.1:{ports[name]}" for flag, name in flags.items()),
        "--collector.otlp.enabled=true",
        f"--sampling.strategies-file={sampling_path}",
        "--sampling.strategies-reload-interval=1s",
        "--log-level=warn",
    ]


def _v2_arguments(ports: dict[str, int], folder: Path, sampling_path: Path) -> list[str]:
    at = {name: {"endpoint": f"127.0.0.1:{port}"} for name, port in ports.items()}
    jaeger_protocols = {
        "grpc": at["grpc"],
        "thrift_http": at["thrift_http"],
        "thrift_compact": at["compact"],
        "thrift_binary": at["binary"],
    }
    config = {
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query", "remote_sampling"],
            "pipelines": {
                "traces": {
                    "receivers": ["otlp", "jaeger"],
                    "processors": ["batch"],
                    "exporters": ["jaeger_storage_exporter"],
                }
            },
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
        },
        "extensions": {
            "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": 100_000}}}},
            "jaeger_query": {
                "storage": {"traces": "memory"},
                "http": at["query"],
                "grpc": at["query_grpc"],
            },
            "remote_sampling": {
                "file": {
                    "path": str(sampling_path),
                    "default_sampling_probability": 1,
                    "reload_interval": "1s",
                },
                "http": at["sampling_http"],
                "grpc": at["sampling_grpc"],
            },
        },
        "receivers": {
            "otlp": {"protocols": {"grpc": at["otlp_grpc"], "http": at["otlp_http"]}},
            "jaeger": {"protocols": jaeger_protocols},
        },
        "processors": {"batch": {"timeout": "50ms"}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "memory"}},
    }
    config_path = folder / "config.yaml"
    config_path.write_text(json.dumps(config))  # JSON is YAML
    return ["--config", str(config_path)]


def _spans(traces: list[dict[str, Any]]) -> list[JaegerSpan]:
    found = [_span(span, trace["processes"]) for trace in traces for span in trace["spans"]]
    return sorted(found, key=lambda span: span.start_us)


def _span(span: dict[str, Any], processes: dict[str, Any]) -> JaegerSpan:
    process = processes[span["processID"]]
    references = [
        (reference["refType"], reference["traceID"].zfill(32), reference["spanID"].zfill(16))
        for reference in span.get("references") or []
    ]
    parents = [span_id for kind, _, span_id in references if kind == "CHILD_OF"]
    return JaegerSpan(
        service=process["serviceName"],
        name=span["operationName"],
        trace_id=span["traceID"].zfill(32),
        span_id=span["spanID"].zfill(16),
        parent_id=parents[0] if parents else None,
        start_us=span["startTime"],
        duration_us=span["duration"],
        tags=_tags(span.get("tags")),
        events=sorted((log["timestamp"], _tags(log["fields"])) for log in span.get("logs") or []),
        links=[(trace_id, span_id) for kind, trace_id, span_id in references if kind == "FOLLOWS_FROM"],
        process_tags=_tags(process.get("tags")),
        flags=span.get("flags") or 0,
    )


def _tags(tags: list[dict[str, Any]] | None) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in tags or []}
