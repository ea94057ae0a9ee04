# SPDX-License-Identifier: Apache-2.0
"""F19: a proxy that does not work is named; a .netrc is not read."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from otel_distro import exporters
from otel_distro.exporters.retry import Retry
from otel_distro.exporters.span_exporter import OutcomeSpanExporter
from otel_distro.runtime.deadline import Deadline
from otel_distro.settings.settings import OtlpSettings, ProxySettings, Settings
from tests.harness.backend import Backend
from tests.harness.spans import spans

if TYPE_CHECKING:
    from pathlib import Path


def test_a_netrc_adds_no_credentials(tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login somebody password secret\n", encoding="ascii")
    netrc.chmod(0o600)
    code = """
        import sys
        from otel_distro.runtime.deadline import Deadline
        from tests.harness.delivering import otlp_exporter
        from tests.harness.spans import spans
        headers = (("authorization", "Bearer token"),)
        otlp_exporter("http/protobuf", sys.argv[1], headers=headers).export_once(spans(1), Deadline(5))
    """
    with Backend() as backend:
        environ = {**os.environ, "HOME": str(tmp_path), "NETRC": str(netrc)}
        program = [sys.executable, "-c", textwrap.dedent(code), backend.traces_url]
        subprocess.run(program, env=environ, check=True, timeout=20)
        (request,) = backend.requests
        assert request.headers["authorization"] == "Bearer token"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_down_is_named_in_the_outcome(scheme: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    proxy = f"http://user:secret@127.0.0.1:{port}"
    otlp = OtlpSettings(endpoint=f"{scheme}://collector.invalid/v1/traces")
    (exporter,), _ = exporters.create(Settings(otlp_traces=otlp, proxies=ProxySettings(http=proxy, https=proxy)))
    assert isinstance(exporter, OutcomeSpanExporter)
    outcome = exporter.export_once(spans(1), Deadline(5))
    assert outcome == Retry(f"proxy 127.0.0.1:{port}: connection refused", "proxy_connection_refused")


def test_loopback_takes_no_proxy() -> None:
    with Backend() as backend:
        proxies = ProxySettings(http="http://127.0.0.1:9")
        settings = Settings(otlp_traces=OtlpSettings(endpoint=backend.traces_url), proxies=proxies)
        (exporter,), _ = exporters.create(settings)
        assert isinstance(exporter, OutcomeSpanExporter)
        exporter.export_once(spans(1), Deadline(5))
        exporter.shutdown()
        assert len(backend.spans()) == 1
