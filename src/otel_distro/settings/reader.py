# SPDX-License-Identifier: Apache-2.0
"""Reads variables by the table, and remembers what was wrong and where each value came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_distro.settings import redact
from otel_distro.settings.parse import Fault
from otel_distro.settings.problem import Problem
from otel_distro.settings.variables import BY_NAME, VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_distro.settings.variable import Variable

ENVIRONMENT = "environment"


class Reader:
    """Every variable of the table that is set, parsed at once; the fallbacks when they are wanted.

    problems: at most one for a variable, unless several parts of its value are wrong on their own.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.texts = {name: value for name, value in environ.items() if name.startswith(("OTEL_", "JAEGER_"))}
        self.problems: list[Problem] = []
        self.origin: dict[str, str] = {}
        self._reported: set[str] = set()
        self._values: dict[str, Any] = {}
        for row in VARIABLES:
            if row.kind != "fallback" and row.name in self.texts:
                self._read(row)

    def given(self, name: str) -> Any:
        """The variable's value; None when it is unset or unusable."""
        return self._values.get(name)

    def value(self, name: str) -> Any:
        """The variable's value, or its default."""
        found = self._values.get(name)
        return BY_NAME[name].default if found is None else found

    def seconds(self, name: str) -> float:
        """A duration, which the table holds in milliseconds."""
        return float(self.value(name)) / 1000

    def timeout_s(self, name: str) -> float | None:
        """A timeout in seconds; None when there is no limit."""
        milliseconds = self.value(name)
        return milliseconds / 1000 if milliseconds else None

    def first(self, *names: str) -> Any:
        """The value of the first of these variables that has one; None when none has."""
        for name in names:
            if name in self._values:
                return self._values[name]
        return None

    def instead_of(self, name: str, fallback: str) -> Any:
        """The variable's value or, where it has none, that of a fallback of the old Jaeger clients."""
        if name in self._values:
            return self._values[name]
        found = self.fallback(fallback)
        if found is not None:
            self.origin[name] = fallback
        return found

    def fallback(self, name: str) -> Any:
        """The value of a fallback; None when it is unset or unusable."""
        if name in self.texts and not _is_service_link(self.texts[name]):
            self._read(BY_NAME[name])
        return self._values.get(name)

    def report(self, name: str, reason: str, instead: str = "", *, again: bool = False) -> None:
        """Add a problem, unless the variable has one. again: this part of its value is wrong on its own."""
        if name in self._reported and not again:
            return
        self._reported.add(name)
        row = BY_NAME.get(name)
        value = None if row is None or row.secret else redact.url(self.texts.get(name, ""))
        self.problems.append(Problem(name, value, reason, instead))

    def _read(self, row: Variable) -> None:
        raw = self.texts[row.name]
        stripped = raw.strip()
        if not stripped:
            if raw:
                self.report(row.name, "holds only blanks", _using_default(row))
            return
        value = row.parse(stripped)
        if isinstance(value, Fault):
            self.report(row.name, value.reason, value.instead or _using_default(row))
            value = value.value
        if value is None:
            return
        self._values[row.name] = value
        if row.kind in ("read", "fallback"):
            self.origin[row.name] = ENVIRONMENT


def _is_service_link(raw: str) -> bool:
    """Kubernetes sets JAEGER_AGENT_PORT=tcp://10.0.0.1:6831 when a service is called jaeger-agent."""
    return raw.startswith(("tcp://", "udp://", "sctp://"))


def _using_default(row: Variable) -> str:
    if row.default is None or row.default == () or row.kind != "read":
        return "ignored"
    return f"using {shown(row.default)}"


def shown(value: object) -> str:
    """A value as a user would write it."""
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
