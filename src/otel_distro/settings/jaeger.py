# SPDX-License-Identifier: Apache-2.0
"""OTEL_EXPORTER_JAEGER_*, and what the old Jaeger clients had for them.

Source: OpenTelemetry specification 1.22, Jaeger Exporter; opentelemetry-exporter-jaeger 1.21, which used UDP
unless it was given an endpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.settings import url
from otel_distro.settings.settings import JaegerClientSettings, JaegerSettings

if TYPE_CHECKING:
    from otel_distro.settings.reader import Reader

_PREFIX = "OTEL_EXPORTER_JAEGER_"
_DEFAULT_ENDPOINTS = {"grpc": "http://localhost:14250"}
_DEFAULT_ENDPOINT = "http://localhost:14268/api/traces"


def read(reader: Reader, wanted: bool) -> JaegerSettings:
    """wanted: spans are exported to Jaeger, so the variables of its old clients count too."""

    def given(suffix: str) -> str | None:
        value: str | None = (
            reader.instead_of(_PREFIX + suffix, f"JAEGER_{suffix}") if wanted else reader.given(_PREFIX + suffix)
        )
        return value

    address, host, port = given("ENDPOINT"), given("AGENT_HOST"), given("AGENT_PORT")
    protocol = reader.given(f"{_PREFIX}PROTOCOL")
    if protocol is None:
        by_agent = address is None and (host is not None or port is not None)
        protocol = "udp/thrift.compact" if by_agent else "http/thrift.binary"
    insecure = bool(reader.given(f"{_PREFIX}INSECURE"))
    user, password = given("USER"), given("PASSWORD")
    endpoint = _DEFAULT_ENDPOINTS.get(protocol, _DEFAULT_ENDPOINT)
    found = _endpoint(reader, address, protocol, insecure)
    if found is not None:
        endpoint = str(found)
        if user is None:
            user, password = found.user, found.password or password
    if password is not None and user is None:
        reader.report(f"{_PREFIX}PASSWORD", f"a password without {_PREFIX}USER", "going on without it")
        password = None
    return JaegerSettings(
        protocol=protocol,
        endpoint=endpoint,
        agent_host=host or "localhost",
        agent_port=int(port) if port else 6832 if protocol == "udp/thrift.binary" else 6831,
        timeout_s=reader.timeout_s(f"{_PREFIX}TIMEOUT"),
        user=user,
        password=password,
        certificate=reader.given(f"{_PREFIX}CERTIFICATE"),
        insecure=insecure,
        token=reader.fallback("JAEGER_AUTH_TOKEN") if wanted else None,
    )


def _endpoint(reader: Reader, raw: str | None, protocol: str, insecure: bool) -> url.Url | None:
    if raw is None:
        return None
    name = reader.origin.get(f"{_PREFIX}ENDPOINT", "")
    name = name if name.startswith("JAEGER_") else f"{_PREFIX}ENDPOINT"
    found = url.split(raw)
    if isinstance(found, str):
        reader.report(name, found, f"using {_DEFAULT_ENDPOINTS.get(protocol, _DEFAULT_ENDPOINT)}")
        return None
    if found.scheme not in ("", "http", "https"):
        reader.report(name, "no http:// or https:// URL", "ignored")
        return None
    if protocol == "grpc":
        if not found.scheme:
            found = found._replace(scheme="http" if insecure else "https")
            if not insecure:
                advice = f"for plaintext write http://{found.origin()[8:]} or set {_PREFIX}INSECURE=true"
                reader.report(name, "without a scheme gRPC uses TLS", advice)
        if found.port == 14268:
            reader.report(name, "port 14268 speaks HTTP, the protocol is grpc", "using it as it is")
        return found._replace(path="", query="")
    if not found.scheme:
        found = found._replace(scheme="http")
        reader.report(name, "no scheme", f"using {found.origin()}")
    if found.port == 14250:
        reader.report(name, f"port 14250 speaks gRPC, the protocol is {protocol}", "using it as it is")
    return found._replace(path=found.path or "/")


def read_client(reader: Reader) -> JaegerClientSettings:
    """What jaeger-client for Python read itself, as its users expect it to be honoured."""
    return JaegerClientSettings(
        service_name=reader.fallback("JAEGER_SERVICE_NAME"),
        agent_host=reader.fallback("JAEGER_AGENT_HOST"),
        agent_port=reader.fallback("JAEGER_AGENT_PORT"),
        tags=reader.fallback("JAEGER_TAGS") or (),
        traceid_128bit=bool(reader.fallback("JAEGER_TRACEID_128BIT")),
    )
