# SPDX-License-Identifier: Apache-2.0
"""TLS as configured: the named CA file or the system's CAs, a client certificate if named, TLS 1.2 or later.

`ssl` is imported when the first TLS connection is made, and not before the app had its chance to patch it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_distro.transport.errors import ConnectError

if TYPE_CHECKING:
    import ssl


class TlsFiles(NamedTuple):
    """Paths of PEM files. ca None: the system's CAs. client_key None: it is in client_certificate."""

    ca: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None


def context(files: TlsFiles) -> ssl.SSLContext:
    """A client context that verifies certificate and host. Raises ConnectError when a file is no good."""
    import ssl

    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    try:
        if files.ca:
            made.load_verify_locations(cafile=files.ca)
        else:
            made.load_default_certs()
    except OSError as error:
        raise _unusable("CA file", files.ca or "(system)", error) from None
    try:
        if files.client_certificate:
            made.load_cert_chain(files.client_certificate, files.client_key, password=_no_password)
    except (OSError, ValueError) as error:
        raise _unusable("client certificate or key", files.client_certificate or "", error) from None
    return made


def explain(error: Exception) -> str:
    """An SSLError in the words of somebody who has to mend it."""
    message = getattr(error, "verify_message", None)
    if message:
        return str(message).rstrip(".")
    reason = str(getattr(error, "reason", None) or error)
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
        return "that port does not speak TLS; use http:// for plaintext"
    if reason in {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"}:
        return "the server offers no version from 1.2 on"
    if "CERTIFICATE_REQUIRED" in reason:
        return "the server wants a client certificate"
    if "UNEXPECTED_EOF" in reason:
        return "the server closed the connection during the handshake"
    return reason.lower().replace("_", " ")


def _unusable(what: str, path: str, error: Exception) -> ConnectError:
    cause = explain(error) if type(error).__module__ == "ssl" else getattr(error, "strerror", None) or str(error)
    return ConnectError(f"TLS: {what} {path} cannot be used ({cause})", "tls")


def _no_password() -> str:
    """Without this OpenSSL would ask on the app's terminal."""
    raise ValueError("the key is encrypted")
