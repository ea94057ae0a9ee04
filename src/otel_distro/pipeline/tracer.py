# SPDX-License-Identifier: Apache-2.0
"""The tracer: makes spans. Most of what a span costs is decided in start_span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    StaticSampler,
    TraceIdRatioBased,
)
from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan, SpanContext, SpanKind
from opentelemetry.trace import Span as ApiSpan

from otel_distro.pipeline.current_span import SPAN_KEY, CurrentSpan, get_current
from otel_distro.pipeline.id_generator import RandomIdGenerator
from otel_distro.pipeline.span import UNSET, Span, time_of
from otel_distro.pipeline.span_limits import MAX_NAME, known_keys, learn_keys, text_of
from otel_distro.pipeline.unsampled_span import UnsampledSpan
from otel_distro.runtime import counters, fork, guard, log
from otel_distro.runtime.clock import now_ns

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult
    from opentelemetry.sdk.util.instrumentation import InstrumentationInfo, InstrumentationScope
    from opentelemetry.trace import TraceState

    from otel_distro.pipeline.provider import TracerProvider
    from otel_distro.pipeline.span_limits import Limits
    from otel_distro.pipeline.span_processors import SpanProcessors

_SAMPLED = 1
_RANDOM = 2
_REMOTE = 2  # index bit of _child_bounds
_LOW_64 = (1 << 64) - 1
_ALWAYS = 1 << 64
_NEVER = 0
_new = object.__new__
_page = fork.page
_knows_all = known_keys.issuperset
_count_started = counters.started.add


class Tracer(sdk.Tracer):
    """Makes the spans of one instrumentation scope.

    The SDK's own samplers are decided inline: each amounts to a bound that the low 64 bits of the trace id
    must be below. _root_bound is for spans without a parent, _child_bounds is indexed by the parent's sampled
    flag and _REMOTE; None means that the sampler must be asked.
    """

    def __init__(
        self,
        provider: TracerProvider,
        processors: SpanProcessors,
        limits: Limits,
        scope: InstrumentationScope,
        info: InstrumentationInfo,
        config: Any,
    ) -> None:
        self.resource = provider.resource
        self.span_processor = provider._active_span_processor
        self.id_generator = provider.id_generator
        self.instrumentation_info = info
        self._span_limits = provider._span_limits
        self._instrumentation_scope = scope
        self._tracer_config = config
        self._limits = limits
        self._processors = processors
        self._stopped = False
        self._records = bool(config.is_enabled)
        self._bits = provider.id_generator.bits if type(provider.id_generator) is RandomIdGenerator else None
        self._metrics: Any = None
        if provider._meter_provider is not None:
            from opentelemetry.sdk.trace._tracer_metrics import create_tracer_metrics

            self._metrics = create_tracer_metrics(provider._meter_provider, True)
        self.sampler = provider.sampler

    @property
    def sampler(self) -> Sampler:
        """Decides about new spans; may be replaced at any time."""
        return self._sampler

    @sampler.setter
    def sampler(self, sampler: Sampler) -> None:
        self._sampler = sampler
        root, children = (None, None) if self._metrics is not None else _bounds(sampler)
        self._root_bound: int | None = root
        self._child_bounds: tuple[int | None, ...] = children or (None,) * 4

    def stop(self) -> None:
        """Record nothing any more."""
        self._stopped = True
        self._records = False

    def _set_tracer_config(self, tracer_config: Any) -> None:
        self._tracer_config = tracer_config
        self._records = bool(tracer_config.is_enabled) and not self._stopped

    def _set_resource(self, resource: Resource) -> None:
        self.resource = resource

    def start_as_current_span(  # type: ignore[override]
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Any = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> CurrentSpan:
        """A context manager and decorator: the span is started and made current on entry."""
        manager = _new(CurrentSpan)
        manager._tracer = self
        manager._name = name
        manager._context = context
        manager._kind = kind
        manager._attributes = attributes
        manager._links = links
        manager._start_time = start_time
        manager._record = record_exception
        manager._set_status = set_status_on_exception
        manager._end_on_exit = end_on_exit
        return manager

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Any = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> ApiSpan:
        """A started span, child of the current one or of the one in context. Never raises."""
        parent: Any
        if context is None:
            parent = get_current().get(SPAN_KEY)
        elif isinstance(context, dict):
            parent = context.get(SPAN_KEY)
        else:
            _complain(context)  # type: ignore[unreachable] # an app may pass anything
            context, parent = None, get_current().get(SPAN_KEY)

        # whose child
        trace_state: TraceState | None = None
        foreign: SpanContext | None = None
        remote = False
        cls = type(parent)
        if cls is Span or cls is UnsampledSpan:
            trace_id, parent_id = parent._trace_id, parent._span_id
            parent_flags, trace_state = parent._trace_flags, parent._trace_state
        else:
            if not _page[0]:
                fork.notice()
            foreign = None if parent is None else _context_of(parent)
            if foreign is None:
                trace_id = parent_id = parent_flags = 0
            else:
                trace_id, parent_id, remote, parent_flags, trace_state, _ = foreign
        if not self._records:
            return NonRecordingSpan(_context_of(parent) or INVALID_SPAN_CONTEXT)

        # which ids, and who decides
        bits = self._bits
        if not trace_id:
            if bits is not None:
                trace_id, span_id, flags = bits(128) or 1, bits(64) or 1, _RANDOM
            else:
                trace_id, span_id, flags = self._foreign_ids()
            bound = self._root_bound
        else:
            span_id = (bits(64) or 1) if bits is not None else self._foreign_span_id()
            flags = parent_flags & _RANDOM
            bound = self._child_bounds[(parent_flags & _SAMPLED) + _REMOTE if remote else parent_flags & _SAMPLED]
        result: SamplingResult | None = None
        if bound is None:
            result = self._ask_sampler(context, trace_id, name, kind, attributes, links)
            sampled, recording, trace_state = _decision(result, trace_state)
        else:
            sampled = recording = bound is _ALWAYS or (trace_id & _LOW_64) < bound
        if sampled:
            flags |= _SAMPLED
        if not recording:
            unsampled = _new(UnsampledSpan)
            unsampled._trace_id = trace_id
            unsampled._span_id = span_id
            unsampled._trace_flags = flags
            unsampled._trace_state = trace_state or None
            unsampled._made_context = None
            if self._metrics is not None:
                self._metrics.start_span(foreign or _context_of(parent), Decision.DROP)
            return unsampled

        span = _new(Span)
        span._name = name if type(name) is str and len(name) <= MAX_NAME else text_of(name, MAX_NAME)
        span._kind = kind if type(kind) is SpanKind else SpanKind.INTERNAL
        span._trace_id = trace_id
        span._span_id = span_id
        span._trace_flags = flags
        span._trace_state = trace_state or None
        span._resource = self.resource
        span._instrumentation_scope = self._instrumentation_scope
        span._limits = limits = self._limits
        span._processors = processors = self._processors
        span._open = fork.generation
        span._parent_id = parent_id
        span._parent_is_remote = remote
        span._made_context = span._end_time = span._dropped = None
        span._status = UNSET
        span._events = span._links = ()
        span._extra_bytes = 0
        if parent_id:
            span._parent_flags = parent_flags
            if foreign is not None:
                span._made_parent = foreign
        if result is not None:
            attributes = result.attributes
            if parent_id and foreign is None:
                span._made_parent = _context_of(parent)  # its trace state may be another
            if self._metrics is not None:
                span._on_end_metric = self._metrics.start_span(span._parent, result.decision)
        if not (record_exception and set_status_on_exception):
            span._record_exception, span._set_status_on_exception = record_exception, set_status_on_exception
        if not attributes:
            span._attributes = {}
        elif type(attributes) is dict and len(attributes) <= limits.attributes:
            copy, short = attributes.copy(), limits.short
            for value in copy.values():
                cls = type(value)
                if cls is str:
                    if len(value) > short:
                        break
                elif cls is not int and cls is not bool and cls is not float:
                    break
            else:
                if _knows_all(copy) or learn_keys(copy):
                    span._attributes = copy
                    attributes = None
            if attributes is not None:
                span._attributes = {}
                span.set_attributes(attributes)
        else:
            span._attributes = {}
            span.set_attributes(attributes)
        if links:
            span._begin_links(links)
        if sampled:
            _count_started()
        span._start_time = now_ns() if start_time is None else time_of(start_time, now_ns())
        if processors.starting:
            processors.on_start(span, context)
        return span

    def _ask_sampler(
        self, context: Context | None, trace_id: int, name: str, kind: SpanKind, attributes: Any, links: Any
    ) -> SamplingResult | None:
        return guard.call(
            f"sampler {type(self._sampler).__name__}",
            self._sampler.should_sample,
            context,
            trace_id,
            name,
            kind,
            attributes,
            links or (),
        )

    def _foreign_ids(self) -> tuple[int, int, int]:
        """Trace id, span id and flags from an id generator that is not ours."""
        generator = self.id_generator
        trace_id = guard.call("an id generator", generator.generate_trace_id)
        if not isinstance(trace_id, int) or not 0 < trace_id < 1 << 128:
            trace_id = _FALLBACK.generate_trace_id()
        random = guard.call("an id generator", generator.is_trace_id_random)
        return trace_id, self._foreign_span_id(), _RANDOM if random else 0

    def _foreign_span_id(self) -> int:
        span_id = guard.call("an id generator", self.id_generator.generate_span_id)
        if isinstance(span_id, int) and 0 < span_id < 1 << 64:
            return span_id
        return _FALLBACK.generate_span_id()


def _bounds(sampler: Sampler) -> tuple[int | None, tuple[int | None, ...] | None]:
    """The root bound and the child bounds of a sampler; (None, None) for one that must be asked."""
    if isinstance(sampler, ParentBased) and type(sampler).should_sample is ParentBased.should_sample:
        return _bound(sampler._root), (
            _bound(sampler._local_parent_not_sampled),
            _bound(sampler._local_parent_sampled),
            _bound(sampler._remote_parent_not_sampled),
            _bound(sampler._remote_parent_sampled),
        )
    bound = _bound(sampler)
    return bound, (bound,) * 4


def _bound(sampler: Sampler) -> int | None:
    """Below which low 64 bits of a trace id the sampler says yes; None when there is more to it."""
    should_sample = type(sampler).should_sample
    if isinstance(sampler, StaticSampler) and should_sample is StaticSampler.should_sample:
        return {Decision.RECORD_AND_SAMPLE: _ALWAYS, Decision.DROP: _NEVER}.get(sampler._decision)
    if isinstance(sampler, TraceIdRatioBased) and should_sample is TraceIdRatioBased.should_sample:
        return sampler.bound
    return None


def _decision(result: SamplingResult | None, parents: TraceState | None) -> tuple[bool, bool, TraceState | None]:
    """Sampled, recording and trace state; a sampler that failed or talks nonsense has said no."""
    decision = getattr(result, "decision", None)
    if result is None or not isinstance(decision, Decision):
        return False, False, parents
    trace_state = getattr(result, "trace_state", None)
    return decision is Decision.RECORD_AND_SAMPLE, decision is not Decision.DROP, trace_state


def _complain(context: object) -> None:
    log.warn(f"context must be a Context, not {type(context).__name__}; ignored", key="context")


def _context_of(span: object) -> SpanContext | None:
    """The valid context of somebody's span, if there is one."""
    if not isinstance(span, ApiSpan):
        return None
    context = guard.call("a span's context", span.get_span_context)
    return context if isinstance(context, SpanContext) and context.is_valid else None


_FALLBACK = RandomIdGenerator()
