# SPDX-License-Identifier: Apache-2.0
"""One attempt over OTLP/gRPC against a real grpcio server and what it comes to."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import grpc
import pytest

from otel_distro.exporters.otlp_grpc import OtlpGrpcSpanExporter
from otel_distro.exporters.retry import Delivered, Outcome, Refused, Retry, TooLarge
from otel_distro.runtime.deadline import Deadline
from otel_distro.settings.settings import OtlpSettings
from tests.harness.backend import Backend
from tests.harness.certificates import Certificates
from tests.harness.grpc_backend import GrpcBackend, failure, partial, silent
from tests.harness.spans import span, spans


def attempt(url: str, made: list[Any] | None = None, **settings: Any) -> Outcome:
    exporter = OtlpGrpcSpanExporter(OtlpSettings(protocol="grpc", endpoint=url, **settings), url)
    try:
        return exporter.export_once(spans(3) if made is None else made, Deadline(5))
    finally:
        exporter.shutdown()


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_spans_arrive(compression: Any) -> None:
    with GrpcBackend() as backend:
        assert attempt(backend.url, compression=compression, headers=(("x-team", "a"),)) == Delivered()
        assert [item.name for item in backend.spans()] == ["span 1", "span 2", "span 3"]
        assert backend.calls[0]["x-team"] == "a"
        assert backend.calls[0]["user-agent"].startswith("otel-distro/")


@pytest.mark.parametrize(
    "code", ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"]
)
def test_codes_that_are_worth_another_try(code: str) -> None:
    with GrpcBackend(failure(code)) as backend:
        outcome = attempt(backend.url)
        assert isinstance(outcome, Retry)
        assert (outcome.error_type, outcome.after_s) == (code, None)


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED"])
def test_codes_that_are_final(code: str) -> None:
    with GrpcBackend(failure(code, "because")) as backend:
        assert attempt(backend.url) == Refused(f"{code}: because", code)


def test_resource_exhausted_is_worth_another_try_only_when_the_backend_says_when() -> None:
    with GrpcBackend(failure("RESOURCE_EXHAUSTED", "quota")) as backend:
        assert attempt(backend.url) == Refused("RESOURCE_EXHAUSTED: quota", "RESOURCE_EXHAUSTED")
    with GrpcBackend(failure("RESOURCE_EXHAUSTED", "quota", retry_after_s=2.5)) as backend:
        assert attempt(backend.url) == Retry("RESOURCE_EXHAUSTED: quota", "RESOURCE_EXHAUSTED", 2.5)


def test_retry_info_is_read_on_other_codes_too() -> None:
    with GrpcBackend(failure("UNAVAILABLE", "busy", retry_after_s=3)) as backend:
        assert attempt(backend.url) == Retry("UNAVAILABLE: busy", "UNAVAILABLE", 3.0)


def test_the_users_codes_replace_the_specifications() -> None:
    with GrpcBackend(failure("INTERNAL")) as backend:
        assert isinstance(attempt(backend.url, retryable_codes=("INTERNAL",)), Retry)
    with GrpcBackend(failure("UNAVAILABLE")) as backend:
        assert isinstance(attempt(backend.url, retryable_codes=("INTERNAL",)), Refused)


def test_a_message_over_the_servers_limit_is_too_large() -> None:
    with GrpcBackend(max_message_bytes=1000) as backend:
        assert isinstance(attempt(backend.url, spans(100)), TooLarge)


def test_a_request_over_our_own_limit_is_not_sent() -> None:
    with GrpcBackend() as backend:
        assert isinstance(attempt(backend.url, spans(50), max_request_bytes=1000), TooLarge)
        assert backend.calls == []


def test_a_reply_over_our_limit_is_final() -> None:
    with GrpcBackend(partial(1, "x" * 10_000)) as backend:
        outcome = attempt(backend.url, max_response_bytes=1000)
        assert isinstance(outcome, Refused)
        assert outcome.error_type == "response_too_large"


def test_partial_success_is_counted() -> None:
    with GrpcBackend(partial(2, "too old")) as backend:
        assert attempt(backend.url) == Delivered(rejected=2, message="too old")


@pytest.mark.usefixtures("capfd")
def test_a_span_that_cannot_be_encoded_costs_only_itself() -> None:
    with GrpcBackend() as backend:
        assert attempt(backend.url, [span(1), object()]) == Delivered(
            rejected=1, message="1 of 2 spans left out: it cannot be encoded"
        )


def test_a_silent_server_ends_at_the_timeout() -> None:
    with GrpcBackend(silent) as backend:
        began = time.monotonic()
        assert attempt(backend.url, timeout_s=0.3) == Retry("timed out", "DEADLINE_EXCEEDED")
        assert time.monotonic() - began < 1.5


def test_interrupt_ends_a_call_in_another_thread() -> None:
    with GrpcBackend(silent) as backend:
        exporter = OtlpGrpcSpanExporter(OtlpSettings(protocol="grpc", endpoint=backend.url), backend.url)
        timer = threading.Timer(0.2, exporter.interrupt)
        timer.start()
        began = time.monotonic()
        assert exporter.export_once(spans(1), Deadline(10)) == Retry("interrupted", "interrupted")
        assert time.monotonic() - began < 3
        timer.join()
        exporter.shutdown()


def test_nobody_there_is_a_retry() -> None:
    assert attempt("http://127.0.0.1:9") == Retry("connection refused", "connection_refused")


def test_http_on_the_other_side_is_named() -> None:
    with Backend() as backend:
        outcome = attempt(backend.url)
        assert isinstance(outcome, Refused)
        assert outcome.reason.startswith("that port does not speak gRPC")


def test_tls_takes_the_named_files(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    chain, key = (Path(path).read_bytes() for path in certificates.issue("server"))
    ca = Path(certificates.ca).read_bytes()
    server = grpc.ssl_server_credentials([(key, chain)], ca, require_client_auth=True)
    certificate, client_key = certificates.issue("client")
    with GrpcBackend(credentials=server) as backend:
        files = {"certificate": certificates.ca, "client_certificate": certificate, "client_key": client_key}
        assert attempt(backend.url, insecure=False, **files) == Delivered()
        assert isinstance(attempt(backend.url, insecure=False, certificate=certificates.ca), Retry)


def test_a_missing_file_is_named() -> None:
    outcome = attempt("https://localhost:4317", insecure=False, certificate="/nowhere/ca.pem")
    assert outcome == Retry("TLS: /nowhere/ca.pem cannot be read (No such file or directory)", "tls")


def test_grpcio_is_imported_by_the_first_batch_only() -> None:
    code = """
        import sys
        from otel_distro.exporters.otlp_grpc import OtlpGrpcSpanExporter
        from otel_distro.settings.settings import OtlpSettings
        OtlpGrpcSpanExporter(OtlpSettings(protocol="grpc", endpoint="http://localhost:4317"), "x")
        assert "grpc" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=20)


