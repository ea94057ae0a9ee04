# SPDX-License-Identifier: Apache-2.0
"""The OTLP exporter that settings describe: by protocol, with its credentials found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_distro.runtime import guard
from otel_distro.settings import redact
from otel_distro.settings.problem import Problem

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

    from otel_distro.settings.settings import OtlpSettings, Settings

_GROUP = "opentelemetry_otlp_credential_provider"


def create(settings: Settings) -> tuple[SpanExporter | None, list[Problem]]:
    """The exporter for settings.otlp_traces, and what was wrong; None when it could only send unprotected."""
    otlp = settings.otlp_traces
    origin = dict(settings.origin)
    destination = redact.url(otlp.endpoint.removesuffix("/v1/traces"))
    problems: list[Problem] = []
    provider: Any = None
    if otlp.credential_provider:
        provider = _credential_provider(otlp.credential_provider)
        if provider is None:
            reason = f"credential provider {otlp.credential_provider!r} cannot be used"
            return None, [
                *problems,
                Problem(_variable("CREDENTIAL_PROVIDER", otlp, origin), None, reason, "no spans to OTLP"),
            ]
    try:
        if otlp.protocol == "grpc":
            from otel_distro.exporters.otlp_grpc import OtlpGrpcSpanExporter

            return OtlpGrpcSpanExporter(otlp, destination, provider), problems
        if provider is not None:
            return _upstream_http(otlp, provider()), problems
        from otel_distro.exporters.otlp_http import OtlpHttpSpanExporter
        from otel_distro.exporters.proxies import proxy_of

        return OtlpHttpSpanExporter(otlp, destination, proxy_of(settings, otlp.endpoint, problems)), problems
    except ValueError as error:
        return None, [
            *problems,
            Problem(_variable("ENDPOINT", otlp, origin), None, str(error), "no spans to OTLP"),
        ]


def _credential_provider(name: str) -> Any:
    from opentelemetry.util._importlib_metadata import entry_points

    for entry in entry_points(group=_GROUP, name=name):
        return guard.load(f"credential provider {name} cannot be loaded", entry.load)
    return None


def _upstream_http(otlp: OtlpSettings, session: Any) -> SpanExporter:
    """A provider for HTTP gives a requests.Session, which only upstream's exporter can use."""
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(
        endpoint=otlp.endpoint,
        certificate_file=otlp.certificate,
        client_key_file=otlp.client_key,
        client_certificate_file=otlp.client_certificate,
        headers=dict(otlp.headers),
        timeout=otlp.timeout_s if otlp.timeout_s is not None else 86_400.0,
        compression=Compression(otlp.compression),
        session=session,
    )


def _variable(suffix: str, otlp: OtlpSettings, origin: dict[str, str]) -> str:
    """The variable of this suffix that was given: the signal's own before the general one."""
    head = "OTEL_EXPORTER_OTLP_"
    if suffix == "CREDENTIAL_PROVIDER":
        head = f"OTEL_PYTHON_EXPORTER_OTLP_{'GRPC' if otlp.protocol == 'grpc' else 'HTTP'}_"
    own = f"{head}TRACES_{suffix}"
    return own if own in origin else head + suffix
