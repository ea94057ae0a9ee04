# SPDX-License-Identifier: Apache-2.0
"""What a delivery attempt came to, and what follows from it. Pure: no I/O, no clock.

    Outcome
      Delivered   the backend took the spans (some may be rejected for good)
      Retry       it may take them later
      TooLarge    it takes less at a time (HTTP 413): split
      Refused     it will never take them: drop, with a reason
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


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
