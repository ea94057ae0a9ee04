# SPDX-License-Identifier: Apache-2.0
"""OTEL_EXPORTER_OTLP_*: one signal's settings from its own variables, the general ones and the defaults.

Source: OpenTelemetry specification, OTLP Exporter Configuration, "Endpoint URLs for OTLP/HTTP".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.settings import url
from otel_distro.settings.settings import OtlpSettings

if TYPE_CHECKING:
    from otel_distro.settings.reader import Reader
    from otel_distro.settings.settings import Compression, OtlpProtocol
    from otel_distro.settings.url import Url

GENERAL = "OTEL_EXPORTER_OTLP_"
_PATHS = ("/v1/traces", "/v1/metrics", "/v1/logs")
_GRPC_TARGETS = ("unix:", "unix-abstract:", "dns:/", "ipv4:", "ipv6:", "vsock:", "xds:")
_GRPC_MARKS = frozenset("-_.")


class _Endpoint:
    """A plain class: a named tuple would cost start-up time."""

    __slots__ = ("insecure", "origin", "password", "text", "user")

    def __init__(
        self, text: str, origin: str, insecure: bool, user: str | None = None, password: str | None = None
    ) -> None:
        self.text = text
        self.origin = origin
        self.insecure = insecure
        self.user = user
        self.password = password


def read(reader: Reader, signal: str, protocol: OtlpProtocol | None = None) -> OtlpSettings:
    """signal: TRACES, METRICS or LOGS. protocol: one that an exporter's name has decided already."""
    own = f"{GENERAL}{signal}_"

    def both(suffix: str) -> tuple[str, str]:
        return own + suffix, GENERAL + suffix

    protocol = protocol or reader.first(*both("PROTOCOL")) or "http/protobuf"
    grpc = protocol == "grpc"
    endpoint = _grpc_endpoint(reader, signal) if grpc else _http_endpoint(reader, signal)
    timeout_ms = reader.first(*both("TIMEOUT"))
    compression: Compression = reader.first(*both("COMPRESSION")) or "none"
    if grpc and compression == "deflate":
        name = next(name for name in both("COMPRESSION") if reader.given(name) is not None)
        reader.report(name, "gRPC exporters know gzip only", "using none")
        compression = "none"
    key, certificate = reader.first(*both("CLIENT_KEY")), reader.first(*both("CLIENT_CERTIFICATE"))
    if key is not None and certificate is None:
        name = next(name for name in both("CLIENT_KEY") if reader.given(name) is not None)
        reader.report(name, "a key without its certificate", f"set {GENERAL}CLIENT_CERTIFICATE too")
    transport = "GRPC" if grpc else "HTTP"
    providers = "OTEL_PYTHON_EXPORTER_OTLP_{}_{}CREDENTIAL_PROVIDER"
    return OtlpSettings(
        protocol=protocol,
        endpoint=endpoint.text,
        endpoint_origin=endpoint.origin,
        insecure=endpoint.insecure,
        headers=_headers(reader, both("HEADERS"), endpoint, grpc),
        timeout_s=10.0 if timeout_ms is None else timeout_ms / 1000 or None,
        compression=compression,
        certificate=reader.first(*both("CERTIFICATE")),
        client_key=key,
        client_certificate=certificate,
        credential_provider=reader.first(providers.format(transport, f"{signal}_"), providers.format(transport, "")),
        retryable_codes=reader.given("OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES") or (),
    )


def _http_endpoint(reader: Reader, signal: str) -> _Endpoint:
    own, general, path = f"{GENERAL}{signal}_ENDPOINT", f"{GENERAL}ENDPOINT", f"/v1/{signal.lower()}"
    found = _http_url(reader, own)
    if found is not None:
        if found.path in ("", "/") and found.port == 4318:
            reader.report(own, f"nothing is added to this URL, and most servers want {path}", "using it as it is")
        found = found._replace(path=found.path or "/")
        return _Endpoint(str(found), own, found.scheme == "http", found.user, found.password)
    found = _http_url(reader, general)
    if found is None:
        return _Endpoint(f"http://localhost:4318{path}", "default", insecure=True)
    base = found.path.rstrip("/")
    ending = next((ending for ending in _PATHS if base.endswith(ending)), "")
    if ending:
        base = base.removesuffix(ending)
        reader.report(general, f"{ending} is added by the exporter", f"using {found._replace(path=base, query='')}")
    found = found._replace(path=base + path)
    return _Endpoint(str(found), general, found.scheme == "http", found.user, found.password)


