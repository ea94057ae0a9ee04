# SPDX-License-Identifier: Apache-2.0
"""Upstream's OTLP exporters for metrics and logs, built from parsed settings.

Every argument that upstream would otherwise read from the environment is given, because it reads timeouts in
the wrong unit and fails on values that the specification allows.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from otel_distro.runtime import guard
from otel_distro.settings.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_distro.settings.settings import OtlpSettings

_NO_LIMIT_S = 86_400.0  # upstream takes 0 and None as "not given"
_OTLP_NAMES = frozenset({"otlp", "otlp_proto_http", "otlp_proto_grpc"})


def find(
    names: Sequence[str], variable: str, group: str, known: Sequence[str]
) -> tuple[list[tuple[str, Any]], list[Problem]]:
    """Exporter classes by name from the entry points of a group; `otlp` is left to otlp(). One problem per bad name."""
    from opentelemetry.util._importlib_metadata import entry_points

    found: list[tuple[str, Any]] = []
    problems: list[Problem] = []
    for name in names:
        if name in _OTLP_NAMES:
            found.append(("otlp", None))
            continue
        candidates = list(entry_points(group=group, name=name))
        if not candidates and name in known:
            missing = f"pip install opentelemetry-exporter-{name}"
            problems.append(Problem(variable, name, "its package is not installed", f"leaving it out; {missing}"))
            continue
        if not candidates:
            legal = ", ".join(sorted({*known, *(one.name for one in entry_points(group=group))}))
            problems.append(Problem(variable, name, "unknown exporter", f"leaving it out; known: {legal}"))
            continue
        loaded = guard.load(f"{variable}={name} cannot be loaded", candidates[0].load)
        if loaded is not None:
            found.append((name, loaded))
    return found, problems


def otlp(settings: OtlpSettings, module: str, class_name: str, **more: Any) -> Any:
    """An upstream OTLP exporter. module: the part after the protocol, such as `metric_exporter`."""
    timeout_s = settings.timeout_s if settings.timeout_s is not None else _NO_LIMIT_S
    headers = dict(settings.headers)
    if settings.protocol == "grpc":
        exporter = getattr(import_module(f"opentelemetry.exporter.otlp.proto.grpc.{module}"), class_name)
        return exporter(
            endpoint=settings.endpoint,
            insecure=settings.insecure,
            credentials=None if settings.insecure else _grpc_credentials(settings),
            headers=tuple(headers.items()),
            timeout=timeout_s,
            compression=_grpc_compression(settings),
            **more,
        )
    package = import_module("opentelemetry.exporter.otlp.proto.http")
    exporter = getattr(import_module(f"opentelemetry.exporter.otlp.proto.http.{module}"), class_name)
    return exporter(
        endpoint=settings.endpoint,
        certificate_file=settings.certificate,
        client_key_file=settings.client_key,
        client_certificate_file=settings.client_certificate,
        headers=headers,
        timeout=timeout_s,
        compression=package.Compression(settings.compression),
        **more,
    )


def _grpc_compression(settings: OtlpSettings) -> Any:
    import grpc

    return grpc.Compression.Gzip if settings.compression == "gzip" else grpc.Compression.NoCompression


def _grpc_credentials(settings: OtlpSettings) -> Any:
    import grpc

    return grpc.ssl_channel_credentials(
        _read(settings.certificate), _read(settings.client_key), _read(settings.client_certificate)
    )


def _read(path: str | None) -> bytes | None:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()
