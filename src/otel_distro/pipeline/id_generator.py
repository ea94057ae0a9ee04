# SPDX-License-Identifier: Apache-2.0
"""Trace and span ids from a generator of our own, which an app's `random.seed()` does not reach."""

from __future__ import annotations

import random

from opentelemetry.sdk.trace import id_generator

_SPAN_ID_MASK = (1 << 64) - 1


class RandomIdGenerator(id_generator.RandomIdGenerator):
    """Ids of which every bit is random. bits(n) returns n random bits."""

    def __init__(self) -> None:
        self._random = random.Random()  # noqa: S311 - an id is no secret
        self.bits = self._random.getrandbits

    def generate_trace_id(self) -> int:
        """128 random bits, never 0."""
        return self.bits(128) or 1

    def generate_span_id(self) -> int:
        """64 random bits, never 0."""
        return self.bits(64) or 1

    def reseed(self) -> None:
        """Leave the parent's sequence, in a forked child."""
        self._random.seed()
