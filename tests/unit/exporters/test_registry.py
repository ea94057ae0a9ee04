# SPDX-License-Identifier: Apache-2.0
"""Names to exporters: each is made on its own, and a bad name costs only itself."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from otel_distro import exporters
from otel_distro.exporters.console import ConsoleSpanExporter
from otel_distro.exporters.otlp_grpc import OtlpGrpcSpanExporter
from otel_distro.exporters.otlp_http import OtlpHttpSpanExporter
from otel_distro.exporters.otlp_stdout import OtlpStdoutSpanExporter
from otel_distro.exporters.zipkin import ZipkinSpanExporter
from otel_distro.settings.settings import OtlpSettings, ProxySettings, Settings, ZipkinSettings

if TYPE_CHECKING:
    from pathlib import Path

    from otel_distro.settings.problem import Problem


def create(*names: str, **settings: Any) -> tuple[list[str], list[Problem]]:
    made, problems = exporters.create(Settings(traces_exporters=names, **settings))
    for exporter in made:
        exporter.shutdown()
    return [type(exporter).__name__ for exporter in made], problems


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("otlp", OtlpHttpSpanExporter),
        ("otlp_http", OtlpHttpSpanExporter),
        ("otlp_proto_http", OtlpHttpSpanExporter),
        ("console", ConsoleSpanExporter),
        ("logging", ConsoleSpanExporter),
        ("otlp/stdout", OtlpStdoutSpanExporter),
        ("zipkin", ZipkinSpanExporter),
    ],
)
def test_every_name_gives_its_exporter(name: str, kind: type) -> None:
    assert create(name) == ([kind.__name__], [])


def test_jaeger_is_a_name() -> None:
    names, problems = create("jaeger")
    assert (len(names), problems) == (1, [])
    assert names[0].startswith("Jaeger")


def test_the_protocol_chooses_the_otlp_exporter() -> None:
    grpc = OtlpSettings(protocol="grpc", endpoint="http://localhost:4317")
    assert create("otlp", otlp_traces=grpc) == ([OtlpGrpcSpanExporter.__name__], [])
    assert create("otlp", otlp_traces=OtlpSettings(protocol="http/json"))[0] == [OtlpHttpSpanExporter.__name__]


@pytest.mark.parametrize("names", [(), ("none",)])
def test_none_is_none(names: tuple[str, ...]) -> None:
    assert create(*names) == ([], [])


def test_one_name_twice_is_one_exporter() -> None:
    assert create("otlp", "otlp_proto_http", "console", "logging")[0] == ["OtlpHttpSpanExporter", "ConsoleSpanExporter"]


def test_a_bad_name_costs_only_itself_and_its_neighbour_is_named() -> None:
    names, (problem,) = create("zipkinn", "console")
    assert names == ["ConsoleSpanExporter"]
    assert str(problem) == "OTEL_TRACES_EXPORTER=zipkinn: unknown exporter (did you mean 'zipkin'?); ignored"


def test_when_no_name_is_left_it_is_otlp() -> None:
    names, problems = create("qqq")
    assert names == ["OtlpHttpSpanExporter"]
    assert "otlp" in problems[0].reason


def test_an_endpoint_without_host_is_a_problem_not_an_exception() -> None:
    names, problems = create("otlp", "zipkin", otlp_traces=OtlpSettings(endpoint="http://"), zipkin=ZipkinSettings("x"))
    assert names == []
    assert [p.variable for p in problems] == ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_ZIPKIN_ENDPOINT"]


def test_an_unusable_proxy_is_a_problem_without_its_password() -> None:
    proxies = ProxySettings(http="socks5://u:secret@proxy:1080")
    names, (problem,) = create("otlp", proxies=proxies, otlp_traces=OtlpSettings(endpoint="http://collector:4318"))
    assert names == ["OtlpHttpSpanExporter"]
    assert "http_proxy: proxies of type 'socks5' are not supported; connecting directly" == str(problem)


def test_without_its_credentials_an_exporter_is_not_made() -> None:
    otlp = OtlpSettings(credential_provider="nobody")
    names, (problem,) = create("otlp", otlp_traces=otlp)
    assert names == []
    assert problem.variable == "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER"
    assert problem.reason == "credential provider 'nobody' cannot be used"


def test_a_credential_provider_for_grpc_is_used_on_the_first_call(plugins: Path) -> None:
    code = """
        from otel_distro import exporters
        from otel_distro.runtime.deadline import Deadline
        from otel_distro.settings.settings import OtlpSettings, Settings
        from tests.harness.spans import spans
        url = "https://127.0.0.1:9"
        otlp = OtlpSettings(protocol="grpc", endpoint=url, insecure=False, credential_provider="provider")
        (exporter,), problems = exporters.create(Settings(otlp_traces=otlp))
        assert problems == []
        print(exporter.export_once(spans(1), Deadline(2)).error_type)
    """
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(plugins), os.getcwd()])}
    program = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(program, env=environ, capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.split() == ["provided", "connection_refused"]


def test_a_destination_holds_no_credentials() -> None:
    otlp = OtlpSettings(endpoint="https://collector/v1/traces?key=secret")
    (exporter,), _ = exporters.create(Settings(otlp_traces=otlp))
    assert "secret" not in exporter.destination
    (exporter,), _ = exporters.create(Settings(otlp_traces=OtlpSettings()))
    assert exporter.destination == "http://localhost:4318"


PLUGIN = {
    "good": """
        from opentelemetry.sdk.trace.export import SpanExporter

        class Good(SpanExporter):
            def export(self, spans):
                return None

        Exporter = Good
    """,
    "raises": """
        def Exporter():
            raise RuntimeError("broken plug-in")
    """,
    "exits": """
        raise SystemExit(3)
    """,
    "provider": """
        import grpc

        def Exporter():
            print("provided")
            return grpc.ssl_channel_credentials()
    """,
    "wrong": """
        def Exporter():
            return 5
    """,
}


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with packages of others, one exporter each; for child programs, as entry points are cached."""
    directory = tmp_path_factory.mktemp("plugins")
    info = directory / "plugins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugins\nVersion: 1.0\n", encoding="utf-8")
    lines = ["[opentelemetry_traces_exporter]", *(f"{name} = plugin_{name}:Exporter" for name in PLUGIN)]
    more = [
        "missing = nowhere:Exporter",
        "[opentelemetry_otlp_credential_provider]",
        "provider = plugin_provider:Exporter",
    ]
    (info / "entry_points.txt").write_text("\n".join([*lines, *more, ""]), encoding="utf-8")
    for name, code in PLUGIN.items():
        (directory / f"plugin_{name}.py").write_text(textwrap.dedent(code), encoding="utf-8")
    return directory


