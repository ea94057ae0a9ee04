# SPDX-License-Identifier: Apache-2.0
"""What a delivery attempt came to, and what follows from it. Pure: no I/O, no clock.

Outcome                                                          Step
  Delivered   the backend took the spans (some may be rejected)    Done
  Retry       it may take them later                               Wait
  TooLarge    it takes less at a time (HTTP 413)                   Split, or Drop when one span is left
  Refused     it will never take them                              Drop
"""

from __future__ import annotations

from random import SystemRandom
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_RETRY_S = 0.5
LONGEST_BACKOFF_S = 30.0
LONGEST_WAIT_S = 300.0

_random = SystemRandom().random  # the app may seed and read the shared generator; forked workers must differ


class Delivered(NamedTuple):
    """rejected: spans that a partial success refused. confirmed: False when the reply was not OTLP.
    message: the backend's words, untrusted."""

    rejected: int = 0
    message: str = ""
    confirmed: bool = True


class Retry(NamedTuple):
    """reason: for people, e.g. `connection refused`. error_type: low cardinality, e.g. `503`.
    after_s: what the backend asked for, None when it did not say."""

    reason: str
    error_type: str
    after_s: float | None = None


class TooLarge(NamedTuple):
    """The request was over the backend's limit; half of it may pass."""

    reason: str = "request too large"
    error_type: str = "413"


class Refused(NamedTuple):
    """reason: for people. error_type: low cardinality, e.g. `401`."""

    reason: str
    error_type: str


Outcome: TypeAlias = Delivered | Retry | TooLarge | Refused


class Done(NamedTuple):
    """Nothing is left to do for the batch."""


class Wait(NamedTuple):
    """Send the same batch again after delay_s."""

    delay_s: float


class Split(NamedTuple):
    """Send the batch as two halves, each a batch of its own."""


class Drop(NamedTuple):
    """Give the batch up. reason: for people. error_type: low cardinality, for the ledger and metrics."""

    reason: str
    error_type: str


Step: TypeAlias = Done | Wait | Split | Drop


def next_step(outcome: Outcome, attempt: int, span_count: int, random: Callable[[], float] = _random) -> Step:
    """Decide what happens to a batch after a delivery attempt.

    attempt: 1 for the first try. span_count: spans in the batch. random: returns a number in [0, 1).
    Returns Done, Wait (jittered; what the backend asked for comes first; 0.5 s to 300 s), Split or Drop.
    It never gives up on a Retry: the queue and the caller's deadlines bound how long a batch is kept.
    Never raises.
    Source: OTLP specification, "Retryable Response Codes" and "OTLP/HTTP Throttling".
    """
    if isinstance(outcome, Delivered):
        return Done()
    if isinstance(outcome, Retry):
        return Wait(_delay_s(outcome.after_s, attempt, random()))
    if isinstance(outcome, TooLarge) and span_count > 1:
        return Split()
    return Drop(outcome.reason, outcome.error_type)


def _delay_s(after_s: float | None, attempt: int, chance: float) -> float:
    if after_s is not None:
        # never before the time that was asked for, and not all clients at once
        return min(max(after_s, FIRST_RETRY_S) * (1.0 + 0.1 * chance), LONGEST_WAIT_S)
    ceiling = min(2.0 * FIRST_RETRY_S * 2.0 ** min(attempt - 1, 16), LONGEST_BACKOFF_S)
    return max(ceiling * (0.5 + 0.5 * chance), FIRST_RETRY_S)
