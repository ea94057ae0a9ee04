# SPDX-License-Identifier: Apache-2.0
"""The ledger balances, and says in one line what was lost."""

from __future__ import annotations

import threading

from otel_distro.runtime import counters
from otel_distro.runtime.counters import Ledger, Tally


def test_tally_counts_across_threads() -> None:
    """8 threads, 20,000 steps each, read in between: exact."""
    tally = Tally()

    def work() -> None:
        for _ in range(20_000):
            tally.add()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        assert 0 <= tally.value() <= 160_000
    for thread in threads:
        thread.join()
    assert tally.value() == 160_000
    tally.reset()
    assert tally.value() == 0
    tally.add()
    assert tally.value() == 1


def test_ledger_balances() -> None:
    """Accepted = queued + sent + dropped; what does not add up is missing."""
    counters.started.reset()
    ledger = Ledger("http://b", lambda: 2)
    for _ in range(10):
        counters.started.add()
    for _ in range(9):
        ledger.accepted.add()
    ledger.sent(3, confirmed=True)
    ledger.sent(1, confirmed=False)
    ledger.drop("queue_full", 2)
    ledger.drop("queue_full", 0)
    ledger.drop("rejected")
    balance = ledger.balance()
    assert balance == ("http://b", 10, 1, 2, 3, 1, {"queue_full": 2, "rejected": 1})
    assert (balance.accepted, balance.exported, balance.lost, balance.missing) == (9, 4, 3, 0)
    ledger.accepted.add()
    assert ledger.balance().missing == 1


def test_summary_names_the_trouble() -> None:
    """Nothing when nothing was lost; else made, sent, dropped, and why."""
    ledger = Ledger("http://b", lambda: 0)
    assert ledger.summary() is None
    for _ in range(5):
        ledger.accepted.add()
    ledger.sent(3, confirmed=True)
    assert ledger.summary() is None
    ledger.drop("queue_full", 1)
    ledger.drop("exit", 1)
    assert ledger.summary() == "spans made 5, sent 3, dropped 2 (1 exit, 1 queue full; http://b)"
    ledger.last_trouble = "connection refused"
    assert ledger.summary() == "spans made 5, sent 3, dropped 2 (connection refused http://b)"


def test_a_child_begins_at_zero() -> None:
    """All open ledgers and the started spans, with a lock that nobody holds."""
    ledger = counters.open_ledger("http://b", lambda: 0)
    counters.started.add()
    ledger.accepted.add()
    ledger.drop("exit")
    ledger.last_trouble = "something"
    holder = threading.Thread(target=counters._lock.acquire)
    holder.start()
    holder.join()
    counters.begin_child()
    assert ledger.balance() == ("http://b", 0, 0, 0, 0, 0, {})
    assert ledger.summary() is None
    assert ledger.balance() in counters.balances()
    counters.close_ledger(ledger)
    counters.close_ledger(ledger)
    assert ledger.balance() not in counters.balances()


def test_guarded_failures_are_counted() -> None:
    """By the place that raised them."""
    before = counters.guarded().get("here", 0)
    counters.count_guarded("here")
    assert counters.guarded()["here"] == before + 1