def created_in_child(plugins: Path, *names: str) -> tuple[str, str]:
    """What a program prints that creates these exporters: names and problems on stdout, our lines on stderr."""
    code = """
        import sys
        from otel_distro import exporters
        from otel_distro.settings.settings import Settings
        made, problems = exporters.create(Settings(traces_exporters=tuple(sys.argv[1:])))
        print(*(type(exporter).__name__ for exporter in made), *map(str, problems), sep="; ")
    """
    environ = {**os.environ, "PYTHONPATH": str(plugins)}
    program = [sys.executable, "-c", textwrap.dedent(code), *names]
    done = subprocess.run(program, env=environ, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip(), done.stderr.strip()


def test_an_exporter_of_another_package_is_found(plugins: Path) -> None:
    assert created_in_child(plugins, "good") == ("Good", "")


@pytest.mark.parametrize("name", ["raises", "exits", "missing"])
def test_an_exporter_that_cannot_be_loaded_costs_only_itself(plugins: Path, name: str) -> None:
    out, err = created_in_child(plugins, name, "console")
    assert out == "ConsoleSpanExporter"
    assert err.startswith(f"otel-distro: OTEL_TRACES_EXPORTER={name} cannot be loaded: ")
    assert len(err.splitlines()) == 1


def test_what_is_no_exporter_is_a_problem(plugins: Path) -> None:
    problem = "OTEL_TRACES_EXPORTER=wrong: plugin_wrong:Exporter is no span exporter; ignored"
    assert created_in_child(plugins, "wrong", "console") == (f"ConsoleSpanExporter; {problem}", "")


def test_otlp_loads_neither_upstreams_exporters_nor_protobuf_nor_grpc_nor_ssl() -> None:
    code = """
        import sys
        from otel_distro import exporters
        from otel_distro.settings.settings import Settings
        made, problems = exporters.create(Settings())
        assert len(made) == 1 and problems == []
        bad = [m for m in sys.modules if m.startswith(("opentelemetry.exporter", "google", "grpc", "requests", "ssl"))]
        assert not bad, bad
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=20)
