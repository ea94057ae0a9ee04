# SPDX-License-Identifier: Apache-2.0
"""Jaeger's exporter variables, and the fallbacks of its old clients."""

from __future__ import annotations

import pytest

from otel_distro.settings import Settings, load
from otel_distro.settings.settings import JaegerClientSettings, JaegerSettings, SamplerSettings

PREFIX = "OTEL_EXPORTER_JAEGER_"


def jaeger(**environ: str) -> tuple[JaegerSettings, list[str]]:
    """The exporter's settings and the problems. Names without their prefix, except the clients'."""
    full = {name if name.startswith("JAEGER_") else PREFIX + name: value for name, value in environ.items()}
    settings, problems = load({"OTEL_TRACES_EXPORTER": "jaeger", **full})
    return settings.jaeger, [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, JaegerSettings()),
        ({"PROTOCOL": "grpc"}, JaegerSettings("grpc", "http://localhost:14250")),
        ({"PROTOCOL": "udp/thrift.compact"}, JaegerSettings("udp/thrift.compact")),
        ({"PROTOCOL": "UDP/thrift.binary"}, JaegerSettings("udp/thrift.binary", agent_port=6832)),
        ({"AGENT_HOST": "::1"}, JaegerSettings("udp/thrift.compact", agent_host="::1")),
        ({"AGENT_PORT": "7000"}, JaegerSettings("udp/thrift.compact", agent_port=7000)),
        (
            {"AGENT_HOST": "a", "ENDPOINT": "http://h:1/x"},
            JaegerSettings(endpoint="http://h:1/x", agent_host="a"),
        ),
        ({"AGENT_HOST": "a", "PROTOCOL": "grpc"}, JaegerSettings("grpc", "http://localhost:14250", "a")),
        ({"TIMEOUT": "1000"}, JaegerSettings(timeout_s=1.0)),
        ({"USER": "u", "PASSWORD": "p"}, JaegerSettings(user="u", password="p")),
        ({"ENDPOINT": "http://u:p@h:1/x"}, JaegerSettings(endpoint="http://h:1/x", user="u", password="p")),
        (
            {"PROTOCOL": "grpc", "ENDPOINT": "127.0.0.1:14250", "INSECURE": "true"},
            JaegerSettings("grpc", "http://127.0.0.1:14250", insecure=True),
        ),
        ({"AGENT_SPLIT_OVERSIZED_BATCHES": "yes"}, JaegerSettings()),
        (
            {"JAEGER_AGENT_HOST": "a", "JAEGER_AGENT_PORT": "1"},
            JaegerSettings("udp/thrift.compact", agent_host="a", agent_port=1),
        ),
        ({"JAEGER_AGENT_HOST": "a", "AGENT_HOST": "b"}, JaegerSettings("udp/thrift.compact", agent_host="b")),
        (
            {"JAEGER_ENDPOINT": "http://h:1/x", "JAEGER_AUTH_TOKEN": "t"},
            JaegerSettings(endpoint="http://h:1/x", token="t"),
        ),
        ({"JAEGER_AGENT_PORT": "tcp://10.0.0.1:6831"}, JaegerSettings()),
    ],
)
def test_settings(environ: dict[str, str], expected: JaegerSettings) -> None:
    """As the specification had it until 1.22, with what the Python exporter and the clients added."""
    assert (expected, []) == jaeger(**environ)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"AGENT_PORT": "abc"}, "AGENT_PORT=abc: not a whole number"),
        ({"PROTOCOL": "http/json"}, "unknown; it can be http/thrift.binary"),
        ({"PASSWORD": "hunter2"}, "a password without OTEL_EXPORTER_JAEGER_USER"),
        ({"ENDPOINT": "h:14268/api/traces"}, "no scheme; using http://h:14268"),
        ({"ENDPOINT": "http://h:14250"}, "port 14250 speaks gRPC"),
        ({"ENDPOINT": "http://h:14268", "PROTOCOL": "grpc"}, "port 14268 speaks HTTP"),
        ({"ENDPOINT": "h:14250", "PROTOCOL": "grpc"}, "without a scheme gRPC uses TLS"),
        ({"TIMEOUT": "10"}, "for 10 seconds write 10000"),
        ({"JAEGER_ENDPOINT": "ftp://h"}, "JAEGER_ENDPOINT=ftp://h: no http:// or https:// URL"),
    ],
)
def test_problem(environ: dict[str, str], words: str) -> None:
    """One line each."""
    found, problems = jaeger(**environ)
    assert len(problems) == 1
    assert words in problems[0]
    assert "hunter2" not in problems[0]
    assert found.password is None


