# SPDX-License-Identifier: Apache-2.0
"""The span: an SDK span with a hot path of its own.

What is different inside: attributes are one plain dict, ids are ints, contexts are made when somebody asks
for them, nothing is locked where one step of CPython suffices, and the ended span is the readable span.
What the SDK's readers read (`_name`, `_attributes`, `_events` ...) has the SDK's names and meaning.

No method raises into the app, whatever it is given.
"""

from __future__ import annotations

import copy
import warnings
from _thread import RLock
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationInfo
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
)

from otel_distro.pipeline import span_limits
from otel_distro.pipeline.span_event import Event, SpanLink, describe_exception, exception_text
from otel_distro.pipeline.span_limits import DROPPED, MAX_NAME
from otel_distro.pipeline.unsampled_span import FLAGS
from otel_distro.runtime import fork, guard, log
from otel_distro.runtime.clock import now_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import TraceState

    from otel_distro.pipeline.span_limits import Limits
    from otel_distro.pipeline.span_processors import SpanProcessors

UNSET = Status(StatusCode.UNSET)

_LATEST_NS = (1 << 64) - 1
_MAX_DESCRIPTION = 1 << 16
_EVENT_BYTES = 400
_LINK_BYTES = 500

_lock = RLock()  # for what is rare: events, links, counts of the dropped; reentrant for signal handlers


def _begin_child() -> None:
    global _lock
    _lock = RLock()


fork.in_child(_begin_child)


