# SPDX-License-Identifier: Apache-2.0
"""TLS is what was configured, or there is no connection and the cause is named."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest

from otel_distro.runtime.deadline import Deadline
from otel_distro.transport.errors import BadReplyError, ConnectError, TransportError
from otel_distro.transport.http import HttpClient
from otel_distro.transport.tls import TlsFiles, context
from tests.harness.backend import Backend
from tests.harness.certificates import Certificates

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def post(url: str, files: TlsFiles) -> int:
    client = HttpClient(url, tls=files)
    try:
        return client.post(b"x", (), Deadline(5)).status
    finally:
        client.close()


def test_a_server_of_the_named_ca_is_trusted(certificates: Certificates) -> None:
    with Backend(tls=certificates.server_context()) as backend:
        assert post(backend.traces_url, TlsFiles(ca=certificates.ca)) == 200


def test_nothing_in_the_environment_replaces_the_ca(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = tmp_path / "other.pem"
    empty.write_text("", encoding="ascii")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(empty))
    with Backend(tls=certificates.server_context()) as backend:
        assert post(backend.traces_url, TlsFiles(ca=certificates.ca)) == 200


@pytest.mark.parametrize(
    ("name", "options", "trusted", "cause"),
    [
        ("unknown", {}, False, "unable to get local issuer certificate|self-signed"),
        ("expired", {"days": 0}, True, "certificate has expired"),
        ("elsewhere", {"hosts": "DNS:other.example"}, True, "certificate is not valid for '127.0.0.1'"),
    ],
)
def test_a_certificate_that_proves_nothing_is_refused_by_name(
    certificates: Certificates, name: str, options: dict[str, object], trusted: bool, cause: str
) -> None:
    with Backend(tls=certificates.server_context(name, **options)) as backend:
        with pytest.raises(ConnectError, match=f"TLS: .*({cause})") as caught:
            post(backend.traces_url, TlsFiles(ca=certificates.ca if trusted else None))
        assert caught.value.error_type == "tls"
        assert backend.requests == []


def test_tls_to_a_plain_port_is_never_downgraded(certificates: Certificates) -> None:
    received: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            received.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                received.append(connection.recv(65536))

    server = threading.Thread(target=answer)
    server.start()
    with listener, pytest.raises(ConnectError, match="does not speak TLS"):
        post(f"https://127.0.0.1:{listener.getsockname()[1]}", TlsFiles(ca=certificates.ca))
    server.join(5)
    assert not any(b"POST" in data for data in received)


def test_http_to_a_tls_port_is_recognised(certificates: Certificates) -> None:
    with Backend(tls=certificates.server_context()) as backend, pytest.raises(TransportError) as caught:
        post(f"http://127.0.0.1:{backend.port}", TlsFiles())
    if isinstance(caught.value, BadReplyError):  # some servers say so with an alert, others hang up
        assert caught.value.speaks == "TLS"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_versions_before_1_2_are_refused(certificates: Certificates) -> None:
    old = certificates.server_context("old")
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with Backend(tls=old) as backend:
        with pytest.raises(ConnectError, match="TLS: "):
            post(backend.traces_url, TlsFiles(ca=certificates.ca))
        assert backend.requests == []


def test_a_client_certificate_is_shown_when_configured(certificates: Certificates) -> None:
    server = certificates.server_context("mutual")
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(certificates.ca)
    certificate, key = certificates.issue("client")
    with Backend(tls=server) as backend:
        assert post(backend.traces_url, TlsFiles(certificates.ca, certificate, key)) == 200
        with pytest.raises(TransportError):
            post(backend.traces_url, TlsFiles(certificates.ca))


@pytest.mark.parametrize("which", ["ca", "client"])
def test_a_missing_file_is_named(certificates: Certificates, which: str) -> None:
    files = TlsFiles(ca="/nowhere/ca.pem") if which == "ca" else TlsFiles(certificates.ca, "/nowhere/client.pem")
    with pytest.raises(ConnectError, match=rf"/nowhere/{which}.pem cannot be used \(No such file"):
        context(files)


def test_a_key_that_does_not_belong_to_the_certificate_is_named(certificates: Certificates) -> None:
    certificate, _ = certificates.issue("one")
    _, other_key = certificates.issue("two")
    with pytest.raises(ConnectError, match=r"client certificate or key .* cannot be used"):
        context(TlsFiles(certificates.ca, certificate, other_key))
