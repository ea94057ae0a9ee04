# SPDX-License-Identifier: Apache-2.0
"""OTLP endpoints, headers and files, for each protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_distro.settings import load

if TYPE_CHECKING:
    from pathlib import Path

    from otel_distro.settings.settings import OtlpSettings

PREFIX = "OTEL_EXPORTER_OTLP_"


def traces(environ: dict[str, str]) -> tuple[OtlpSettings, list[str]]:
    """The settings for spans, and the problems as lines. Names without their prefix."""
    settings, problems = load({PREFIX + name: value for name, value in environ.items()})
    return settings.otlp_traces, [str(problem).removeprefix(PREFIX) for problem in problems]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "http://localhost:4318/v1/traces"),
        ({"ENDPOINT": ""}, "http://localhost:4318/v1/traces"),
        ({"ENDPOINT": "http://h:1"}, "http://h:1/v1/traces"),
        ({"ENDPOINT": "http://h:1/"}, "http://h:1/v1/traces"),
        ({"ENDPOINT": "http://h:1/x//"}, "http://h:1/x/v1/traces"),
        ({"ENDPOINT": "http://h:1/x?y=1"}, "http://h:1/x/v1/traces?y=1"),
        ({"ENDPOINT": "https://[::1]:1"}, "https://[::1]:1/v1/traces"),
        ({"TRACES_ENDPOINT": "http://h:1"}, "http://h:1/"),
        ({"TRACES_ENDPOINT": "http://h:1/any/"}, "http://h:1/any/"),
        ({"TRACES_ENDPOINT": "", "ENDPOINT": "http://h:1"}, "http://h:1/v1/traces"),
        ({"TRACES_ENDPOINT": "http://a/x", "ENDPOINT": "http://b"}, "http://a/x"),
        ({"PROTOCOL": "grpc"}, "http://localhost:4317"),
        ({"PROTOCOL": "grpc", "ENDPOINT": ""}, "http://localhost:4317"),
        ({"PROTOCOL": "grpc", "ENDPOINT": "http://h:4317"}, "http://h:4317"),
        ({"PROTOCOL": "grpc", "ENDPOINT": "http://h:4317", "INSECURE": "false"}, "http://h:4317"),
        ({"PROTOCOL": "grpc", "ENDPOINT": "http://h:4317", "INSECURE": ""}, "http://h:4317"),
        ({"PROTOCOL": "grpc", "ENDPOINT": "http://h:4317", "TRACES_INSECURE": "false"}, "http://h:4317"),
        ({"PROTOCOL": "grpc", "ENDPOINT": "https://h:4317", "INSECURE": "true"}, "https://h:4317"),
        ({"PROTOCOL": "grpc", "ENDPOINT": "h:4317", "INSECURE": "true"}, "http://h:4317"),
        ({"PROTOCOL": "grpc", "ENDPOINT": "unix:/run/otel.sock", "INSECURE": "true"}, "unix:/run/otel.sock"),
        ({"TRACES_PROTOCOL": "GRPC", "TRACES_ENDPOINT": "https://h:1"}, "https://h:1"),
    ],
)
def test_endpoint(environ: dict[str, str], expected: str) -> None:
    """General URLs are bases, those of a signal are used as they are, gRPC has addresses; nothing to say."""
    found, problems = traces(environ)
    assert expected == found.endpoint
    assert problems == []
    assert found.insecure is not expected.startswith("https")


@pytest.mark.parametrize(
    ("environ", "endpoint", "problem"),
    [
        (
            {"ENDPOINT": "collector:4318"},
            "http://collector:4318/v1/traces",
            "ENDPOINT=collector:4318: no scheme; using http://collector:4318",
        ),
        (
            {"TRACES_ENDPOINT": "h:1/x"},
            "http://h:1/x",
            "TRACES_ENDPOINT=h:1/x: no scheme; using http://h:1",
        ),
        (
            {"ENDPOINT": "http://h:1/v1/traces"},
            "http://h:1/v1/traces",
            "ENDPOINT=http://h:1/v1/traces: /v1/traces is added by the exporter; using http://h:1",
        ),
        (
            {"ENDPOINT": "http://h:1/x/v1/metrics/"},
            "http://h:1/x/v1/traces",
            "ENDPOINT=http://h:1/x/v1/metrics/: /v1/metrics is added by the exporter; using http://h:1/x",
        ),
        (
            {"ENDPOINT": "http://h:4317"},
            "http://h:4317/v1/traces",
            (
                "ENDPOINT=http://h:4317: port 4317 usually speaks gRPC; use 4318, "
                "or OTEL_EXPORTER_OTLP_PROTOCOL=grpc; "
                "using it as it is"
            ),
        ),
        (
            {"TRACES_ENDPOINT": "http://h:4318"},
            "http://h:4318/",
            (
                "TRACES_ENDPOINT=http://h:4318: nothing is added to this URL, "
                "and most servers want /v1/traces; "
                "using it as it is"
            ),
        ),
        (
            {"ENDPOINT": "ftp://h"},
            "http://localhost:4318/v1/traces",
            "ENDPOINT=ftp://h: no http:// or https:// URL; ignored",
        ),
        (
            {"TRACES_ENDPOINT": "http://", "ENDPOINT": "http://h"},
            "http://h/v1/traces",
            "TRACES_ENDPOINT=http://: no host; ignored",
        ),
        (
            {"ENDPOINT": "localhost:4317", "PROTOCOL": "grpc"},
            "https://localhost:4317",
            (
                "ENDPOINT=localhost:4317: without a scheme gRPC uses TLS; "
                "for plaintext write http://localhost:4317 "
                "or set OTEL_EXPORTER_OTLP_INSECURE=true"
            ),
        ),
        (
            {"ENDPOINT": "http://h:4318", "PROTOCOL": "grpc"},
            "http://h:4318",
            (
                "ENDPOINT=http://h:4318: port 4318 usually speaks HTTP; use 4317, or "
                "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf; using it as it is"
            ),
        ),
        (
            {"ENDPOINT": "http://h:4317/v1/traces", "PROTOCOL": "grpc"},
            "http://h:4317",
            "ENDPOINT=http://h:4317/v1/traces: gRPC has no paths; using http://h:4317",
        ),
    ],
)
def test_endpoint_that_is_mended(environ: dict[str, str], endpoint: str, problem: str) -> None:
    """P14: what can be meant is done, and said in one line."""
    found, problems = traces(environ)
    assert endpoint == found.endpoint
    assert [problem] == problems


def test_credentials_in_an_endpoint() -> None:
    """They become a header, as curl does it, so the endpoint can be shown; an explicit header wins."""
    found, _ = traces({"ENDPOINT": "http://u:p@h:1"})
    assert found.endpoint == "http://h:1/v1/traces"
    assert found.headers == (("authorization", "Basic dTpw"),)
    found, _ = traces({"ENDPOINT": "http://u:p@h:1", "HEADERS": "Authorization=mine"})
    assert found.headers == (("authorization", "mine"),)


def test_signal_headers_replace_the_general_ones() -> None:
    """They are not merged."""
    found, _ = traces({"HEADERS": "a=1", "TRACES_HEADERS": "b=2"})
    assert found.headers == (("b", "2"),)


def test_bad_header_is_not_shown() -> None:
    """One problem, without the secret."""
    found, problems = traces({"HEADERS": "authorization=Bearer secret;x,api-key=1"})
    assert found.headers == (("api-key", "1"),)
    assert problems == ["HEADERS: item 1 holds a ; which must be written %3B; going on without it"]


def test_header_that_grpc_cannot_carry() -> None:
    """It is dropped alone, and only there."""
    found, problems = traces({"HEADERS": "a=caf%C3%A9,b=1", "PROTOCOL": "grpc"})
    assert found.headers == (("b", "1"),)
    assert problems == ["HEADERS: gRPC cannot carry a; going on without"]
    found, problems = traces({"HEADERS": "a=caf%C3%A9"})
    assert found.headers == (("a", "café"),)
    assert problems == []


@pytest.mark.parametrize(
    ("text", "expected", "problem"),
    [
        ("2000", 2.0, ""),
        ("0", None, ""),
        ("", 10.0, ""),
        ("abc", 10.0, "not a whole number of milliseconds; using 10000"),
        ("-1", 10.0, "less than 0; using 10000"),
        ("10", 0.01, "these are milliseconds; for 10 seconds write 10000; using 10 ms"),
    ],
)
def test_timeout(text: str, expected: float | None, problem: str) -> None:
    """P28: milliseconds, 0 for no limit."""
    found, problems = traces({"TIMEOUT": text})
    assert expected == found.timeout_s
    assert [f"TIMEOUT={text}: {problem}"] * bool(problem) == problems


def test_bad_signal_value_leaves_the_general_one() -> None:
    """It counts as unset."""
    found, problems = traces({"TIMEOUT": "3000", "TRACES_TIMEOUT": "x", "PROTOCOL": "grpc", "TRACES_PROTOCOL": "x"})
    assert found.timeout_s == 3.0
    assert found.protocol == "grpc"
    assert len(problems) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [("HTTP/PROTOBUF", "http/protobuf"), ("http", "http/protobuf"), ("http/json", "http/json")],
)
def test_protocol(text: str, expected: str) -> None:
    """Any case, and `http`, which people write."""
    found, problems = traces({"PROTOCOL": text})
    assert expected == found.protocol
    assert problems == []


@pytest.mark.parametrize(
    ("protocol", "text", "expected", "count"),
    [
        ("grpc", "none", "none", 0),
        ("grpc", "", "none", 0),
        ("grpc", "GZIP", "gzip", 0),
        ("grpc", "zstd", "none", 1),
        ("grpc", "deflate", "none", 1),
        ("http/protobuf", "deflate", "deflate", 0),
        ("http/protobuf", "zstd", "none", 1),
    ],
)
def test_compression(protocol: str, text: str, expected: str, count: int) -> None:
    """none and gzip everywhere; deflate, which upstream takes, over HTTP."""
    found, problems = traces({"PROTOCOL": protocol, "COMPRESSION": text})
    assert expected == found.compression
    assert count == len(problems)


def test_files(tmp_path: Path) -> None:
    """Each on its own, from either level; a missing one is named at once and kept."""
    for name in ("ca", "key", "pem"):
        (tmp_path / name).write_text("x")
    found, problems = traces(
        {
            "CERTIFICATE": str(tmp_path / "ca"),
            "TRACES_CLIENT_KEY": str(tmp_path / "key"),
            "CLIENT_CERTIFICATE": str(tmp_path / "pem"),
        }
    )
    assert (str(tmp_path / "ca"), str(tmp_path / "key"), str(tmp_path / "pem")) == (
        found.certificate,
        found.client_key,
        found.client_certificate,
    )
    assert problems == []
    found, problems = traces({"CERTIFICATE": str(tmp_path / "missing"), "CLIENT_CERTIFICATE": str(tmp_path)})
    assert found.certificate == str(tmp_path / "missing")
    assert [line.split(": ")[1].partition(";")[0] for line in problems] == [
        "no such file",
        "not a readable file",
    ]


def test_lone_key(tmp_path: Path) -> None:
    """A key without a certificate is said, not ignored."""
    (tmp_path / "key").write_text("x")
    _, problems = traces({"CLIENT_KEY": str(tmp_path / "key")})
    assert len(problems) == 1
    assert "without its certificate" in problems[0]


def test_credential_provider_of_the_protocol() -> None:
    """The signal's wins over the general one."""
    prefix = "OTEL_PYTHON_EXPORTER_OTLP_"
    environ = {f"{prefix}GRPC_CREDENTIAL_PROVIDER": "g", f"{prefix}HTTP_CREDENTIAL_PROVIDER": "h"}
    environ[f"{prefix}HTTP_TRACES_CREDENTIAL_PROVIDER"] = "t"
    settings, problems = load(environ)
    assert (settings.otlp_traces.credential_provider, settings.otlp_metrics.credential_provider) == ("t", "h")
    settings, _ = load(environ | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    assert settings.otlp_traces.credential_provider == "g"
    assert problems == ()


def test_retryable_codes() -> None:
    """Known names in any case; one unknown name costs the list."""
    name = "OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES"
    assert load({name: "unavailable,ABORTED"})[0].otlp_traces.retryable_codes == ("UNAVAILABLE", "ABORTED")
    settings, problems = load({name: "bogus"})
    assert settings.otlp_traces.retryable_codes == ()
    assert len(problems) == 1
