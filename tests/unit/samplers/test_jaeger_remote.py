# SPDX-License-Identifier: Apache-2.0
"""samplers/jaeger_remote.py, strategy.py and strategy_client.py."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider

from otel_distro.runtime import log
from otel_distro.samplers.jaeger_remote import JaegerRemoteSampler
from otel_distro.samplers.strategy import (
    PerOperation,
    Probabilistic,
    RateLimiting,
    StrategyError,
    from_json,
    from_protobuf,
    request_message,
)
from otel_distro.samplers.strategy_client import FetchError, fetcher
from otel_distro.settings.settings import JaegerRemoteSettings
from tests.harness.jaeger_receivers import GrpcReceiver, HttpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_distro.samplers.strategy import Strategy

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "jaeger.json").read_text())["sampling"]
HALF = b'{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5}}'


def plain(strategy: Strategy) -> dict[str, Any]:
    if isinstance(strategy, Probabilistic):
        return {"kind": "probabilistic", "rate": strategy.rate}
    if isinstance(strategy, RateLimiting):
        return {"kind": "ratelimiting", "per_second": strategy.per_second}
    return {
        "kind": "per_operation",
        "default_rate": strategy.default_rate,
        "lower_bound": strategy.lower_bound,
        "operations": strategy.rates,
    }


@pytest.mark.parametrize("vector", GOLDEN["json"], ids=lambda vector: vector["name"])
def test_json(vector: dict[str, Any]) -> None:
    """Both forms of servers, old and new."""
    body = vector["body"].encode()
    if vector["expect"]["kind"] == "keep_previous":
        with pytest.raises(StrategyError):
            from_json(body)
    else:
        assert vector["expect"] == plain(from_json(body))


@pytest.mark.parametrize("vector", GOLDEN["grpc"], ids=lambda vector: vector["service"])
def test_protobuf(vector: dict[str, Any]) -> None:
    """Presence decides; a rate of 0 is an empty message."""
    assert vector["request"] == request_message(vector["service"]).hex()
    assert vector["expect"] == plain(from_protobuf(bytes.fromhex(vector["response"])))


@pytest.mark.parametrize(
    "part",
    [
        *('"probabilisticSampling":{"samplingRate":-0.1}', '"probabilisticSampling":{"samplingRate":NaN}'),
        *('"probabilisticSampling":{"samplingRate":1e999}', '"probabilisticSampling":{"samplingRate":"0.5"}'),
        *('"probabilisticSampling":{"samplingRate":true}', '"probabilisticSampling":7', '"probabilisticSampling":[]'),
        *('"rateLimitingSampling":{"maxTracesPerSecond":-1}', '"rateLimitingSampling":{"maxTracesPerSecond":NaN}'),
        *('"rateLimitingSampling":{"maxTracesPerSecond":1e999}', '"operationSampling":{"perOperationStrategies":{}}'),
        '"rateLimitingSampling":{"maxTracesPerSecond":1' + "0" * 400 + "}",
        '"operationSampling":{"defaultSamplingProbability":2}',
        '"operationSampling":{"defaultLowerBoundTracesPerSecond":-1}',
        '"operationSampling":{"perOperationStrategies":[{"operation":5}]}',
        '"operationSampling":{"perOperationStrategies":[7]}',
        '"operationSampling":{"perOperationStrategies":[{"operation":"a","probabilisticSampling":{"samplingRate":-1}}]}',
        '"operationSampling":{"perOperationStrategies":[' + ",".join(['{"operation":"a"}'] * 2001) + "]}",
    ],
)
def test_impossible_rates(part: str) -> None:
    """Negative, NaN, infinite, of another type: the answer as a whole is not used."""
    with pytest.raises(StrategyError):
        from_json(b"{" + part.encode() + b"}")


@given(
    st.one_of(
        st.binary(max_size=100),
        st.recursive(
            st.none() | st.floats() | st.text(),
            lambda c: (
                st.lists(c)
                | st.dictionaries(
                    st.sampled_from(
                        ["operationSampling", "samplingRate", "perOperationStrategies", "probabilisticSampling"]
                    ),
                    c,
                )
            ),
        ).map(lambda v: json.dumps(v).encode()),
    )
)
def test_junk(body: bytes) -> None:
    """A strategy or StrategyError; nothing else."""
    for read in (from_json, from_protobuf):
        try:
            read(body)
        except StrategyError:
            pass  # in words


def test_deep_json() -> None:
    """Nesting that exhausts the parser is an error like any other."""
    with pytest.raises(StrategyError):
        from_json(b"[" * 100_000)


@pytest.fixture
def samplers() -> Iterator[Callable[..., JaegerRemoteSampler]]:
    """Makes samplers and stops their pollers in the end."""
    made: list[JaegerRemoteSampler] = []
    log._last_said.clear()

    def make(
        fetch: Callable[[], Strategy] | None = None, endpoint: str = "http://127.0.0.1:9/sampling", **settings: Any
    ) -> JaegerRemoteSampler:
        made.append(JaegerRemoteSampler(JaegerRemoteSettings(endpoint, **settings), "svc", fetch))
        return made[-1]

    yield make
    for sampler in made:
        sampler.shutdown()


class Script:
    """A fetch that gives these strategies one after the other, the last one for ever; raises exceptions."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self) -> Strategy:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def share(sampler: JaegerRemoteSampler, name: str = "op", count: int = 1024) -> float:
    """Sampled part of traces whose ids are spread evenly."""
    step = (1 << 64) // count
    return sum(sampler.decide(i * step, name) is not None for i in range(count)) / count


