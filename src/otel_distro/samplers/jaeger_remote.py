# SPDX-License-Identifier: Apache-2.0
"""The `jaeger_remote` sampler: a strategy that Jaeger serves, asked for again and again."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from otel_distro.runtime import fork, guard, log
from otel_distro.samplers.rate_limiter import RateLimiter
from otel_distro.samplers.strategy import (
    MAX_OPERATIONS,
    PerOperation,
    Probabilistic,
    RateLimiting,
    Strategy,
    StrategyError,
)
from otel_distro.samplers.strategy_client import FetchError, fetcher
from otel_distro.samplers.tagging import TaggingSampler, sampler_tags
from otel_distro.settings import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.samplers.tagging import Tags
    from otel_distro.settings.settings import JaegerRemoteSettings

_LOW_64_BITS = (1 << 64) - 1
_SHORTEST_INTERVAL_S = 0.1


class JaegerRemoteSampler(TaggingSampler):
    """Samples as the strategy says that was fetched last; before the first one, at the initial rate.

    A daemon thread asks for strategies. It begins with the first decision in a process, so a parent that only
    forks never has one, and each child has its own. Whatever goes wrong there costs one line in the log.
    Source: Jaeger, "Remote Sampling"; OpenTelemetry, Tracing SDK, "JaegerRemoteSampler".
    """

    def __init__(
        self,
        settings: JaegerRemoteSettings,
        service_name: str,
        fetch: Callable[[], Strategy] | None = None,
    ) -> None:
        """service_name: whose strategy is asked for. fetch: how, for tests; raises what fetcher's result does.

        Raises ValueError for an endpoint that cannot be used.
        """
        self._settings = settings
        self._where = redact.url(settings.endpoint)
        self._fetch = fetch or fetcher(settings.endpoint, service_name)
        self._decider: _Decider = _OneRate(settings.initial_sampling_rate)
        self._polled_generation = -1
        self._starting = threading.Lock()
        self._stopped = threading.Event()
        self._trouble = ""
        fork.in_child(self._after_fork)

    def decide(self, trace_id: int, name: str) -> Tags | None:
        """Decide by the strategy in force. Never raises."""
        if not fork.page[0]:
            fork.notice()
        if self._polled_generation != fork.generation:
            self._begin_polling()
        return self._decider.decide(trace_id, name)

    def get_description(self) -> str:
        """The settings it was made with."""
        _, interval_s, rate = self._settings
        return (
            f"JaegerRemoteSampler{{endpoint={self._where},pollingIntervalMs={interval_s * 1000:.0f},"
            f"initialSamplingRate={rate:g}}}"
        )

    def shutdown(self) -> None:
        """Stop asking for strategies; the last one stays in force."""
        self._stopped.set()

    def _begin_polling(self) -> None:
        with self._starting:
            if self._polled_generation == fork.generation:
                return
            self._polled_generation = fork.generation
            try:
                threading.Thread(target=self._poll, name="otel-distro-sampler", daemon=True).start()
            except RuntimeError as error:  # no thread can be had now, or the interpreter is ending
                guard.report("jaeger_remote: no strategies are fetched", error)

    def _after_fork(self) -> None:
        self._starting = threading.Lock()
        self._stopped = threading.Event()

    def _poll(self) -> None:
        from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, set_value

        attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))  # our own requests are no traffic of the app's
        stopped = self._stopped
        interval_s = max(self._settings.polling_interval_s, _SHORTEST_INTERVAL_S)
        while not stopped.is_set():
            guard.call("jaeger_remote: a strategy could not be used", self._refresh)
            stopped.wait(interval_s)

    def _refresh(self) -> None:
        try:
            strategy = self._fetch()
        except (FetchError, StrategyError) as error:
            trouble = f"jaeger_remote: {self._where}: {error}; sampling goes on as before"
            if trouble != self._trouble:
                log.warn(trouble)
            self._trouble = trouble
            return
        if self._trouble:
            log.info(f"jaeger_remote: {self._where} answers again")
            self._trouble = ""
        self._decider = self._decider.successor(strategy)


class _Decider(ABC):
    """A strategy in force."""

    @abstractmethod
    def decide(self, trace_id: int, name: str) -> Tags | None:
        """What to put on a sampled root span; None when it is not sampled."""

    def successor(self, strategy: Strategy) -> _Decider:
        """What decides from now on; balances go on where the kind of strategy stays the same."""
        if isinstance(strategy, Probabilistic):
            return _OneRate(strategy.rate)
        if isinstance(strategy, RateLimiting):
            return _Limited(strategy.per_second)
        return _ByOperation(strategy, {})


class _OneRate(_Decider):
    def __init__(self, rate: float) -> None:
        self._bound = TraceIdRatioBased.get_bound_for_rate(rate)
        self._tags = sampler_tags("probabilistic", rate)

    def decide(self, trace_id: int, name: str) -> Tags | None:  # noqa: ARG002
        return self._tags if trace_id & _LOW_64_BITS < self._bound else None


class _Limited(_Decider):
    def __init__(self, per_second: float, limiter: RateLimiter | None = None) -> None:
        self._limiter = limiter or RateLimiter(per_second)
        self._tags = sampler_tags("ratelimiting", per_second)

    def decide(self, trace_id: int, name: str) -> Tags | None:  # noqa: ARG002
        return self._tags if self._limiter.take() else None

    def successor(self, strategy: Strategy) -> _Decider:
        if not isinstance(strategy, RateLimiting):
            return super().successor(strategy)
        self._limiter.set_rate(strategy.per_second)
        return _Limited(strategy.per_second, self._limiter)


class _Operation:
    """Probability with a lower bound, which is charged for every sampled span, whichever let it pass."""

    def __init__(self, rate: float, limiter: RateLimiter) -> None:
        self.limiter = limiter
        self._probable = _OneRate(rate)
        self._guaranteed = sampler_tags("lowerbound", rate)

    def decide(self, trace_id: int, name: str) -> Tags | None:
        tags = self._probable.decide(trace_id, name)
        if self.limiter.take() and tags is None:
            return self._guaranteed
        return tags


class _ByOperation(_Decider):
    def __init__(self, strategy: PerOperation, limiters: dict[str, RateLimiter]) -> None:
        """limiters: known from before, by operation."""
        self._strategy = strategy
        self._default = _OneRate(strategy.default_rate)
        self._operations = {name: self._new(rate, limiters.get(name)) for name, rate in strategy.rates.items()}
        for name, limiter in limiters.items():
            if name not in self._operations and len(self._operations) < MAX_OPERATIONS:
                self._operations[name] = self._new(strategy.default_rate, limiter)

    def decide(self, trace_id: int, name: str) -> Tags | None:
        operation = self._operations.get(name)
        if operation is None:
            if len(self._operations) >= MAX_OPERATIONS:
                return self._default.decide(trace_id, name)
            operation = self._operations.setdefault(name, self._new(self._strategy.default_rate, None))
        return operation.decide(trace_id, name)

    def successor(self, strategy: Strategy) -> _Decider:
        if not isinstance(strategy, PerOperation):
            return super().successor(strategy)
        vanished = self._strategy.rates.keys() - strategy.rates.keys()
        known = list(self._operations.items())
        return _ByOperation(strategy, {name: was.limiter for name, was in known if name not in vanished})

    def _new(self, rate: float, limiter: RateLimiter | None) -> _Operation:
        lower_bound = self._strategy.lower_bound
        if limiter is None:
            limiter = RateLimiter(lower_bound)
        else:
            limiter.set_rate(lower_bound)
        return _Operation(rate, limiter)
