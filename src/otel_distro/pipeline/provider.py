# SPDX-License-Identifier: Apache-2.0
"""The tracer provider: an SDK TracerProvider that makes our tracers and behaves at fork and exit."""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.sdk.trace.sampling import DEFAULT_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationInfo, InstrumentationScope

from otel_distro.pipeline.id_generator import RandomIdGenerator
from otel_distro.pipeline.span_limits import Limits
from otel_distro.pipeline.span_processors import SpanProcessors
from otel_distro.pipeline.tracer import Tracer
from otel_distro.runtime import exit as process_exit
from otel_distro.runtime import fork, guard, log
from otel_distro.runtime.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import Sampler


class TracerProvider(sdk.TracerProvider):
    """Makes tracers; flushes at exit within OTEL_DISTRO_EXIT_TIMEOUT; begins anew in a forked child."""

    def __init__(
        self,
        sampler: Sampler | None = None,
        resource: Resource | None = None,
        shutdown_on_exit: bool = True,
        active_span_processor: Any = None,
        id_generator: IdGenerator | None = None,
        span_limits: SpanLimits | None = None,
        *,
        meter_provider: MeterProvider | None = None,
        renew_resource: Callable[[Resource], Resource] | None = None,
    ) -> None:
        """The SDK's parameters, and two that differ.

        meter_provider: where `otel.sdk.*` metrics of the tracers go; None (the default) makes none.
        renew_resource: called in a forked child with the parent's resource, returns the child's.
        """
        self._processors = SpanProcessors()
        if active_span_processor is not None:
            self._processors.add_span_processor(active_span_processor)
        self._active_span_processor = active_span_processor or self._processors
        self.id_generator = id_generator or RandomIdGenerator()  # type: ignore[assignment] # the SDK infers too narrow a type
        self._resource = Resource.create({}) if resource is None else resource
        self.sampler = sampler or DEFAULT_ON
        self._span_limits = span_limits or SpanLimits()
        self._limits = Limits(self._span_limits)
        self._meter_provider = meter_provider
        if meter_provider is not None:
            from otel_distro.pipeline.sdk_metrics import LiveSpans

            self._processors.add_span_processor(LiveSpans())
        self._renew_resource = renew_resource
        self._tracer_configurator = sdk._default_tracer_configurator
        self._tracers_lock = threading.RLock()  # type: ignore[assignment] # for signal handlers
        self._tracers: dict[InstrumentationScope, Any] = {}
        self._known: dict[tuple[object, ...], Tracer] = {}
        self._disabled = False
        self._atexit_handler = None
        self._shut_down = False
        fork.in_child(self._begin_child)
        if shutdown_on_exit:
            process_exit.register(self._shutdown_at_exit)

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Tracer:
        """The tracer of an instrumentation scope, the same one for the same scope. Never raises."""
        key = (instrumenting_module_name, instrumenting_library_version, schema_url)
        if attributes is None:
            try:
                return self._known[key]
            except (KeyError, TypeError):
                pass  # not known yet, or the name is nonsense that cannot be hashed
        name, version, url = (part if isinstance(part, str) else "" for part in key)
        if not name:
            log.warn("get_tracer() was called without a name", key="get_tracer")
        scope = guard.call("an instrumentation scope", InstrumentationScope, name, version, url, attributes)
        tracer = self._tracer(scope or InstrumentationScope(name, version, url))
        if attributes is None and all(part is None or isinstance(part, str) for part in key):
            self._known[key] = tracer
        return tracer

    def _tracer(self, scope: InstrumentationScope) -> Tracer:
        with self._tracers_lock:
            tracer: Tracer | None = self._tracers.get(scope)
            if tracer is None:
                config = self._apply_tracer_configurator(scope)
                tracer = Tracer(self, self._processors, self._limits, scope, _info_of(scope), config)
                self._tracers[scope] = tracer
                if self._shut_down:
                    tracer.stop()
            return tracer

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Add a processor; it is called after those that are there already."""
        self._active_span_processor.add_span_processor(span_processor)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Export what has ended. True when all of it was exported within timeout_millis. Never raises."""
        return bool(guard.call("force_flush", self._processors.force_flush, timeout_millis))

    def shutdown(self, timeout_millis: float | None = None) -> bool:  # type: ignore[override]
        """Export what has ended and stop; afterwards tracers record nothing. A second call does nothing.

        timeout_millis: None is OTEL_DISTRO_EXIT_TIMEOUT. True when everything was exported. Never raises.
        """
        process_exit.unregister(self._shutdown_at_exit)
        if self._shut_down:
            return True
        return self._stop(Deadline(process_exit.timeout_s() if timeout_millis is None else timeout_millis / 1000))

    def _shutdown_at_exit(self, deadline: Deadline) -> None:
        self._stop(deadline)

    def _stop(self, deadline: Deadline) -> bool:
        self._shut_down = True
        with self._tracers_lock:
            for tracer in self._tracers.values():
                tracer.stop()
        return bool(guard.call("shutdown", self._processors.shutdown_by, deadline))

    def _begin_child(self) -> None:
        self._tracers_lock = threading.RLock()  # type: ignore[assignment]
        if isinstance(self.id_generator, RandomIdGenerator):
            self.id_generator.reseed()
        if self._renew_resource is not None:
            renewed = guard.call("a forked child's resource", self._renew_resource, self._resource)
            if renewed is not None:
                self._resource = renewed
                for tracer in self._tracers.values():
                    tracer._set_resource(renewed)


def _info_of(scope: InstrumentationScope) -> InstrumentationInfo:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return InstrumentationInfo(scope.name, scope.version, scope.schema_url)
