# SPDX-License-Identifier: Apache-2.0
"""The part of the table of variables that Jaeger's exporter and its old clients define."""

from otel_distro.settings import parse as p
from otel_distro.settings.variable import Variable, rows


def _jaeger() -> list[Variable]:
    spec, python = (
        "OpenTelemetry specification 1.22, Jaeger Exporter",
        "opentelemetry-exporter-jaeger 1.21, documentation",
    )
    protocols = ("http/thrift.binary", "grpc", "udp/thrift.compact", "udp/thrift.binary")
    protocol = p.one_of(*protocols, http="http/thrift.binary", udp="udp/thrift.compact")
    prefix = "OTEL_EXPORTER_JAEGER_"
    endpoint = "http://localhost:14268/api/traces; gRPC http://localhost:14250"
    return [
        *rows(
            "Jaeger",
            spec,
            (
                f"{prefix}PROTOCOL",
                protocol,
                None,
                f"{', '.join(protocols)}.",
                "http/thrift.binary; udp/thrift.compact if only AGENT_HOST or AGENT_PORT is set",
            ),
            (f"{prefix}ENDPOINT", p.text, None, "URL of the Jaeger collector, used as it is.", endpoint),
            (f"{prefix}AGENT_HOST", p.text, "localhost", "Host of the Jaeger agent, for the udp protocols."),
            (
                f"{prefix}AGENT_PORT",
                p.port,
                None,
                "Port of the Jaeger agent, for the udp protocols.",
                "6831; binary 6832",
            ),
            (
                f"{prefix}TIMEOUT",
                p.timeout,
                10000,
                "Longest time for one export, in milliseconds; 0: no limit.",
            ),
            (f"{prefix}USER", p.text, None, "User for basic authentication, over HTTP and gRPC."),
        ),
        *rows(
            "Jaeger",
            spec,
            (f"{prefix}PASSWORD", p.text, None, "Password for basic authentication."),
            secret=True,
        ),
        *rows(
            "Jaeger",
            python,
            (f"{prefix}CERTIFICATE", p.file, None, "PEM file of the authority to trust."),
            (f"{prefix}INSECURE", p.boolean, False, "true: plaintext for a gRPC endpoint without scheme."),
        ),
        *rows(
            "Jaeger",
            python,
            (
                f"{prefix}AGENT_SPLIT_OVERSIZED_BATCHES",
                p.text,
                None,
                "Batches too large for a datagram are always split.",
            ),
            kind="no effect",
        ),
    ]


def _jaeger_client() -> list[Variable]:
    samplers = ("const", "probabilistic", "ratelimiting", "remote")
    group, source = "Jaeger client", "Jaeger client libraries, environment variables"
    return [
        *rows(
            group,
            source,
            ("JAEGER_SERVICE_NAME", p.text, None, "For OTEL_SERVICE_NAME."),
            ("JAEGER_TAGS", p.tags, None, "key=value list, for OTEL_RESOURCE_ATTRIBUTES."),
            (
                "JAEGER_PROPAGATION",
                p.subset("JAEGER", "B3", "W3C"),
                None,
                "List of jaeger, b3 and w3c, for OTEL_PROPAGATORS.",
            ),
            ("JAEGER_DISABLED", p.boolean, None, "For OTEL_SDK_DISABLED."),
            (
                "JAEGER_SAMPLER_TYPE",
                p.one_of(*samplers),
                None,
                f"{', '.join(samplers)}; for OTEL_TRACES_SAMPLER.",
            ),
            ("JAEGER_SAMPLER_PARAM", p.text, None, "A number, for OTEL_TRACES_SAMPLER_ARG."),
            ("JAEGER_SAMPLING_ENDPOINT", p.text, None, "URL where the remote sampler asks."),
            (
                "JAEGER_SAMPLER_MANAGER_HOST_PORT",
                p.text,
                None,
                "host:port where the remote sampler asks; older.",
            ),
            (
                "JAEGER_SAMPLER_REFRESH_INTERVAL",
                p.size,
                None,
                "Milliseconds from one question of the remote sampler to the next.",
            ),
            ("JAEGER_REPORTER_MAX_QUEUE_SIZE", p.size, None, "For OTEL_BSP_MAX_QUEUE_SIZE."),
            (
                "JAEGER_REPORTER_FLUSH_INTERVAL",
                p.milliseconds,
                None,
                "Milliseconds, for OTEL_BSP_SCHEDULE_DELAY.",
            ),
            ("JAEGER_ENDPOINT", p.text, None, "For OTEL_EXPORTER_JAEGER_ENDPOINT."),
            ("JAEGER_USER", p.text, None, "For OTEL_EXPORTER_JAEGER_USER."),
            ("JAEGER_AGENT_HOST", p.text, None, "For OTEL_EXPORTER_JAEGER_AGENT_HOST."),
            ("JAEGER_AGENT_PORT", p.port, None, "For OTEL_EXPORTER_JAEGER_AGENT_PORT."),
            (
                "JAEGER_TRACEID_128BIT",
                p.boolean,
                None,
                "Without effect: trace ids always have 128 bits.",
            ),
            kind="fallback",
        ),
        *rows(
            group,
            source,
            ("JAEGER_PASSWORD", p.text, None, "For OTEL_EXPORTER_JAEGER_PASSWORD."),
            ("JAEGER_AUTH_TOKEN", p.text, None, "Bearer token for the Jaeger collector."),
            kind="fallback",
            secret=True,
        ),
        *rows(
            group,
            source,
            ("JAEGER_REPORTER_LOG_SPANS", p.text, None, "The console exporter shows spans."),
            kind="no effect",
        ),
    ]


ROWS = (*_jaeger(), *_jaeger_client())
