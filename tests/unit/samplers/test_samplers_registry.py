# SPDX-License-Identifier: Apache-2.0
"""samplers/__init__.py, foreign.py, requested.py and rate_limiting.py."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context, set_value
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, DEFAULT_ON, ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.span import TraceState

from otel_distro.propagators import create as create_propagator
from otel_distro.runtime.sampling_request import REQUEST_KEY, SamplingRequest
from otel_distro.samplers import KNOWN, create
from otel_distro.samplers.jaeger_remote import JaegerRemoteSampler
from otel_distro.samplers.rate_limiter import RateLimiter
from otel_distro.samplers.rate_limiting import RateLimitingSampler
from otel_distro.samplers.requested import RequestedSampler
from otel_distro.settings.settings import SamplerSettings

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult


def decide(sampler: Sampler, context: Context | None = None, trace_id: int = 1, **attributes: Any) -> SamplingResult:
    return sampler.should_sample(
        Context() if context is None else context, trace_id, "op", attributes=attributes or None
    )


def below(sampled: bool, remote: bool = True, trace_id: int = 0xA1) -> Context:
    parent = SpanContext(trace_id, 2, remote, TraceFlags(int(sampled)), TraceState([("k", "v")]))
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())


def test_the_sdks_own_samplers_are_the_sdks_own_classes() -> None:
    """The span core knows them by their exact type."""

    def made(name: str) -> Sampler:
        sampler, problems = create(SamplerSettings(name=name, ratio=0.25), "svc")
        assert [] == problems
        return sampler

    assert made("always_on") is ALWAYS_ON
    assert made("always_off") is ALWAYS_OFF
    assert (TraceIdRatioBased, 0.25) == (type(made("traceidratio")), made("traceidratio").rate)  # type: ignore[attr-defined]
    for root in ("always_on", "always_off", "traceidratio"):
        parent_based = made(f"parentbased_{root}")
        assert type(parent_based) is ParentBased
        assert made(root).get_description() == parent_based._root.get_description()


@pytest.mark.parametrize("name", KNOWN)
def test_every_known_name_works(name: str) -> None:
    """With its default argument."""
    sampler, problems = create(SamplerSettings(name=name), "svc")
    assert [] == problems
    assert sampler.get_description()
    root: Any = getattr(sampler, "_root", sampler)
    if isinstance(root, JaegerRemoteSampler):
        assert (
            "JaegerRemoteSampler{endpoint=http://localhost:5778/sampling,pollingIntervalMs=60000,"
            in sampler.get_description()
        )


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("xray", "OTEL_TRACES_SAMPLER=xray: there is no X-Ray sampler for Python; using parentbased_always_on"),
        (
            "parentbased_alwayson",
            (
                "OTEL_TRACES_SAMPLER=parentbased_alwayson: no such sampler; using parentbased_always_on; "
                "did you mean parentbased_always_on?"
            ),
        ),
        ("x", "OTEL_TRACES_SAMPLER=x: no such sampler; using parentbased_always_on"),
    ],
)
def test_unknown_name_is_a_problem(name: str, line: str) -> None:
    """And the default is used."""
    sampler, problems = create(SamplerSettings(name=name), "svc")
    assert ([line], True) == ([str(problem) for problem in problems], sampler is DEFAULT_ON)


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A package with samplers: one good, one whose decisions raise, one that is none, one that raises when made."""
    (tmp_path / "foreign_samplers.py").write_text(
        "from opentelemetry.sdk.trace.sampling import TraceIdRatioBased\n"
        "class Raises(TraceIdRatioBased):\n"
        "    def should_sample(self, *args, **kwargs): raise RuntimeError('no')\n"
        "def good(argument): return TraceIdRatioBased(float(argument))\n"
        "def raises(argument): return Raises(1.0)\n"
        "def none(argument): return object()\n"
        "def broken(argument): raise SystemExit(1)\n"
    )
    info = tmp_path / "foreign-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1\n")
    lines = "".join(f"{name} = foreign_samplers:{name}\n" for name in ("good", "raises", "none", "broken"))
    (info / "entry_points.txt").write_text(f"[opentelemetry_traces_sampler]\n{lines}")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("foreign_samplers", None)


@pytest.mark.usefixtures("foreign")
def test_another_packages_sampler_gets_its_argument() -> None:
    """As upstream calls it."""
    sampler, problems = create(SamplerSettings(name="good", argument="0.5"), "svc")
    assert [] == problems
    assert "TraceIdRatioBased{0.5}" == sampler.get_description()
    assert [True, False] == [decide(sampler, trace_id=i).decision.is_sampled() for i in (1, 1 << 63)]


@pytest.mark.usefixtures("foreign")
def test_another_packages_failure_is_an_unsampled_span(capfd: pytest.CaptureFixture[str]) -> None:
    """F50: the app never sees it."""
    sampler, _ = create(SamplerSettings(name="raises"), "svc")
    assert not decide(sampler).decision.is_sampled()
    assert "sampler raises: RuntimeError: no" in capfd.readouterr().err


