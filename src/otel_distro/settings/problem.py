# SPDX-License-Identifier: Apache-2.0
"""One thing that is wrong with the settings, and what is done about it."""

# annotations are evaluated here: typing compiles each one that is text, which costs start-up time

from typing import NamedTuple


class Problem(NamedTuple):
    """A variable that could not be used as it was given.

    variable: the name as the user wrote it.
    value: the value, already redacted; None when it must not be shown at all.
    reason: what is wrong, in plain words, without a full stop.
    instead: what is used instead, or how to mend it; "" when there is nothing to add.
    """

    variable: str
    value: str | None
    reason: str
    instead: str = ""

    def __str__(self) -> str:
        """One line: `VARIABLE=value: reason; using X`. Control characters are escaped."""
        head = self.variable if self.value is None else f"{self.variable}={self.value}"
        tail = f"; {self.instead}" if self.instead else ""
        return f"{head}: {self.reason}{tail}".encode("unicode_escape").decode("ascii")