_FORK = """
    import os, sys, time
    from otel_distro.exporters.otlp_grpc import OtlpGrpcSpanExporter
    from otel_distro.exporters.retry import Delivered
    from otel_distro.runtime.deadline import Deadline
    from otel_distro.settings.settings import OtlpSettings
    from tests.harness.spans import span

    exporter = OtlpGrpcSpanExporter(OtlpSettings(protocol="grpc", endpoint=sys.argv[1]), "x")
    assert exporter.export_once([span(1)], Deadline(5)) == Delivered()
    pid = os.fork()
    if pid == 0:
        exporter.after_fork_in_child()
        os._exit(0 if exporter.export_once([span(2)], Deadline(5)) == Delivered() else 3)
    end = time.monotonic() + 10
    while (done := os.waitpid(pid, os.WNOHANG))[0] == 0 and time.monotonic() < end:
        time.sleep(0.02)
    assert done == (pid, 0), done
    assert exporter.export_once([span(3)], Deadline(5)) == Delivered()
"""


def test_parent_and_child_both_export_after_a_fork() -> None:
    with GrpcBackend() as backend:
        subprocess.run([sys.executable, "-c", textwrap.dedent(_FORK), backend.url], check=True, timeout=30)
        assert sorted(int(item.span_id, 16) for item in backend.wait_for(3)) == [1, 2, 3]