@pytest.mark.usefixtures("foreign")
@pytest.mark.parametrize("name", ["none", "broken"])
def test_what_cannot_be_made_is_replaced(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """One line, and the default."""
    sampler, problems = create(SamplerSettings(name=name), "svc")
    assert (True, []) == (sampler is DEFAULT_ON, problems)
    assert f"OTEL_TRACES_SAMPLER={name} cannot be set up, using parentbased_always_on" in capfd.readouterr().err


def test_an_endpoint_that_cannot_be_used() -> None:
    """A URL that nobody checked costs the remote sampler only."""
    remote = SamplerSettings().remote._replace(endpoint="ftp://x")
    sampler, _ = create(SamplerSettings(name="jaeger_remote", remote=remote), "svc")
    assert sampler is DEFAULT_ON


# what headers ask for


def test_only_asking_propagators_cost_a_look() -> None:
    """The default pair leaves the sampler as it is."""
    for names, wrapped in (
        (("tracecontext", "baggage"), False),
        (("b3",), True),
        (("jaeger", "baggage"), True),
        (("xray",), True),
    ):
        sampler, _ = create(SamplerSettings(name="always_on"), "svc", names)
        assert wrapped == isinstance(sampler, RequestedSampler)


@pytest.mark.parametrize(
    ("headers", "root", "sampled"),
    [
        ({"b3": "0"}, ALWAYS_ON, False),
        ({"b3": "d"}, ALWAYS_OFF, True),
        ({"b3": "1"}, ALWAYS_OFF, True),
        ({"jaeger-debug-id": "x"}, ALWAYS_OFF, True),
        ({"b3": f"{'1' * 32}-{'2' * 16}"}, ALWAYS_OFF, False),
        ({"b3": f"{'1' * 32}-{'2' * 16}"}, ALWAYS_ON, True),
        ({"b3": f"{'1' * 32}-{'2' * 16}-1"}, ALWAYS_OFF, True),
        ({"X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=?"}, ALWAYS_OFF, False),
        ({"X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=?"}, ALWAYS_ON, True),
        ({}, ALWAYS_OFF, False),
    ],
)
def test_headers_are_obeyed(headers: dict[str, str], root: Sampler, sampled: bool) -> None:
    """From header to span, with a parent-based sampler as everybody has it; children follow the root."""
    propagator, _ = create_propagator(["b3", "jaeger", "xray"])
    context = propagator.extract(headers)
    tracer = TracerProvider(sampler=RequestedSampler(ParentBased(root))).get_tracer("t")
    span = tracer.start_span("root", context)
    child = tracer.start_span("child", trace.set_span_in_context(span, context))
    assert (sampled, sampled) == (span.is_recording(), child.is_recording())
    if "jaeger-debug-id" in headers:
        assert {"jaeger-debug-id": "x"} == dict(span.attributes)  # type: ignore[attr-defined]
        assert {} == dict(child.attributes)  # type: ignore[attr-defined]


def test_a_request_for_another_trace_is_not_obeyed() -> None:
    """The trace id is part of it."""
    context = set_value(REQUEST_KEY, SamplingRequest(None, 77), below(sampled=True))
    assert decide(RequestedSampler(ParentBased(ALWAYS_OFF)), context).decision.is_sampled()


# rate limiting


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def drained(per_second: float, clock: Clock) -> RateLimiter:
    limiter = RateLimiter(per_second, clock)
    while limiter.take():
        pass
    limiter._balance = 0.0
    return limiter


@pytest.mark.parametrize("per_second", [0.5, 1, 10, 2.5])
def test_so_many_a_second(per_second: float) -> None:
    """Over ten seconds, asked a hundred times each."""
    clock = Clock()
    limiter = drained(per_second, clock)
    taken = 0
    for _ in range(1000):
        clock.now += 0.01
        taken += limiter.take()
    assert abs(taken - 10 * per_second) <= 1


def test_a_burst_is_bounded() -> None:
    """After an hour's pause, one second's credit; at least one trace."""
    for per_second, expected in ((5, 5), (0.1, 1), (0, 0)):
        clock = Clock()
        limiter = drained(per_second, clock)
        clock.now += 3600
        assert expected == sum(limiter.take() for _ in range(100))


def test_a_clock_that_goes_back_gives_nothing() -> None:
    """And does no harm."""
    clock = Clock()
    limiter = drained(10, clock)
    clock.now -= 50
    assert not limiter.take()
    clock.now += 0.2
    assert limiter.take()


def test_the_balance_survives_an_update() -> None:
    """It keeps its share of the limit."""
    clock = Clock()
    limiter = drained(10, clock)
    clock.now += 0.5
    limiter.set_rate(4)
    assert 2 == sum(limiter.take() for _ in range(10))


def test_the_sampler_tags_roots_and_passes_tracestate_on() -> None:
    """sampler.type and sampler.param on sampled root spans, beside their own attributes."""
    clock = Clock()
    limiter = drained(1, clock)
    sampler = RateLimitingSampler(1, limiter)
    assert "RateLimitingSampler{1}" == sampler.get_description()
    assert not decide(sampler).decision.is_sampled()
    clock.now += 1
    result = decide(sampler, own=1)
    assert {"own": 1, "sampler.type": "ratelimiting", "sampler.param": 1.0} == dict(result.attributes)
    clock.now += 1
    result = decide(sampler, below(sampled=False), own=1)
    assert ({"own": 1}, {"k": "v"}) == (dict(result.attributes), dict(result.trace_state))
    assert {"k": "v"} == dict(decide(sampler, below(sampled=False)).trace_state)
