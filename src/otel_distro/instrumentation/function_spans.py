# SPDX-License-Identifier: Apache-2.0
"""A function in a span of its own: plain, async, generator and async generator, with their signature."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from opentelemetry.trace.status import Status, StatusCode

from otel_distro.instrumentation import code_place, exceptions
from otel_distro.instrumentation.current import SPAN_KEY, attach, detach, get_current, with_span
from otel_distro.instrumentation.http_server import IN_REQUEST_KEY
from otel_distro.runtime import guard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer
    from typing_extensions import Self

    from otel_distro.instrumentation.redaction import Redactor

_ERROR = Status(StatusCode.ERROR)
_MAX_VALUE = 256
_PLAIN = (str, bool, int, float)

TRACED_MARK = "__otel_distro_traced__"


class FunctionSpans:
    """Wraps functions. Immutable; used from any thread."""

    def __init__(self, tracer: Tracer, redactor: Redactor, min_duration_s: float = 0.0) -> None:
        """min_duration_s: calls that take less leave no span, unless they fail or call something traced."""
        self.tracer = tracer
        self.redactor = redactor
        self.min_ns = int(min_duration_s * 1e9)

    def wrap(self, function: Any, arguments: tuple[str, ...] = ()) -> Any:
        """The same function in a span, or None when this cannot be wrapped: it is not written in Python.

        arguments: names of parameters whose values become attributes.
        """
        if not inspect.isfunction(function) or hasattr(function, TRACED_MARK):
            return None
        call = _Calls(self, function, arguments)
        if inspect.isasyncgenfunction(function):
            wrapper = _async_generator(call, function)
        elif inspect.isgeneratorfunction(function):
            wrapper = _generator(call, function)
        elif inspect.iscoroutinefunction(function):
            wrapper = _coroutine(call, function)
        else:
            wrapper = _plain(call, function)
        wrapped = functools.wraps(function)(wrapper)
        setattr(wrapped, TRACED_MARK, True)
        return wrapped


def _plain(call: _Calls, function: Callable[..., Any]) -> Callable[..., Any]:
    def traced(*args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # noqa: F841 - debug pages leave such frames out
        with call.span(args, kwargs):
            return function(*args, **kwargs)

    return traced


def _coroutine(call: _Calls, function: Callable[..., Any]) -> Callable[..., Any]:
    async def traced(*args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # noqa: F841 - debug pages leave such frames out
        with call.span(args, kwargs):
            return await function(*args, **kwargs)

    return traced


def _generator(call: _Calls, function: Callable[..., Any]) -> Callable[..., Any]:
    """The span lasts from the first step to the end; it is current only while the generator itself runs."""

    def traced(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        step: Callable[[], Any] = functools.partial(next, generator)
        with call.span(args, kwargs) as span:
            span.leave()
            while True:
                try:
                    with span.entered():
                        item = step()
                except StopIteration as done:
                    return done.value
                try:
                    sent = yield item
                except GeneratorExit:
                    with span.entered():
                        generator.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - thrown in by the caller, and thrown on
                    step = functools.partial(generator.throw, error)
                else:
                    step = functools.partial(generator.send, sent)

    return traced


def _async_generator(call: _Calls, function: Callable[..., Any]) -> Callable[..., Any]:
    """As for a generator. The context is left before each yield, so it cannot end up in another task."""

    async def traced(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        generator = function(*args, **kwargs)
        step: Callable[[], Any] = generator.__anext__
        with call.span(args, kwargs) as span:
            span.leave()
            while True:
                try:
                    with span.entered():
                        item = await step()
                except StopAsyncIteration:
                    return
                try:
                    sent = yield item
                except GeneratorExit:
                    with span.entered():
                        await generator.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - thrown in by the caller, and thrown on
                    step = functools.partial(generator.athrow, error)
                else:
                    step = functools.partial(generator.asend, sent)

    return traced


class _Calls:
    """All calls of one function."""

    def __init__(self, spans: FunctionSpans, function: Any, arguments: tuple[str, ...]) -> None:
        self.spans = spans
        self.attributes = code_place.of_function(function)
        self.name = str(self.attributes["code.function.name"])
        self._readers = [_Reader(function, name) for name in arguments]

    def span(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Call:
        """A context manager around one call."""
        return _Call(self, args, kwargs)

    def attributes_of(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Where the code is, and the chosen arguments."""
        if not self._readers:
            return self.attributes
        attributes = dict(self.attributes)
        for reader in self._readers:
            found, value = reader.read(args, kwargs)
            if found:
                if self.spans.redactor.is_secret(reader.name):
                    value = "REDACTED"
                attributes[f"function.argument.{reader.name}"] = _shown(value)
        return attributes


class _Call:
    """One call. Without a recorded span around it there is none, unless there is no span at all."""

    __slots__ = ("_args", "_calls", "_context", "_kwargs", "_span", "_token")

    def __init__(self, calls: _Calls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._calls = calls
        self._args = args
        self._kwargs = kwargs
        self._span: Span | None = None
        self._token: Any = None
        self._context: Context | None = None

    def __enter__(self) -> Self:
        context = get_current()
        parent: Any = context.get(SPAN_KEY)
        if parent is not None and not parent.is_recording():
            return self
        calls = self._calls
        attributes = guard.call(f"arguments of {calls.name}", calls.attributes_of, self._args, self._kwargs)
        span = calls.spans.tracer.start_span(calls.name, context, attributes=attributes)
        self._span = span
        self._context = with_span(context, span)
        self._token = attach(self._context)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()
        span = self._span
        if span is None:
            return
        if error is not None and isinstance(error, Exception):
            guard.call("an exception could not be recorded", self._fail, span, error)
        span.end()

    def _fail(self, span: Span, error: BaseException) -> None:
        span.set_status(_ERROR)
        span.set_attribute("error.type", exceptions.type_name(error))
        request: Any = None if self._context is None else self._context.get(IN_REQUEST_KEY)
        if request is None or not request.has_recorded(error):
            exceptions.record(span, error)

    def leave(self) -> None:
        """Take the context back; the span goes on."""
        token, self._token = self._token, None
        if token is not None:
            detach(token)

    def entered(self) -> _Entered:
        """A context manager that makes the span current again for a while."""
        return _Entered(self._context)


class _Entered:
    __slots__ = ("_context", "_token")

    def __init__(self, context: Context | None) -> None:
        self._context = context
        self._token: Any = None

    def __enter__(self) -> None:
        if self._context is not None:
            self._token = attach(self._context)

    def __exit__(self, *exc_info: object) -> None:
        if self._token is not None:
            detach(self._token)


class _Reader:
    """Finds the value of one parameter in a call without binding all of them."""

    def __init__(self, function: Any, name: str) -> None:
        self.name = name
        parameters = list(inspect.signature(function).parameters.values())
        names = [parameter.name for parameter in parameters]
        self._position = names.index(name) if name in names else -1
        parameter = parameters[self._position] if self._position >= 0 else None
        self._default = inspect.Parameter.empty if parameter is None else parameter.default
        if parameter is not None and parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            self._position = -1

    def read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bool, Any]:
        """Whether there is a value, and the value."""
        if self.name in kwargs:
            return True, kwargs[self.name]
        if 0 <= self._position < len(args):
            return True, args[self._position]
        return self._default is not inspect.Parameter.empty, self._default


def _shown(value: Any) -> Any:
    """A value as an attribute: text of at most 256 characters, unless it is a number."""
    if type(value) in _PLAIN:
        return value[:_MAX_VALUE] if type(value) is str else value
    return repr(value)[:_MAX_VALUE]