class Span(SdkSpan):
    """A recording span. Made by Tracer.start_span, which sets the attributes that have no default here.

    `_open` exists until the span ends; deleting it is the atomic step by which one end() wins. Its value is
    the fork generation in which the span began: a forked child does not export its parent's spans.
    `_dropped` is None or the counts of dropped attributes, events and links.
    """

    __slots__ = (
        "_attributes",
        "_dropped",
        "_end_time",
        "_events",
        "_extra_bytes",
        "_instrumentation_scope",
        "_kind",
        "_limits",
        "_links",
        "_made_context",
        "_name",
        "_open",
        "_parent_flags",
        "_parent_id",
        "_parent_is_remote",
        "_processors",
        "_resource",
        "_span_id",
        "_start_time",
        "_status",
        "_trace_flags",
        "_trace_id",
        "_trace_state",
    )

    _attributes: dict[str, Any]
    _dropped: list[int] | None
    _end_time: int | None
    _events: Sequence[Event]
    _extra_bytes: int
    _instrumentation_scope: InstrumentationScope
    _kind: SpanKind
    _limits: Limits
    _links: Sequence[SpanLink]
    _made_context: SpanContext | None
    _name: str
    _open: int
    _parent_flags: int  # not set on a root span
    _parent_id: int
    _parent_is_remote: bool
    _processors: SpanProcessors
    _resource: Resource
    _span_id: int
    _start_time: int
    _status: Status
    _trace_flags: int
    _trace_id: int
    _trace_state: TraceState | None

    # what few spans have lives in their __dict__
    _made_parent: SpanContext | None = None
    _record_exception: bool = True
    _set_status_on_exception: bool = True
    _recorded_exception: tuple[int, str] | None = None
    _on_end_metric: Callable[[], None] | None = None

    def __init__(self) -> None:
        """Its maker sets the attributes."""

    # --- identity

    @property
    def _context(self) -> SpanContext:  # type: ignore[override]
        context = self._made_context
        if context is None:
            context = SpanContext(self._trace_id, self._span_id, False, FLAGS[self._trace_flags], self._trace_state)
            self._made_context = context
        return context

    def get_span_context(self) -> SpanContext:
        return self._made_context or self._context

    @property
    def _parent(self) -> SpanContext | None:  # type: ignore[override]
        if self._made_parent is None and self._parent_id:
            self._made_parent = SpanContext(
                self._trace_id,
                self._parent_id,
                self._parent_is_remote,
                FLAGS[self._parent_flags],
                self._trace_state,
            )
        return self._made_parent

    @property
    def _instrumentation_info(self) -> InstrumentationInfo:  # type: ignore[override]
        scope = self._instrumentation_scope
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return InstrumentationInfo(scope.name, scope.version, scope.schema_url)

    @property
    def dropped_attributes(self) -> int:
        return self._dropped[0] if self._dropped else 0

    @property
    def dropped_events(self) -> int:
        return self._dropped[1] if self._dropped else 0

    @property
    def dropped_links(self) -> int:
        return self._dropped[2] if self._dropped else 0

    def _count_dropped(self, which: int) -> None:
        """which: 0 an attribute, 1 an event, 2 a link."""
        if not self._dropped:
            log.debug(f"span {self._name} is at a limit; what comes now is dropped")
        with _lock:
            dropped = self._dropped or [0, 0, 0]
            dropped[which] += 1
            self._dropped = dropped

    def is_recording(self) -> bool:
        return self._end_time is None

    # --- attributes

    def set_attribute(self, key: str, value: Any) -> None:
        attributes, limits, cls = self._attributes, self._limits, type(value)
        if (
            type(key) is str
            and key
            and (len(value) <= limits.short if cls is str else cls is int or cls is bool or cls is float)
            and (key in attributes or len(attributes) < limits.attributes)
            and self._end_time is None
        ):
            attributes[key] = value
        else:
            self._set_odd(key, value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        if type(attributes) is dict:
            for key, value in attributes.copy().items():
                self.set_attribute(key, value)
        else:
            for key, value in span_limits.pairs(attributes):
                self.set_attribute(key, value)

    def _set_odd(self, key: object, value: object) -> None:
        """Set an attribute that may be too long, too many, of another type, or nonsense."""
        if self._end_time is not None:
            log.debug(f"attribute set on the ended span {self._name}")
            return
        attributes = self._attributes
        if not span_limits.valid_key(key):
            self._count_dropped(0)
            return
        text = str.__str__(key)
        if text not in attributes and len(attributes) >= self._limits.attributes:
            self._count_dropped(0)
            return
        cleaned = span_limits.clean(value, self._limits.text)
        if cleaned is DROPPED:
            self._count_dropped(0)
            return
        with _lock:
            self._extra_bytes += span_limits.size_of(cleaned)
            attributes[text] = cleaned

    # --- events and links

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        if self._end_time is not None:
            log.debug(f"event added to the ended span {self._name}")
            return
        limits = self._limits
        if len(self._events) < limits.events:
            kept = span_limits.clean_attributes(attributes, limits.event_attributes, limits.nested_text)
            event = Event(span_limits.text_of(name, MAX_NAME), kept, time_of(timestamp, now_ns()))
            self._append_event(event)
        else:
            self._count_dropped(1)

    def _add_event(self, event: Any) -> None:
        """The SDK's inner door, for those who make Event objects themselves."""
        self.add_event(event.name, event.attributes, event.timestamp)

    def _append_event(self, event: Event) -> None:
        with _lock:
            if len(self._events) >= self._limits.events:
                self._count_dropped(1)
                return
            if not isinstance(self._events, list):
                self._events = []
            self._events.append(event)
            self._extra_bytes += _EVENT_BYTES + span_limits.size_of(event._attributes)

    def add_link(self, context: SpanContext, attributes: Any = None) -> None:
        if self._end_time is not None:
            log.debug(f"link added to the ended span {self._name}")
            return
        self._append_link(context, attributes)

    def _add_link(self, link: Link) -> None:
        """The SDK's inner door, for those who make Link objects themselves."""
        self.add_link(link.context, link.attributes)

    def _append_link(self, context: object, attributes: Any) -> None:
        if not isinstance(context, SpanContext):
            log.warn(f"a link must lead to a SpanContext, not to {type(context).__name__}; ignored", key="link")
            return
        if not (context.is_valid or attributes or context.trace_state):
            return
        limits = self._limits
        kept = span_limits.clean_attributes(attributes, limits.link_attributes, limits.nested_text)
        with _lock:
            if len(self._links) >= limits.links:
                self._count_dropped(2)
                return
            if not isinstance(self._links, list):
                self._links = []
            self._links.append(SpanLink(context, kept))
            self._extra_bytes += _LINK_BYTES + span_limits.size_of(kept)

    def _begin_links(self, links: Any) -> None:
        """Links given at the start: a sequence of Link, or nonsense."""
        for link in guard.call("span links", list, links) or ():
            if isinstance(link, Link):
                self._append_link(link.context, link.attributes)
            elif link is not None:
                log.warn(f"links must be Link objects, not {type(link).__name__}; ignored", key="link")

    # --- name and status

    def update_name(self, name: str) -> None:
        if self._end_time is None:
            self._name = span_limits.text_of(name, MAX_NAME)
        else:
            log.debug(f"name changed on the ended span {self._name}")

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        if self._end_time is not None:
            log.debug(f"status set on the ended span {self._name}")
            return
        if isinstance(status, StatusCode):
            code = status
        elif isinstance(status, Status):
            code, description = status.status_code, status.description
        else:
            name = type(status).__name__  # type: ignore[unreachable] # an app may pass anything
            log.warn(f"a status must be a Status or StatusCode, not {name}; ignored", key="status")
            return
        if code is StatusCode.UNSET or self._status.status_code is StatusCode.OK:
            return
        words = span_limits.text_of(description, _MAX_DESCRIPTION) if code is StatusCode.ERROR else ""
        self._status = Status(code, words or None)  # only an error has a description

    # --- exceptions

    def record_exception(
        self,
        exception: BaseException,
        attributes: Any = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        if self._end_time is not None:
            log.debug(f"exception recorded on the ended span {self._name}")
            return
        found = guard.call("an exception could not be recorded", describe_exception, exception)
        if found is None:
            return
        found["exception.escaped"] = "True" if escaped is True else "False"
        if attributes is not None:
            found.update(span_limits.pairs(attributes))
        self._recorded_exception = (id(exception), found["exception.message"])
        self.add_event("exception", found, timestamp)

    def _leave(self, exception: BaseException, record: bool, set_status: bool, escaped: bool = False) -> None:
        """What an exception that leaves the span's block does to the span."""
        # an exception that the app has recorded itself is not told twice
        text = exception_text(exception)
        if record and self._recorded_exception != (id(exception), text):
            self.record_exception(exception, escaped=escaped)
        if set_status:
            self.set_status(StatusCode.ERROR, f"{type(exception).__name__}: {text}")

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if exc_val is not None and self._end_time is None:
            self._leave(exc_val, self._record_exception, self._set_status_on_exception, escaped=True)
        self.end()

    # --- life

    def start(self, start_time: int | None = None, parent_context: object = None) -> None:  # noqa: ARG002
        """Nothing: the tracer returns started spans."""
        log.debug(f"start() on the started span {self._name}")

    def end(self, end_time: int | None = None) -> None:
        try:
            generation = self._open
            del self._open
        except AttributeError:
            log.debug(f"end() on the ended span {self._name}")
            return
        processors = self._processors
        if processors.ending:
            guard.each("_on_ending", processors.ending, self)
        now = now_ns()
        if end_time is not None:
            self._end_time = time_of(end_time, now)
        elif now >= self._start_time:
            self._end_time = now
        else:
            self._end_time = self._start_time  # the clock was set back; no duration is negative
        if generation != fork.generation:
            return
        guard.each("on_end", processors.ended, self)

    def _readable_span(self) -> ReadableSpan:
        return ReadableSpan(
            name=self._name,
            context=self._context,
            parent=self._parent,
            resource=self._resource,
            attributes=self._attributes,
            events=self._events,
            links=self._links,
            kind=self._kind,
            instrumentation_info=self._instrumentation_info,
            status=self._status,
            start_time=self._start_time,
            end_time=self._end_time,
            instrumentation_scope=self._instrumentation_scope,
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> ReadableSpan:
        """A copy for those who keep spans; what belongs to the tracer stays behind."""
        return copy.deepcopy(self._readable_span(), memo)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(name="{self._name}", context={self._context})'


def time_of(given: object, now: int) -> int:
    """A time that the app gave, in nanoseconds since the epoch, when it is one; otherwise now."""
    if given is None:
        return now
    if isinstance(given, int | float) and 0 <= given <= _LATEST_NS:  # NaN fails the comparison
        return int(given)
    log.warn("times must be nanoseconds since the epoch; now is used instead", key="time")
    return now