def _http_url(reader: Reader, name: str) -> Url | None:
    raw = reader.given(name)
    if raw is None:
        return None
    found = url.split(raw)
    if isinstance(found, str):
        reader.report(name, found, "ignored")
        return None
    hint = "port 4317 usually speaks gRPC; use 4318, or OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
    if found.scheme not in ("", "http", "https"):
        reader.report(name, f"no http:// or https:// URL{f' ({hint})' if found.port == 4317 else ''}", "ignored")
        return None
    if not found.scheme:
        found = found._replace(scheme="http")
        reader.report(name, f"no scheme{f', and {hint}' if found.port == 4317 else ''}", f"using {found.origin()}")
    elif found.port == 4317:
        reader.report(name, hint, "using it as it is")
    return found


def _grpc_endpoint(reader: Reader, signal: str) -> _Endpoint:
    for name in (f"{GENERAL}{signal}_ENDPOINT", f"{GENERAL}ENDPOINT"):
        raw = reader.given(name)
        if raw is None:
            continue
        insecure = bool(reader.first(f"{GENERAL}{signal}_INSECURE", f"{GENERAL}INSECURE"))
        if raw.startswith(_GRPC_TARGETS):
            return _Endpoint(raw, name, insecure)
        found = url.split(raw)
        if isinstance(found, str):
            reader.report(name, found, "ignored")
        elif found.scheme not in ("", "http", "https"):
            reader.report(name, "neither host:port nor an http:// or https:// URL", "ignored")
        else:
            return _grpc_address(reader, name, found, insecure)
    return _Endpoint("http://localhost:4317", "default", insecure=True)


def _grpc_address(reader: Reader, name: str, found: Url, insecure: bool) -> _Endpoint:
    hint = "port 4318 usually speaks HTTP; use 4317, or OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
    if found.scheme:
        insecure = found.scheme == "http"
        if found.port == 4318:
            reader.report(name, hint, "using it as it is")
    else:
        found = found._replace(scheme="http" if insecure else "https")
        if not insecure:
            advice = f"for plaintext write http://{found.origin()[8:]} or set {GENERAL}INSECURE=true"
            reader.report(name, "without a scheme gRPC uses TLS", advice)
        elif found.port == 4318:
            reader.report(name, hint, "using it as it is")
    if found.path not in ("", "/"):
        reader.report(name, "gRPC has no paths", f"using {found.origin()}")
    return _Endpoint(found.origin(), name, insecure, found.user, found.password)


def _headers(reader: Reader, names: tuple[str, str], endpoint: _Endpoint, grpc: bool) -> tuple[tuple[str, str], ...]:
    name = next((name for name in names if reader.given(name) is not None), names[1])
    found: dict[str, str] = dict(reader.given(name) or ())
    if grpc:
        unusable = [key for key, value in found.items() if not _fits_grpc(key, value)]
        for key in unusable:
            del found[key]
        if unusable:
            reader.report(name, f"gRPC cannot carry {', '.join(unusable)[:80]}", "going on without")
    if endpoint.user is not None and "authorization" not in found:
        from binascii import b2a_base64

        pair = f"{endpoint.user}:{endpoint.password or ''}".encode()
        found["authorization"] = "Basic " + b2a_base64(pair, newline=False).decode("ascii")
    return tuple(found.items())


def _fits_grpc(key: str, value: str) -> bool:
    letters = all(letter.isalnum() or letter in _GRPC_MARKS for letter in key)
    return letters and not key.startswith("grpc-") and not key.endswith("-bin") and value.isascii()