def test_client_variables_do_not_choose_the_exporter() -> None:
    """JAEGER_AGENT_HOST alone leaves spans with OTLP, and a bad one is nobody's problem."""
    settings, problems = load({"JAEGER_AGENT_HOST": "a", "JAEGER_ENDPOINT": "ftp://x"})
    assert settings.traces_exporters == ("otlp",)
    assert JaegerSettings() == settings.jaeger
    assert problems == ()


@pytest.mark.parametrize(
    ("kind", "parameter", "expected"),
    [
        ("const", "1", SamplerSettings("parentbased_always_on")),
        ("const", "0", SamplerSettings("parentbased_always_off")),
        ("probabilistic", "0.5", SamplerSettings("parentbased_traceidratio", ratio=0.5)),
        ("ratelimiting", "2.5", SamplerSettings("parentbased_ratelimiting", rate=2.5)),
    ],
)
def test_client_sampler(kind: str, parameter: str, expected: SamplerSettings) -> None:
    """Jaeger's samplers always followed their parent."""
    environ = {"JAEGER_SAMPLER_TYPE": kind, "JAEGER_SAMPLER_PARAM": parameter}
    assert expected == load(environ)[0].sampler
    assert load(environ | {"OTEL_TRACES_SAMPLER": "always_off"})[0].sampler.name == "always_off"


def test_client_remote_sampler() -> None:
    """Where it asks, how often, and what it does until it knows."""
    environ = {
        "JAEGER_SAMPLER_TYPE": "remote",
        "JAEGER_SAMPLER_PARAM": "0.2",
        "JAEGER_SAMPLER_REFRESH_INTERVAL": "500",
    }
    settings, problems = load(environ | {"JAEGER_SAMPLER_MANAGER_HOST_PORT": "agent:5778"})
    assert settings.sampler.name == "parentbased_jaeger_remote"
    assert settings.sampler.remote == ("http://agent:5778/sampling", 0.5, 0.2)
    assert problems == ()


def test_other_client_variables() -> None:
    """Each stands in for the OTEL_* variable that is not set."""
    environ = {
        "JAEGER_SERVICE_NAME": "old",
        "JAEGER_TAGS": "a=1, b = 2",
        "JAEGER_PROPAGATION": "jaeger,w3c",
        "JAEGER_REPORTER_MAX_QUEUE_SIZE": "7",
        "JAEGER_REPORTER_FLUSH_INTERVAL": "250",
        "JAEGER_TRACEID_128BIT": "true",
    }
    settings, problems = load(environ)
    assert settings.service_name == "old"
    assert settings.resource_attributes == (("a", "1"), ("b", "2"))
    assert settings.propagators == ("jaeger", "tracecontext", "baggage")
    assert (
        settings.bsp.schedule_delay_s,
        settings.bsp.max_queue_size,
        settings.bsp.max_export_batch_size,
    ) == (0.25, 7, 7)
    assert settings.jaeger_client == JaegerClientSettings("old", None, None, (("a", "1"), ("b", "2")), True)
    assert problems == ()
    otel = {"OTEL_SERVICE_NAME": "new", "OTEL_RESOURCE_ATTRIBUTES": "c=3", "OTEL_PROPAGATORS": "b3"}
    settings, _ = load(environ | otel)
    assert (
        settings.service_name,
        settings.resource_attributes,
        settings.propagators,
    ) == ("new", (("c", "3"),), ("b3",))


def test_client_disabled() -> None:
    """JAEGER_DISABLED, unless OTEL_SDK_DISABLED says otherwise."""
    assert load({"JAEGER_DISABLED": "true"})[0].sdk_disabled
    assert Settings().sdk_disabled is load({"JAEGER_DISABLED": "true", "OTEL_SDK_DISABLED": "false"})[0].sdk_disabled