def eventually(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    ends = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.005)


def test_the_initial_rate_comes_first(samplers: Any) -> None:
    """Until a strategy is there, and when none ever comes."""
    sampler = samplers(Script(FetchError("down")), initial_sampling_rate=0.25)
    assert 0.25 == share(sampler)
    eventually(lambda: sampler._fetch.asked > 0)
    assert 0.25 == share(sampler)
    assert {"sampler.type": "probabilistic", "sampler.param": 0.25} == sampler.decide(0, "op")


@pytest.mark.parametrize("vector", GOLDEN["probabilistic_decisions"], ids=str)
def test_probabilistic_decisions(vector: dict[str, Any], samplers: Any) -> None:
    """The low 64 bits of the trace id decide, as in all of Jaeger's clients."""
    sampler = samplers(Script(Probabilistic(vector["rate"])), initial_sampling_rate=vector["rate"])
    assert vector["sampled"] == (sampler.decide(int(vector["trace_id"], 16), "op") is not None)


def test_strategies_are_asked_for_again_and_again(samplers: Any) -> None:
    """Each answer is in force from then on; all three kinds."""
    script = Script(Probabilistic(1.0))
    sampler = samplers(script, polling_interval_s=0.1, initial_sampling_rate=0.0)
    eventually(lambda: share(sampler) == 1.0)
    script.answers = [PerOperation(0.5, 0.0, {"/health": 0.0, "/all": 1.0})]
    eventually(lambda: (0.0, 1.0, 0.5) == tuple(share(sampler, name) for name in ("/health", "/all", "/other")))
    script.answers = [RateLimiting(0)]
    eventually(lambda: share(sampler, "/all") == 0.0)
    script.answers = [Probabilistic(0.25)]
    eventually(lambda: share(sampler) == 0.25)


