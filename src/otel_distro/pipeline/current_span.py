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
from opentelemetry.trace.propagation import _SPAN_KEY as SPAN_KEY

from otel_distro.runtime import log

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from opentelemetry.trace import Span, Tracer

F = TypeVar("F", bound="Callable[..., Any]")

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
_new = object.__new__


def attach_span(span: Span) -> Any:
    """Make span the current one; the result goes to detach()."""
    context = Context(get_current())
    _set_item(context, SPAN_KEY, span)
    return attach(context)


def detach(token: Any) -> None:
    """Undo attach_span(). Never raises, even in another context, as when an async generator is finalised."""
    try:
        reset(token)
    except (ValueError, RuntimeError) as error:
        log.debug(f"a span was left in another context than it was entered in: {error}")


class CurrentSpan:
    """What `start_as_current_span` returns: a context manager, and a decorator for plain and async functions.

    The span starts on entry, and each call of a decorated function gets its own.
    """

    __slots__ = ("_arguments", "_end_on_exit", "_record", "_set_status", "_span", "_token", "_tracer")

    _arguments: tuple[Any, ...]
    _end_on_exit: bool
    _record: bool
    _set_status: bool
    _span: Span
    _token: Any
    _tracer: Tracer

    def __enter__(self) -> Span:
        self._span = span = self._tracer.start_span(*self._arguments)
        context = Context(get_current())
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
        return current_span(
            self._tracer, self._arguments, self._record, self._set_status, self._end_on_exit
        )


def current_span(
    tracer: Tracer, arguments: tuple[Any, ...], record: bool, set_status: bool, end_on_exit: bool
) -> CurrentSpan:
    """Prepare a span of tracer; arguments are those of its start_span, in order."""
    manager: CurrentSpan = _new(CurrentSpan)
    manager._tracer = tracer
    manager._arguments = arguments
    manager._record = record
    manager._set_status = set_status
    manager._end_on_exit = end_on_exit
    return manager
