# SPDX-License-Identifier: Apache-2.0
"""Asks the running viewer, for the terminal. Proxy variables are not looked at: it is on this machine."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from otel_distro.viewer.process import launch, token
from otel_distro.viewer.process.places import places

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIMEOUT_S = 10.0


class NotRunningError(Exception):
    """No viewer runs, or it does not answer."""


class AnswerError(Exception):
    """The viewer refused; status and its reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Client:
    """One viewer."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Raises NotRunningError."""
        running = launch.find(environ)
        if running is None:
            raise NotRunningError("no viewer runs; start it with: otel-distro ui start")
        self.running = running
        self.token = token.read(places(environ).token)

    def get(self, path: str, **parameters: object) -> Any:
        """The JSON at path. Raises AnswerError and NotRunningError."""
        query = urlencode({name: value for name, value in parameters.items() if value not in (None, "")})
        return json.loads(self._send("GET", f"{path}?{query}" if query else path, None))

    def post(self, path: str, body: bytes = b"{}") -> Any:
        """Send JSON. Raises AnswerError and NotRunningError."""
        return json.loads(self._send("POST", path, body))

    def changes(self) -> Iterator[None]:
        """One item whenever traces came, until the viewer ends. Raises NotRunningError."""
        connection = http.client.HTTPConnection("127.0.0.1", self.running.ports["ui"], timeout=60.0)
        try:
            connection.request("GET", "/api/ui/live", headers=self._headers())
            response = connection.getresponse()
            while line := response.readline(1_000):
                if line.strip() in (b"event: ready", b"event: changed"):
                    yield
        except (OSError, http.client.HTTPException) as error:
            raise NotRunningError(f"the viewer ended: {error}") from None
        finally:
            connection.close()

    def _send(self, method: str, path: str, body: bytes | None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.running.ports["ui"], timeout=TIMEOUT_S)
        headers = self._headers()
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise NotRunningError(f"the viewer does not answer: {error}") from None
        finally:
            connection.close()
        if response.status >= 400:
            raise AnswerError(response.status, _reason(data))
        return data

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def _reason(data: bytes) -> str:
    try:
        return str(json.loads(data)["error"])
    except (ValueError, KeyError, TypeError):
        return data.decode("utf-8", "replace").strip()[:500]
