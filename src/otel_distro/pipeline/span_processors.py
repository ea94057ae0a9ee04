# SPDX-License-Identifier: Apache-2.0
"""The provider's list of span processors; each is called inside the guard, and only for what it overrides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import SpanProcessor, SynchronousMultiSpanProcessor

from otel_distro.pipeline.batch_span_processor import BatchSpanProcessor
from otel_distro.runtime import bounded, guard
from otel_distro.runtime.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context


class SpanProcessors(SynchronousMultiSpanProcessor):
    """Forwards to every processor in the order they were added; flushes and shuts them down side by side.

    starting, ending, ended: the methods to call, without those that do nothing.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.starting: tuple[Callable[..., object], ...] = ()
        self.ending: tuple[Callable[[Any], object], ...] = ()
        self.ended: tuple[Callable[[Any], object], ...] = ()

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        super().add_span_processor(span_processor)
        self.starting = self._overriding("on_start")
        self.ending = self._overriding("_on_ending")
        self.ended = self._overriding("on_end")

    def _overriding(self, name: str) -> tuple[Callable[..., object], ...]:
        nothing = getattr(SpanProcessor, name)
        methods = [getattr(processor, name, None) for processor in self._span_processors]
        return tuple(
            method for method in methods if callable(method) and getattr(method, "__func__", None) is not nothing
        )

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        for method in self.starting:
            guard.call("on_start of a span processor", method, span, parent_context=parent_context)

    def _on_ending(self, span: Any) -> None:
        guard.each("_on_ending", self.ending, span)

    def on_end(self, span: Any) -> None:
        guard.each("on_end", self.ended, span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush all at once; True when every one said that it exported everything in time. Never raises."""
        deadline = Deadline(timeout_millis / 1000)
        ours, others = self._sorted()
        tickets = [(processor, processor.begin_flush()) for processor in ours]
        left_ms = int((deadline.remaining_s() or 0.0) * 1000)
        results = bounded.run(
            [
                (f"force_flush of {type(processor).__name__}", processor.force_flush, (left_ms,))
                for processor in others
                if type(processor).force_flush is not SpanProcessor.force_flush
            ],
            deadline,
        )
        ended = [processor.end_flush(ticket, deadline) for processor, ticket in tickets]
        # the SDK's own processors may return None: False is the only way to say no
        return all(ended) and all(result is not False for result in results)

    def shutdown_by(self, deadline: Deadline) -> bool:
        """Shut all down at once; True when every one did, and sent what it had, in time. Never raises."""
        ours, others = self._sorted()
        for processor in ours:
            processor.begin_shutdown(deadline)
        results = bounded.run(
            [
                (f"shutdown of {type(processor).__name__}", processor.shutdown, ())
                for processor in others
                if type(processor).shutdown is not SpanProcessor.shutdown
            ],
            deadline,
        )
        in_time = all(result is not bounded.LATE for result in results)
        ended = [processor.end_shutdown(deadline) for processor in ours]
        return all(ended) and in_time

    def _sorted(self) -> tuple[list[BatchSpanProcessor], list[SpanProcessor]]:
        ours = [processor for processor in self._span_processors if isinstance(processor, BatchSpanProcessor)]
        return ours, [p for p in self._span_processors if not isinstance(p, BatchSpanProcessor)]
