# SPDX-License-Identifier: Apache-2.0
"""OTEL_TRACES_SAMPLER and its argument."""

from __future__ import annotations

import pytest

from otel_distro.settings import load
from otel_distro.settings.sampler import remote_endpoint
from otel_distro.settings.settings import JaegerRemoteSettings, SamplerSettings


def sampler(name: str, argument: str | None = None) -> tuple[SamplerSettings, list[str]]:
    """The sampler and the problems."""
    environ = {"OTEL_TRACES_SAMPLER": name} | ({} if argument is None else {"OTEL_TRACES_SAMPLER_ARG": argument})
    settings, problems = load(environ)
    return settings.sampler, [str(problem) for problem in problems]


def test_any_case() -> None:
    """ALWAYS_OFF is always_off, without a word."""
    assert (SamplerSettings("always_off"), []) == sampler("ALWAYS_OFF")
    assert (SamplerSettings(), []) == sampler("")


@pytest.mark.parametrize("name", ["traceidratio", "parentbased_traceidratio"])
def test_ratio(name: str) -> None:
    """A number from 0 to 1; unset gives 1.0 silently, anything else with one line."""
    assert (SamplerSettings(name), []) == sampler(name)
    assert (SamplerSettings(name, ratio=0.25, argument="0.25"), []) == sampler(name, "0.25")
    assert sampler(name, "0")[0].ratio == 0.0
    for bad in ("abc", "2", "-1", "nan", "inf", "0,5"):
        found, problems = sampler(name, bad)
        assert found.ratio == 1.0
        assert [f"OTEL_TRACES_SAMPLER_ARG={bad}: not a number from 0 to 1; using 1.0"] == problems


def test_rate() -> None:
    """Traces a second."""
    assert sampler("ratelimiting", "0.5")[0].rate == 0.5
    assert len(sampler("parentbased_ratelimiting", "-1")[1]) == 1


def test_argument_alone() -> None:
    """It counts only with its sampler, and that is said."""
    settings, problems = load({"OTEL_TRACES_SAMPLER_ARG": "0.1"})
    assert SamplerSettings() == settings.sampler
    assert len(problems) == 1
    assert settings.origin == ()


def test_remote() -> None:
    """URL, interval and first rate; the URL may hold = itself."""
    argument = "endpoint=http://h:5778/s?a=b, pollingIntervalMs = 1000,initialSamplingRate=0,"
    found, problems = sampler("jaeger_remote", argument)
    assert JaegerRemoteSettings("http://h:5778/s?a=b", 1.0, 0.0) == found.remote
    assert problems == []


def test_each_bad_item_of_a_remote_sampler_costs_only_itself() -> None:
    """Three items are wrong, so there are three lines."""
    found, problems = sampler(
        "parentbased_jaeger_remote", "endpoint=http://h:1,pollingIntervalMs=abc,initialSamplingRate=2,foo=1"
    )
    assert JaegerRemoteSettings("http://h:1/sampling", 60.0, 0.001) == found.remote
    assert len(problems) == 3
    assert [
        next(
            word for word in ("pollingIntervalMs is", "initialSamplingRate is", "unknown item foo") if word in line
        ).removesuffix(" is")
        for line in problems
    ] == ["pollingIntervalMs", "initialSamplingRate", "unknown item foo"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://h:5778", "http://h:5778/sampling"),
        ("h:5778/", "http://h:5778/sampling"),
        ("http://h:14268", "http://h:14268/api/sampling"),
        ("http://h:14250", "http://h:14250"),
        ("grpc://h:1", "grpc://h:1"),
        ("https://h/x", "https://h/x"),
        ("ftp://h", None),
        ("", None),
    ],
)
def test_remote_endpoint(text: str, expected: str | None) -> None:
    """Jaeger's own path where none is given."""
    assert expected == remote_endpoint(text)
