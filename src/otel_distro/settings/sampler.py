# SPDX-License-Identifier: Apache-2.0
"""OTEL_TRACES_SAMPLER and its argument, or what the old Jaeger clients had for them.

Source: OpenTelemetry specification, Environment Variables, "General SDK Configuration".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.settings import url
from otel_distro.settings.parse import decimal, fraction
from otel_distro.settings.settings import JaegerRemoteSettings, SamplerSettings

if TYPE_CHECKING:
    from otel_distro.settings.reader import Reader

_SAMPLER = "OTEL_TRACES_SAMPLER"
_ARGUMENT = "OTEL_TRACES_SAMPLER_ARG"
_GRPC_PORTS = (14250, 5779)


def read(reader: Reader) -> SamplerSettings:
    """The sampler that is asked for; an argument counts only together with its sampler."""
    argument = reader.given(_ARGUMENT)
    name = reader.given(_SAMPLER)
    if name is None:
        if argument is not None:
            reader.origin.pop(_ARGUMENT, None)
            reader.report(_ARGUMENT, "counts only together with OTEL_TRACES_SAMPLER", "ignored")
        return _of_jaeger_client(reader)
    default = SamplerSettings(name=name, argument=argument)
    if argument is None:
        return default
    kind = name.removeprefix("parentbased_")
    if kind == "traceidratio":
        ratio = fraction(argument)
        if ratio is None:
            reader.report(_ARGUMENT, "not a number from 0 to 1", "using 1.0")
        return default if ratio is None else default._replace(ratio=ratio)
    if kind == "ratelimiting":
        rate = decimal(argument)
        if rate is None:
            reader.report(_ARGUMENT, "not a number of traces a second", "using 1.0")
        return default if rate is None else default._replace(rate=rate)
    if kind == "jaeger_remote":
        return default._replace(remote=_remote(reader, argument))
    return default


def _remote(reader: Reader, argument: str) -> JaegerRemoteSettings:
    """endpoint=URL,pollingIntervalMs=N,initialSamplingRate=R; each bad item costs only itself."""
    found = JaegerRemoteSettings()
    for item in filter(None, (part.strip() for part in argument.split(","))):
        key, _, text = (part.strip() for part in item.partition("="))
        if key == "endpoint":
            endpoint = remote_endpoint(text)
            if endpoint is None:
                reader.report(_ARGUMENT, "endpoint is not a URL", f"using {found.endpoint}", again=True)
            else:
                found = found._replace(endpoint=endpoint)
        elif key == "pollingIntervalMs":
            if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) > 0:
                found = found._replace(polling_interval_s=int(text) / 1000)
            else:
                reader.report(_ARGUMENT, "pollingIntervalMs is not a number of milliseconds", "using 60000", again=True)
        elif key == "initialSamplingRate":
            rate = fraction(text)
            if rate is None:
                reader.report(_ARGUMENT, "initialSamplingRate is not a number from 0 to 1", "using 0.001", again=True)
            else:
                found = found._replace(initial_sampling_rate=rate)
        else:
            reader.report(_ARGUMENT, f"unknown item {key[:40]}", "ignored", again=True)
    return found


def remote_endpoint(text: str) -> str | None:
    """Where a remote sampler asks, with Jaeger's path there if none is given; None if it is no URL."""
    found = url.split(text)
    if isinstance(found, str) or found.scheme not in ("", "http", "https", "grpc", "grpcs"):
        return None
    found = found._replace(scheme=found.scheme or "http")
    grpc = found.scheme.startswith("grpc") or found.port in _GRPC_PORTS
    if not grpc and found.path in ("", "/"):
        found = found._replace(path="/api/sampling" if found.port == 14268 else "/sampling")
    return str(found)


def _of_jaeger_client(reader: Reader) -> SamplerSettings:
    kind = reader.fallback("JAEGER_SAMPLER_TYPE")
    if kind is None:
        return SamplerSettings()
    reader.origin[_SAMPLER] = "JAEGER_SAMPLER_TYPE"
    parameter = reader.fallback("JAEGER_SAMPLER_PARAM")
    value = None if parameter is None else decimal(parameter)
    if kind in ("const", "probabilistic") and value is not None and value > 1:
        value = None
    if parameter is not None and value is None:
        reader.report("JAEGER_SAMPLER_PARAM", f"not a number for {kind}", "using the sampler's default")
    if kind == "const":
        return SamplerSettings("parentbased_always_off" if value == 0 else "parentbased_always_on")
    if kind == "probabilistic":
        return SamplerSettings("parentbased_traceidratio", ratio=0.001 if value is None else value)
    if kind == "ratelimiting":
        return SamplerSettings("parentbased_ratelimiting", rate=1.0 if value is None else value)
    return SamplerSettings("parentbased_jaeger_remote", remote=_remote_of_jaeger_client(reader, value))


def _remote_of_jaeger_client(reader: Reader, rate: float | None) -> JaegerRemoteSettings:
    remote = JaegerRemoteSettings()
    for name in ("JAEGER_SAMPLING_ENDPOINT", "JAEGER_SAMPLER_MANAGER_HOST_PORT"):
        text = reader.fallback(name)
        endpoint = None if text is None else remote_endpoint(text)
        if endpoint is not None:
            remote = remote._replace(endpoint=endpoint)
            break
        if text is not None:
            reader.report(name, "not a URL", "ignored")
    interval_ms = reader.fallback("JAEGER_SAMPLER_REFRESH_INTERVAL")
    if interval_ms is not None:
        remote = remote._replace(polling_interval_s=interval_ms / 1000)
    return remote if rate is None or rate > 1 else remote._replace(initial_sampling_rate=rate)
