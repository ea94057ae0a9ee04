# SPDX-License-Identifier: Apache-2.0
"""The interface between the batch span processor and our exporters.

A subclass makes one attempt and says what it came to; waiting, retrying, splitting and counting are the
batch span processor's. Because it is also the SDK's SpanExporter, it works behind the SDK's processors too.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import context
from opentelemetry.context import _SUPPRESS_HTTP_INSTRUMENTATION_KEY, _SUPPRESS_INSTRUMENTATION_KEY
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.version import __version__ as sdk_version

from otel_distro import __version__
from otel_distro.exporters.retry import Delivered, Outcome, TooLarge
from otel_distro.runtime.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan


class OutcomeSpanExporter(SpanExporter):
    """A span exporter whose single attempt returns an Outcome.

    destination: where spans go, for people: a URL without credentials, or `console`.
    """

    destination: str

    @abstractmethod
    def export_once(self, spans: Sequence[ReadableSpan], deadline: Deadline) -> Outcome:
        """Try once to deliver spans before the deadline. Never raises; called by one thread at a time.

        A span that cannot be encoded costs only itself: it is counted as rejected in Delivered.
        """

    def interrupt(self) -> None:
        """Make an attempt that runs in another thread end soon. Harmless when none runs."""

    def after_fork_in_child(self) -> None:
        """Forget sockets and locks that belong to the parent, without closing the parent's side."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """One attempt, halved as often as needed, for processors that know only success and failure."""
        outcome = self.export_once(spans, Deadline(None))
        if isinstance(outcome, TooLarge) and len(spans) > 1:
            middle = len(spans) // 2
            halves = [self.export(spans[:middle]), self.export(spans[middle:])]
            return SpanExportResult.SUCCESS if halves == [SpanExportResult.SUCCESS] * 2 else SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS if isinstance(outcome, Delivered) else SpanExportResult.FAILURE


@contextmanager
def suppressed() -> Iterator[None]:
    """While it lasts, instrumentors leave this thread's own traffic alone."""
    silent = context.set_value(_SUPPRESS_INSTRUMENTATION_KEY, True)
    silent = context.set_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY, True, silent)
    token = context.attach(context.set_value("suppress_instrumentation", True, silent))
    try:
        yield
    finally:
        context.detach(token)


def with_left_out(outcome: Outcome, left_out: Sequence[tuple[int, str]], span_count: int) -> Outcome:
    """The outcome of a request from which spans were left out: they count as rejected once it is delivered.

    left_out: index and reason of each. span_count: spans in the batch.
    """
    if not left_out or not isinstance(outcome, Delivered):
        return outcome
    words = f"{len(left_out)} of {span_count} spans left out: {left_out[0][1]}"
    message = f"{words}; {outcome.message}" if outcome.message else words
    return outcome._replace(rejected=outcome.rejected + len(left_out), message=message)


def user_agent() -> str:
    """What exporters call themselves. Source: OTLP specification, "User Agent"."""
    return f"otel-distro/{__version__} OTel-OTLP-Exporter-Python/{sdk_version}"
