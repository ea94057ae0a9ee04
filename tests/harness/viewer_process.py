# SPDX-License-Identifier: Apache-2.0
"""A viewer's own process on free ports, in folders of its own, and plain HTTP to ask it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from typing_extensions import Self

from otel_distro.viewer.process import record, token
from otel_distro.viewer.process.places import Places

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

START_TIMEOUT_S = 30.0
OTLP = "application/x-protobuf"
_CLOSED = ("--otlp-port", "--grpc-port", "--thrift-port", "--compact-port", "--binary-port", "--sampling-port")


class Answer(NamedTuple):
    """status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


class ViewerProcess:
    """`python -m otel_distro.viewer` with every port closed but the pages', unless options say otherwise."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.places = Places(directory / "state", directory / "traces")
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def start(self) -> None:
        """Start and wait until it listens."""
        self.places.state.mkdir(parents=True, exist_ok=True)
        self.log = self.places.state / "output"
        command = [sys.executable, "-m", "otel_distro.viewer", "--port", "0"]
        for option in _CLOSED:
            command += [] if option in self.options else [option, "0"]
        command += [*self.options, "--state", str(self.places.state), "--traces", str(self.places.traces)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        end = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < end and self.process.poll() is None:
            running = record.read(self.places)
            if running is not None and running.pid == self.process.pid:
                self.running = running
                self.port = running.ports["ui"]
                self.token = token.read(self.places.token)
                return
            time.sleep(0.02)
        said = self.said()
        self.end()
        raise AssertionError(f"the viewer did not start: {said}")

    def end(self, kill: bool = False) -> int:
        """End it; returns its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            (self.process.kill if kill else self.process.terminate)()
        return self.process.wait(20)

    def said(self) -> str:
        """What it wrote to stdout and stderr."""
        return self.log.read_text("utf-8", "replace")

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        with_token: bool = True,
        port: int | None = None,
    ) -> Answer:
        """One request as it is; path may be odd. The token goes along unless told otherwise."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        given = dict(headers or {})
        if with_token and self.token:
            given.setdefault("Authorization", f"Bearer {self.token}")
        try:
            connection.putrequest(method, path, skip_host="Host" in given, skip_accept_encoding=True)
            if body is not None and "Content-Length" not in given and "Transfer-Encoding" not in given:
                given["Content-Length"] = str(len(body))
            for name, value in given.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            data = response.read()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, data)
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """The JSON at path; fails on another status than 200."""
        answer = self.ask("GET", path)
        assert 200 == answer.status, answer.body
        return answer.json

    def send(self, request: bytes) -> None:
        """Have an OTLP request stored."""
        answer = self.ask("POST", "/v1/traces", request, {"Content-Type": OTLP}, with_token=False)
        assert 200 == answer.status, answer.body

    def memory_bytes(self, peak: bool = False) -> int:
        """Resident memory of the process (Linux)."""
        assert self.process is not None
        wanted = "VmHWM:" if peak else "VmRSS:"
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(wanted))
