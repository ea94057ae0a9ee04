# SPDX-License-Identifier: Apache-2.0
"""Names are resolved within the deadline, whatever the system's resolver does."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from otel_distro.runtime.deadline import Deadline
from otel_distro.transport.errors import ConnectError, DeadlineError, RequestInterruptedError
from otel_distro.transport.resolver import Address, Resolver

FOUND = [Address(socket.AF_INET, ("192.0.2.1", 80))]


class SlowSystem:
    """Stands in for the system's resolver; answers when released."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.calls = 0

    def look_up(self, host: str, port: int) -> list[Address]:
        self.calls += 1
        self.release.wait(10)
        return FOUND


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_addresses_and_localhost_need_no_thread(host: str) -> None:
    before = threading.active_count()
    found = Resolver(host, 80).addresses(Deadline(5))
    assert found
    assert before == threading.active_count()


def test_a_silent_resolver_costs_no_more_than_the_deadline_and_one_thread() -> None:
    system = SlowSystem()
    resolver = Resolver("collector.example", 80, system.look_up)
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(DeadlineError, match="resolver"):
            resolver.addresses(Deadline(0.05))
        assert time.monotonic() - began < 1
    assert system.calls == 1
    system.release.set()
    assert resolver.addresses(Deadline(5)) == FOUND
    assert resolver.addresses(Deadline(5)) == FOUND
    assert system.calls == 2  # each connection asks anew


def test_no_such_name_is_said_so() -> None:
    def nothing(host: str, port: int) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(ConnectError, match="no such host") as caught:
        Resolver("collector.invalid", 80, nothing).addresses(Deadline(5))
    assert caught.value.error_type == "no_such_host"


def test_a_resolver_that_is_down_is_another_matter() -> None:
    def later(host: str, port: int) -> list[Address]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with pytest.raises(ConnectError, match="Temporary failure"):
        Resolver("collector.invalid", 80, later).addresses(Deadline(5))


def test_a_name_that_is_none_is_no_such_host() -> None:
    with pytest.raises(ConnectError, match="no such host"):
        Resolver("a" * 300, 80).addresses(Deadline(5))


def test_interrupt_ends_the_wait() -> None:
    system = SlowSystem()
    resolver = Resolver("collector.example", 80, system.look_up)
    timer = threading.Timer(0.1, resolver.interrupt)
    timer.start()
    began = time.monotonic()
    with pytest.raises(RequestInterruptedError):
        resolver.addresses(Deadline(10))
    assert time.monotonic() - began < 2
    timer.join()
    system.release.set()


def test_a_forked_child_does_not_wait_for_the_parents_thread() -> None:
    system = SlowSystem()
    resolver = Resolver("collector.example", 80, system.look_up)
    with pytest.raises(DeadlineError):
        resolver.addresses(Deadline(0.05))
    resolver.after_fork_in_child()
    system.release.set()
    assert resolver.addresses(Deadline(5)) == FOUND
    assert system.calls == 2