def test_the_last_good_strategy_stays(samplers: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever goes wrong later: one line, no change, and one when it is well again."""
    script = Script(
        Probabilistic(0.5),
        FetchError("connection refused"),
        FetchError("connection refused"),
        RuntimeError("bug"),
        Probabilistic(1.0),
    )
    sampler = samplers(script, polling_interval_s=0.1, initial_sampling_rate=0.0)
    share(sampler, count=1)
    eventually(lambda: script.asked == 4)
    assert 0.5 == share(sampler)
    eventually(lambda: share(sampler) == 1.0)
    said = capfd.readouterr().err.splitlines()
    assert [
        "otel-distro: jaeger_remote: http://127.0.0.1:9/sampling: connection refused; sampling goes on as before",
        "otel-distro: jaeger_remote: a strategy could not be used: RuntimeError: bug",
    ] == said


def test_balances_survive_an_update(samplers: Any) -> None:
    """Nobody gets a fresh burst once a minute."""
    sampler = samplers(Script(RateLimiting(1)))
    decider = sampler._decider.successor(RateLimiting(1))
    while decider.decide(0, "op") is not None:
        pass
    for _ in range(20):
        decider = decider.successor(RateLimiting(1))
        assert decider.decide(0, "op") is None
    operations = PerOperation(0.0, 0.001, {"named": 0.0})
    decider = sampler._decider.successor(operations)
    for name in ("named", "other"):
        decider._operations.get(name) or decider.decide(1 << 63, name)
        decider._operations[name].limiter._balance = 0.0
        for _ in range(20):
            decider = decider.successor(operations)
            assert decider.decide(1 << 63, name) is None


def test_the_lower_bound(samplers: Any) -> None:
    """An operation that probability forgets gets its traces; one that has enough does not get more."""
    decider = samplers()._decider.successor(PerOperation(0.0, 1.0, {"busy": 1.0}))
    decider.decide(0, "quiet")
    decider._operations["quiet"].limiter._balance = 1.0
    assert {"sampler.type": "lowerbound", "sampler.param": 0.0} == decider.decide(0, "quiet")
    assert decider.decide(0, "quiet") is None
    busy = decider._operations["busy"].limiter
    busy._balance = 1.0
    assert {"sampler.type": "probabilistic", "sampler.param": 1.0} == decider.decide(0, "busy")
    assert busy._balance < 1.0


def test_operations_come_and_go(samplers: Any) -> None:
    """Those that vanish from the strategy are the default's; unknown ones are bounded."""
    decider = samplers()._decider.successor(PerOperation(1.0, 0.0, {"a": 0.0}))
    assert decider.decide(0, "a") is None
    decider = decider.successor(PerOperation(1.0, 0.0, {}))
    assert decider.decide(0, "a") is not None
    for number in range(3000):
        assert decider.decide(0, f"op{number}") is not None
    assert 2000 == len(decider._operations)
    assert 2000 == len(decider.successor(PerOperation(1.0, 0.0, {"new": 0.0}))._operations)


def test_only_root_spans_are_tagged(samplers: Any) -> None:
    """Jaeger's adaptive sampling reads them there."""
    sampler = samplers(Script(Probabilistic(1.0)), initial_sampling_rate=1.0)
    tracer = TracerProvider(sampler=sampler).get_tracer("t")
    with (
        tracer.start_as_current_span("root", Context(), attributes={"a": 1}) as root,
        tracer.start_as_current_span("child") as child,
    ):
        assert {"a": 1, "sampler.type": "probabilistic", "sampler.param": 1.0} == dict(root.attributes)  # type: ignore[attr-defined]
        assert {} == dict(child.attributes)  # type: ignore[attr-defined]


def test_nothing_is_asked_before_the_first_decision(samplers: Any) -> None:
    """A parent process that only forks has no thread and sends nothing."""
    script = Script(Probabilistic(1.0))
    sampler = samplers(script)
    time.sleep(0.05)
    assert 0 == script.asked
    sampler.decide(0, "op")
    eventually(lambda: script.asked == 1)


# asking


def test_http_asks_with_one_service() -> None:
    """Jaeger answers 400 to anything else."""
    with HttpReceiver((200, HALF), content_type="application/json") as receiver:
        assert Probabilistic(0.5) == fetcher(f"{receiver.url}/sampling", "a b&c/ü")()
    assert ("GET", "/sampling?service=a%20b%26c%2F%C3%BC") == receiver.requests[0][:2]


def test_http_keeps_a_query_of_its_own() -> None:
    """What is in the endpoint stays."""
    with HttpReceiver((200, HALF)) as receiver:
        fetcher(f"{receiver.url}/x?tenant=1", "svc")()
    assert "/x?tenant=1&service=svc" == receiver.requests[0].path


def trickle(handler: Any) -> None:
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(8):
            handler.wfile.write(b" ")
            time.sleep(0.1)
    except OSError:
        pass  # the other side has had enough


def huge(handler: Any) -> None:
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        for _ in range(1024):
            handler.wfile.write(b" " * 1_048_576)
    except OSError:
        pass  # the other side has had enough


def nothing(handler: Any) -> None:
    """Close without an answer."""
    handler.close_connection = True


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, b"<html>"), "not JSON"),
        ((200, b""), "not JSON"),
        ((200, b"\xff\xfe\x00"), "not JSON"),
        ((404, b"page not found"), "status 404"),
        ((500, HALF), "status 500"),
        ((301, b""), "status 301"),
        (trickle, "timed out"),
        (huge, "too large"),
        (nothing, ""),
        (lambda handler: time.sleep(0.6), "no reply within 0.3"),
    ],
)
def test_a_bad_server_costs_one_line(answer: Any, words: str, samplers: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """Junk, HTML, 1 GiB, nothing, late: sampling goes on at the initial rate."""
    with HttpReceiver(answer) as receiver:
        endpoint = f"{receiver.url}/sampling"
        sampler = samplers(fetcher(endpoint, "svc", 0.3), endpoint, polling_interval_s=0.1, initial_sampling_rate=0.25)
        assert 0.25 == share(sampler)
        eventually(lambda: bool(sampler._trouble))
        time.sleep(0.15)
        assert 0.25 == share(sampler)
        sampler.shutdown()
        (line,) = capfd.readouterr().err.splitlines()
        assert line.startswith(f"otel-distro: jaeger_remote: {receiver.url}/sampling: ")
        assert words in line


def test_grpc() -> None:
    """By scheme, or by Jaeger's ports."""
    vector = GOLDEN["grpc"][0]
    with GrpcReceiver(reply=bytes.fromhex(vector["response"])) as receiver:
        assert vector["expect"] == plain(fetcher(f"grpc://127.0.0.1:{receiver.port}", vector["service"])())
    ((method, body),) = receiver.calls
    assert ("/jaeger.api_v2.SamplingManager/GetSamplingStrategy", vector["request"]) == (method, body.hex())


def test_grpc_refused() -> None:
    """A word, no trace."""
    with GrpcReceiver(("UNIMPLEMENTED", "unknown")) as receiver, pytest.raises(FetchError, match="UNIMPLEMENTED"):
        fetcher(f"grpc://127.0.0.1:{receiver.port}", "svc")()


# processes


def test_each_child_asks_for_itself_and_the_process_ends() -> None:
    """After a fork the poller starts again; it never keeps a process alive."""
    program = textwrap.dedent("""
        import os, sys, time
        from otel_distro.samplers.jaeger_remote import JaegerRemoteSampler
        from otel_distro.settings.settings import JaegerRemoteSettings
        sampler = JaegerRemoteSampler(JaegerRemoteSettings(sys.argv[1], 60.0, 0.0), "svc-%d" % os.getpid())
        def sampled_soon():
            end = time.monotonic() + 5
            while sampler.decide(1, "op") is None:
                assert time.monotonic() < end
                time.sleep(0.01)
        if sys.argv[2] == "late":
            sampled_soon()
        pids = []
        for _ in range(2):
            pid = os.fork()
            if not pid:
                sampler._decider = type(sampler._decider)(0.0)
                sampled_soon()
                os._exit(0)
            pids.append(pid)
        print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids])
    """)
    answer = b'{"probabilisticSampling":{"samplingRate":1}}'
    for when, asked in (("early", 2), ("late", 3)):
        with HttpReceiver((200, answer)) as receiver:
            begun = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-c", program, f"{receiver.url}/sampling", when],
                capture_output=True,
                text=True,
                timeout=20,
                check=True,
            )
            assert time.monotonic() - begun < 10
            assert ("[0, 0]\n", "") == (done.stdout, done.stderr)
            assert asked == len(receiver.requests)
