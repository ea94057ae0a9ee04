# SPDX-License-Identifier: Apache-2.0
"""Traces as trees on stderr, for a person who wants to see them at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from otel_distro.exporters.retry import Delivered, Outcome
from otel_distro.exporters.span_exporter import OutcomeSpanExporter
from otel_distro.exporters.trace_tree import escaped, render
from otel_distro.runtime import guard, log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_distro.runtime.deadline import Deadline

_MAX_WAITING_SPANS = 2000


class ConsoleSpanExporter(OutcomeSpanExporter):
    """Prints a trace when the span that began it in this process has ended; the rest at flush and shutdown.

    At most 2,000 spans wait for theirs: beyond that the trace that has waited longest is printed as it is.
    """

    destination = "console"

    def __init__(self, write: Callable[[str], None] = log.write_line, ascii_only: bool | None = None) -> None:
        """write: prints one line. ascii_only: None asks stderr's encoding."""
        self._write = write
        self._ascii_only = not _speaks_utf8() if ascii_only is None else ascii_only
        self._waiting: dict[int, list[Any]] = {}
        self._waiting_count = 0

    def export_once(self, spans: Sequence[ReadableSpan], deadline: Deadline) -> Outcome:  # noqa: ARG002
        """See OutcomeSpanExporter."""
        guard.call("the console exporter failed", self._take, spans)
        return Delivered()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002
        """Print what waits for its root."""
        guard.call("the console exporter failed", self._print_all)
        return True

    def shutdown(self) -> None:
        """Print what waits for its root."""
        self.force_flush()

    def after_fork_in_child(self) -> None:
        """What the parent has is the parent's."""
        self._waiting = {}
        self._waiting_count = 0

    def _take(self, spans: Sequence[Any]) -> None:
        complete = {}
        for span in spans:
            trace_id = span.get_span_context().trace_id
            self._waiting.setdefault(trace_id, []).append(span)
            self._waiting_count += 1
            if span.parent is None or span.parent.is_remote:
                complete[trace_id] = True
        for trace_id in complete:
            self._print(trace_id)
        while self._waiting_count > _MAX_WAITING_SPANS:
            self._print(next(iter(self._waiting)))

    def _print_all(self) -> None:
        for trace_id in list(self._waiting):
            self._print(trace_id)

    def _print(self, trace_id: int) -> None:
        spans = self._waiting.pop(trace_id)
        self._waiting_count -= len(spans)
        service = (getattr(spans[0].resource, "attributes", None) or {}).get("service.name", "")
        self._write(f"trace {trace_id:032x}  {escaped(service)}".rstrip())
        for line in render(spans, self._ascii_only):
            self._write(line)


def _speaks_utf8() -> bool:
    encoding = getattr(sys.stderr, "encoding", None) or ""
    return encoding.lower().replace("-", "") == "utf8"
