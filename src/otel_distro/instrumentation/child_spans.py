# SPDX-License-Identifier: Apache-2.0
"""Spans below a request: made only under a span that is recorded, and folded into it when they are too short.

A folded span leaves two attributes on its parent: otel_distro.folded.<layer>.count, and .duration in seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.status import Status, StatusCode

from otel_distro.instrumentation import exceptions
from otel_distro.instrumentation.current import SPAN_KEY, attach, detach, get_current, with_span
from otel_distro.runtime.clock import now_ns

if TYPE_CHECKING:
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext, Tracer

_ERROR = Status(StatusCode.ERROR)
_FOLDED = "otel_distro.folded."


class ChildSpans:
    """Makes the spans of one layer. Immutable; used from any thread."""

    def __init__(self, tracer: Tracer, layer: str, min_duration_s: float = 0.0) -> None:
        """layer: its name in settings and in the attributes of folded spans. min_duration_s: 0 folds nothing."""
        self.tracer = tracer
        self.layer = layer
        self.min_ns = int(min_duration_s * 1e9)

    def span(self, name: str, attributes: dict[str, Any], kind: SpanKind = SpanKind.INTERNAL) -> ChildSpan:
        """A context manager around what the span covers. Exceptions pass; they make the span an error."""
        return ChildSpan(self, name, attributes, kind)

    def root(self, name: str, attributes: dict[str, Any]) -> RootSpan:
        """Like span(), but also where no span is around; its exceptions are recorded as events there."""
        return RootSpan(self, name, attributes, SpanKind.INTERNAL)

    def leaf(
        self,
        context: Context,
        name: str,
        kind: SpanKind,
        attributes: dict[str, Any],
        start_ns: int,
        error: BaseException | None = None,
    ) -> None:
        """Make a span of what is over, under the span of context; nothing can be below it."""
        end_ns = now_ns()
        if end_ns - start_ns < self.min_ns and error is None:
            _fold(context[SPAN_KEY], self.layer, 1, end_ns - start_ns)
            return
        span = self.tracer.start_span(name, context, kind, attributes, (), start_ns)
        if error is not None:
            span.set_status(_ERROR)
        span.end(end_ns)


def recording(context: Context) -> bool:
    """Whether a child of context's span would be recorded."""
    parent: Any = context.get(SPAN_KEY)
    return parent is not None and parent.is_recording()


class ChildSpan:
    """See ChildSpans.span. `span` is None where nothing is recorded."""

    __slots__ = ("_attributes", "_kind", "_name", "_spans", "_token", "span")

    def __init__(self, spans: ChildSpans, name: str, attributes: dict[str, Any], kind: SpanKind) -> None:
        self._spans = spans
        self._name = name
        self._attributes = attributes
        self._kind = kind
        self._token: Any = None
        self.span: Span | None = None

    def __enter__(self) -> Span | None:
        context = get_current()
        parent: Any = context.get(SPAN_KEY)
        if parent is None or not parent.is_recording():
            return None
        spans = self._spans
        span: Span
        if spans.min_ns:
            span = _Pending(spans, context, parent, self._name, self._kind, self._attributes)
        else:
            span = spans.tracer.start_span(self._name, context, self._kind, self._attributes)
        self.span = span
        self._token = attach(with_span(context, span))
        return span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        span = self.span
        if span is None:
            return
        detach(self._token)
        if error is not None and isinstance(error, Exception):
            span.set_status(_ERROR)
            span.set_attribute("error.type", exceptions.type_name(error))
        span.end()


class RootSpan(ChildSpan):
    """See ChildSpans.root."""

    __slots__ = ("_is_root",)

    def __enter__(self) -> Span | None:
        context = get_current()
        self._is_root = SPAN_KEY not in context
        if not self._is_root:
            return super().__enter__()
        span = self._spans.tracer.start_span(self._name, context, self._kind, self._attributes)
        self.span = span
        self._token = attach(with_span(context, span))
        return span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_root and self.span is not None and isinstance(error, Exception):
            exceptions.record(self.span, error)
        super().__exit__(kind, error, trace)


class _Pending(Span):
    """A span that comes to be when somebody looks at it: a child, a propagator, or end() after long enough."""

    __slots__ = (
        "_attributes",
        "_context",
        "_folded",
        "_kind",
        "_name",
        "_parent",
        "_real",
        "_spans",
        "_start_ns",
    )

    def __init__(
        self,
        spans: ChildSpans,
        context: Context,
        parent: Span,
        name: str,
        kind: SpanKind,
        attributes: dict[str, Any],
    ) -> None:
        self._spans = spans
        self._context = context
        self._parent = parent
        self._name = name
        self._kind = kind
        self._attributes = attributes
        self._start_ns = now_ns()
        self._real: Span | None = None
        self._folded: dict[str, tuple[int, int]] = {}

    def real(self) -> Span:
        """The span itself, made now if it was not."""
        if self._real is None:
            self._real = self._spans.tracer.start_span(
                self._name, self._context, self._kind, self._attributes, (), self._start_ns
            )
            for layer, (count, duration_ns) in self._folded.items():
                _fold(self._real, layer, count, duration_ns)
        return self._real

    def fold(self, layer: str, count: int, duration_ns: int) -> None:
        """Take in the counts of a span that was below this one."""
        if self._real is not None:
            _fold(self._real, layer, count, duration_ns)
            return
        old_count, old_duration_ns = self._folded.get(layer, (0, 0))
        self._folded[layer] = (old_count + count, old_duration_ns + duration_ns)

    def end(self, end_time: int | None = None) -> None:
        if self._real is None:
            duration_ns = now_ns() - self._start_ns
            if duration_ns < self._spans.min_ns:
                for layer, (count, total_ns) in self._folded.items():
                    _fold(self._parent, layer, count, total_ns)
                _fold(self._parent, self._spans.layer, 1, duration_ns)
                return
        self.real().end(end_time)

    def get_span_context(self) -> SpanContext:
        return self.real().get_span_context()

    def is_recording(self) -> bool:
        return True

    def set_attributes(self, attributes: Any) -> None:
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def set_attribute(self, key: str, value: Any) -> None:
        if self._real is None:
            self._attributes = {**self._attributes, key: value}
        else:
            self._real.set_attribute(key, value)

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        self.real().add_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: Any = None) -> None:
        self.real().add_link(context, attributes)

    def update_name(self, name: str) -> None:
        self.real().update_name(name)

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.real().set_status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Any = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        self.real().record_exception(exception, attributes, timestamp, escaped)


def _fold(parent: Any, layer: str, count: int, duration_ns: int) -> None:
    if type(parent) is _Pending:
        parent.fold(layer, count, duration_ns)
        return
    so_far = getattr(parent, "attributes", None) or {}
    counts, duration = f"{_FOLDED}{layer}.count", f"{_FOLDED}{layer}.duration"
    parent.set_attribute(counts, so_far.get(counts, 0) + count)
    parent.set_attribute(duration, so_far.get(duration, 0.0) + duration_ns / 1e9)
