# SPDX-License-Identifier: Apache-2.0
"""What all three APIs read from the store: services, operations, calls between services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.viewer.store.tallies import SLOT_NS

if TYPE_CHECKING:
    from otel_distro.viewer.store.store import Store

KIND_NAMES = ("", "internal", "server", "client", "producer", "consumer")
MAX_NAMES = 5_000


def services(store: Store) -> list[str]:
    """All service names, sorted."""
    found = store.each(
        lambda connection: connection.execute(
            "SELECT value FROM word WHERE key = 'service' LIMIT ?", (MAX_NAMES,)
        ).fetchall()
    )
    return sorted({name for rows in found for (name,) in rows})


def operations(store: Store, service: str, kind: str = "") -> list[tuple[str, str]]:
    """(operation, span kind) of a service, sorted. kind: one of KIND_NAMES, empty for all."""
    found = store.each(
        lambda connection: connection.execute(
            "SELECT name, kind FROM operation WHERE service = ? LIMIT ?", (service, MAX_NAMES)
        ).fetchall()
    )
    pairs = {(name, KIND_NAMES[number]) for rows in found for name, number in rows}
    return sorted(pair for pair in pairs if not kind or pair[1] == kind.lower())


def calls(store: Store, start_ns: int, end_ns: int) -> dict[tuple[str, str, str], tuple[int, int]]:
    """(caller, called, kind) -> (calls, errors). kind: call, db, http or messaging."""
    between = (start_ns // SLOT_NS, end_ns // SLOT_NS)
    found = store.each(
        lambda connection: connection.execute(
            "SELECT parent, child, kind, sum(calls), sum(errors) FROM edge WHERE slot BETWEEN ? AND ?"
            " GROUP BY parent, child, kind",
            between,
        ).fetchall()
    )
    sums: dict[tuple[str, str, str], tuple[int, int]] = {}
    for rows in found:
        for parent, child, kind, count, errors in rows:
            before = sums.get((parent, child, kind), (0, 0))
            sums[(parent, child, kind)] = (before[0] + count, before[1] + errors)
    return {key: counts for key, counts in sums.items() if counts[0] > 0}
