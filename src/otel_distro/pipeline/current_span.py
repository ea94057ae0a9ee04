# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's current context, reached without its four function calls, and `start_as_current_span`.

The context is the same one that `opentelemetry.context` shows; when another implementation than its own
contextvars is configured (OTEL_PYTHON_CONTEXT), the public functions are used.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext
from opentelemetry.trace.propagation import _SPAN_KEY

from otel_distro.runtime import log

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from opentelemetry.trace import Span, SpanKind, Tracer

F = TypeVar("F", bound="Callable[..., Any]")

SPAN_KEY = _SPAN_KEY

get_current: Callable[[], Context]
attach: Callable[[Context], Any]
reset: Callable[[Any], None]

_runtime_context = context_api._RUNTIME_CONTEXT
if type(_runtime_context) is ContextVarsRuntimeContext:
    get_current = _runtime_context._current_context.get
    attach = _runtime_context._current_context.set
    reset = _runtime_context._current_context.reset
else:
    get_current = context_api.get_current
    attach = context_api.attach
    reset = context_api.detach

_set_item = dict.__setitem__


class CurrentSpan:
    """What start_as_current_span returns: a context manager and decorator, for plain and async functions.

    The span starts on entry, and each call of a decorated function gets its own. `_record` to `_tracer` are the
    arguments of start_as_current_span, which sets them.
    """

    __slots__ = (
        "_attributes",
        "_context",
        "_end_on_exit",
        "_kind",
        "_links",
        "_name",
        "_record",
        "_set_status",
        "_span",
        "_start_time",
        "_token",
        "_tracer",
    )

    _attributes: Any
    _context: Context | None
    _end_on_exit: bool
    _kind: SpanKind
    _links: Any
    _name: str
    _record: bool
    _set_status: bool
    _span: Span
    _start_time: int | None
    _token: Any
    _tracer: Tracer

    def __enter__(self) -> Span:
        self._span = span = self._tracer.start_span(
            self._name,
            self._context,
            self._kind,
            self._attributes,
            self._links,
            self._start_time,
            self._record,
            self._set_status,
        )
        current = get_current()
        if len(current) == (SPAN_KEY in current):  # nothing but a span: the common case
            context = Context({SPAN_KEY: span})
        else:
            context = Context(current)
            _set_item(context, SPAN_KEY, span)
        self._token = attach(context)
        return span

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            reset(self._token)
        except (ValueError, RuntimeError) as error:
            log.debug(f"a span was left in another context than it was entered in: {error}")
        span = self._span
        # what is no Exception is no error: GeneratorExit, SystemExit, a cancelled task
        if exc is not None and isinstance(exc, Exception) and span.is_recording():
            span._leave(exc, self._record, self._set_status)  # type: ignore[attr-defined]
        if self._end_on_exit:
            span.end()

    def __call__(self, function: F) -> F:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def traced_coroutine(*args: Any, **kwargs: Any) -> Any:
                with self._again():
                    return await function(*args, **kwargs)

            return traced_coroutine  # type: ignore[return-value]

        @functools.wraps(function)
        def traced(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return traced  # type: ignore[return-value]

    def _again(self) -> CurrentSpan:
        return self._tracer.start_as_current_span(  # type: ignore[return-value]
            self._name,
            self._context,
            self._kind,
            self._attributes,
            self._links,
            self._start_time,
            self._record,
            self._set_status,
            self._end_on_exit,
        )
