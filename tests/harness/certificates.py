# SPDX-License-Identifier: Apache-2.0
"""A throw-away CA and what it signs, made with the openssl command; a test that wants it skips without."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


class Certificates:
    """PEM files in a directory: ca.pem, and NAME.pem with NAME.key for each name that was issued."""

    def __init__(self, directory: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("no openssl command")
        self._directory = directory
        self._openssl(
            "req",
            "-x509",
            "-nodes",
            *_NEW_KEY,
            "ca.key",
            "-out",
            "ca.pem",
            "-days",
            "2",
            "-subj",
            "/CN=test CA",
        )
        self.ca = str(directory / "ca.pem")

    def issue(self, name: str, hosts: str = "DNS:localhost,IP:127.0.0.1", days: int = 1) -> tuple[str, str]:
        """Paths of certificate and key, valid for days; 0 expires at once."""
        self._openssl("req", "-nodes", *_NEW_KEY, f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        extensions = self._directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={hosts}\n", encoding="ascii")
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", f"{name}.pem", "-days", str(days), "-extfile", f"{name}.ext",
        )  # fmt: skip
        return str(self._directory / f"{name}.pem"), str(self._directory / f"{name}.key")

    def server_context(self, name: str = "server", **options: object) -> ssl.SSLContext:
        """A server's context with a fresh certificate; options go to issue()."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, **options))
        return context

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._directory, check=True, capture_output=True, timeout=20)


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout")
