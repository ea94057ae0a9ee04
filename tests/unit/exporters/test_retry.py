# SPDX-License-Identifier: Apache-2.0
"""What follows from each outcome."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.exporters.retry import (
    Delivered,
    Done,
    Drop,
    Refused,
    Retry,
    Split,
    TooLarge,
    Wait,
    next_step,
)


@pytest.mark.parametrize("outcome", [Delivered(), Delivered(rejected=5), Delivered(confirmed=False)])
def test_what_was_delivered_is_done_even_in_part(outcome: Delivered) -> None:
    assert next_step(outcome, 1, 10) == Done()


def test_what_is_refused_is_dropped_with_its_reason() -> None:
    assert next_step(Refused("401 Unauthorized", "401"), 1, 10) == Drop("401 Unauthorized", "401")


def test_too_large_is_split_until_one_span_is_left() -> None:
    assert next_step(TooLarge(), 1, 2) == Split()
    assert next_step(TooLarge(), 1, 1) == Drop("request too large", "413")


def test_a_retry_waits_longer_each_time_up_to_half_a_minute() -> None:
    waits = [next_step(Retry("down", "503"), attempt, 1, random=lambda: 0.999999) for attempt in range(1, 9)]
    assert [round(wait.delay_s) for wait in waits] == [1, 2, 4, 8, 16, 30, 30, 30]


@given(attempt=st.integers(1, 10**9), chance=st.floats(0, 1, exclude_max=True))
def test_the_first_retry_is_not_before_half_a_second(attempt: int, chance: float) -> None:
    wait = next_step(Retry("down", "503"), attempt, 1, random=lambda: chance)
    assert isinstance(wait, Wait)
    assert 0.5 <= wait.delay_s <= 30


@given(after_s=st.floats(0, 1e12), attempt=st.integers(1, 50), chance=st.floats(0, 1, exclude_max=True))
def test_what_the_backend_asks_for_is_kept_up_to_five_minutes(after_s: float, attempt: int, chance: float) -> None:
    wait = next_step(Retry("busy", "429", after_s), attempt, 1, random=lambda: chance)
    assert isinstance(wait, Wait)
    assert min(after_s, 300) <= wait.delay_s <= 300
    assert wait.delay_s >= 0.5


def test_clients_do_not_all_come_back_at_once() -> None:
    assert len({next_step(Retry("busy", "429", 10.0), 1, 1) for _ in range(20)}) > 10
