# SPDX-License-Identifier: Apache-2.0
"""Calls of other people's code that may take for ever, made side by side within one deadline."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from otel_distro.runtime import guard, log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_distro.runtime.deadline import Deadline

LATE: Any = False
"""The result of a call that had not returned by the deadline; its thread goes on as a daemon."""


def run(calls: Sequence[tuple[str, Callable[..., Any], tuple[Any, ...]]], deadline: Deadline) -> list[Any]:
    """Make every call (what it is, function, arguments) in a thread of its own; wait until the deadline.

    Returns the results in order: LATE for calls that are not over, None for those that failed.
    """
    if not calls:
        return []
    results: list[Any] = [LATE] * len(calls)

    def make(index: int) -> None:
        what, function, arguments = calls[index]
        results[index] = guard.survive(what, function, *arguments)

    threads = []
    for index, (what, _, _) in enumerate(calls):
        thread = threading.Thread(target=make, args=(index,), name=f"otel-distro {what}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads, or the interpreter is ending
            log.debug(f"{what} runs without a thread of its own: {error}")
            make(index)
        else:
            threads.append(thread)
    for thread in threads:
        thread.join(deadline.remaining_s())
    return results
