# SPDX-License-Identifier: Apache-2.0
"""Spans below a Django request: middleware, view, template, cache and signals. Queries have a module of their own."""

from __future__ import annotations

from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction
from opentelemetry.trace import SpanKind

from otel_distro.instrumentation import code_place
from otel_distro.instrumentation.child_spans import recording
from otel_distro.instrumentation.current import get_current
from otel_distro.instrumentation.django import commands
from otel_distro.instrumentation.exceptions import hide_frames_at_exit, type_name
from otel_distro.runtime.clock import now_ns

if TYPE_CHECKING:
    from otel_distro.instrumentation.child_spans import ChildSpans
    from otel_distro.instrumentation.patching import Patches

_FORM_TEMPLATES = "django/forms/"  # a form renders a dozen of these; they belong to the template around them
_CACHE_METHODS = (
    *("get", "get_many", "get_or_set", "has_key"),
    *("set", "set_many", "add", "touch", "incr", "delete", "delete_many", "clear"),
)
_ANSWERING = frozenset(("get", "has_key"))
_LOCAL_CACHES = ("django.core.cache.backends.locmem", "django.core.cache.backends.dummy")

_in_cache_call: ContextVar[bool] = ContextVar("otel_distro_in_cache_call", default=False)


def middleware(spans: ChildSpans) -> Any:
    """A wrapper maker for convert_exception_to_response in django.core.handlers.base.

    load_middleware calls it with each middleware and, first, with the handler's own innermost function.
    """

    def make(original: Any) -> Any:
        def wrapper(get_response: Any) -> Any:
            if getattr(get_response, "__name__", "") in ("_get_response", "_get_response_async"):
                return original(get_response)
            attributes = place_of(get_response)
            return original(_traced(spans, get_response, str(attributes["code.function.name"]), attributes))

        return wrapper

    return make


def view(spans: ChildSpans) -> Any:
    """A wrapper maker for BaseHandler.make_view_atomic, which gets each view before it is called."""

    def make(original: Any) -> Any:
        def wrapper(handler: Any, view: Any) -> Any:
            made = original(handler, view)
            if not recording(get_current()):
                return made
            attributes = place_of(view)
            return _traced(spans, made, str(attributes["code.function.name"]), attributes)

        return wrapper

    return make


def template(spans: ChildSpans) -> Any:
    """A wrapper maker for render() of Django's template backends; includes belong to the page around them."""

    def make(original: Any) -> Any:
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            name = getattr(getattr(self, "template", None), "name", None)
            if name is None or str(name).startswith(_FORM_TEMPLATES):
                return original(self, *args, **kwargs)
            engine = type(self).__module__.rpartition(".")[2]
            with spans.span(f"render {name}", {"template.name": str(name), "template.engine": engine}):
                return original(self, *args, **kwargs)

        return wrapper

    return make


def create_cache(spans: ChildSpans, patches: Patches) -> Any:
    """A wrapper maker for CacheHandler.create_connection: the class of each cache that is made gets traced."""
    done: set[type] = set()

    def make(original: Any) -> Any:
        def wrapper(self: Any, alias: str) -> Any:
            cache = original(self, alias)
            kind = type(cache)
            if kind not in done:
                done.add(kind)
                for name in _CACHE_METHODS:
                    if hasattr(kind, name):
                        patches.wrap(kind, name, _cache_method(spans, name, kind))
            return cache

        return wrapper

    return make


def _cache_method(spans: ChildSpans, operation: str, backend: type) -> Any:
    return (_local_cache_method if backend.__module__ in _LOCAL_CACHES else _remote_cache_method)(spans, operation)


def _local_cache_method(spans: ChildSpans, operation: str) -> Any:
    """Nothing that is traced can be below a call to a dict, so the span is made when the call is over."""
    span_name = f"cache {operation}"
    answers = operation in _ANSWERING

    def make(original: Any) -> Any:
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            context = get_current()
            if _in_cache_call.get() or not recording(context):
                return original(self, *args, **kwargs)
            token = _in_cache_call.set(True)
            attributes: dict[str, Any] = {"cache.operation": operation, "cache.backend": type(self).__qualname__}
            failed: BaseException | None = None
            start_ns = now_ns()
            try:
                result = original(self, *args, **kwargs)
                if answers:
                    attributes["cache.hit"] = result is not None and result is not False
                return result
            except BaseException as error:
                failed = error
                attributes["error.type"] = type_name(error)
                raise
            finally:
                _in_cache_call.reset(token)
                spans.leaf(context, span_name, SpanKind.INTERNAL, attributes, start_ns, failed)

        return wrapper

    return make


def _remote_cache_method(spans: ChildSpans, operation: str) -> Any:
    span_name = f"cache {operation}"
    answers = operation in _ANSWERING

    def make(original: Any) -> Any:
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            if _in_cache_call.get() or not recording(get_current()):
                return original(self, *args, **kwargs)
            token = _in_cache_call.set(True)
            try:
                attributes = {"cache.operation": operation, "cache.backend": type(self).__qualname__}
                with spans.span(span_name, attributes) as span:
                    result = original(self, *args, **kwargs)
                    if answers and span is not None:
                        span.set_attribute("cache.hit", result is not None and result is not False)
                    return result
            finally:
                _in_cache_call.reset(token)

        return wrapper

    return make


def signal(spans: ChildSpans) -> Any:
    """A wrapper maker for Signal.send, send_robust, asend and asend_robust."""

    def make(original: Any) -> Any:
        if iscoroutinefunction(original):

            async def async_wrapper(self: Any, sender: Any, **named: Any) -> Any:
                if not self.receivers or not recording(get_current()):
                    return await original(self, sender, **named)
                with spans.span(*_signal(self, sender)):
                    return await original(self, sender, **named)

            return async_wrapper

        def wrapper(self: Any, sender: Any, **named: Any) -> Any:
            if not self.receivers or not recording(get_current()):
                return original(self, sender, **named)
            with spans.span(*_signal(self, sender)):
                return original(self, sender, **named)

        return wrapper

    return make


def _signal(signal: Any, sender: Any) -> tuple[str, dict[str, Any]]:
    name = _signal_names().get(id(signal), "signal")
    attributes: dict[str, Any] = {"django.signal.name": name}
    if isinstance(sender, type):
        attributes["django.signal.sender"] = f"{sender.__module__}.{sender.__qualname__}"
    return f"signal {name}" if name != "signal" else name, attributes


@lru_cache(1)
def _signal_names() -> dict[int, str]:
    """Django's own signals, which live as long as the process; signals of the app have no name."""
    from django.core import signals as core
    from django.db.models import signals as models
    from django.dispatch import Signal

    return {
        id(value): name
        for module in (core, models)
        for name, value in vars(module).items()
        if isinstance(value, Signal)
    }


def command(spans: ChildSpans) -> Any:
    """A wrapper maker for BaseCommand.execute: a root span, or a child when code calls the command."""
    return lambda original: _Execute(spans, original)


class _Execute:
    """Stands for BaseCommand.execute; a command that is not traced does not even have a frame of ours."""

    def __init__(self, spans: ChildSpans, original: Any) -> None:
        self._spans = spans
        self._original = original

    def __get__(self, command: Any, owner: Any) -> Any:
        if command is None:
            return self._original
        execute = self._original.__get__(command, owner)
        name = commands.name_of(command)
        if not commands.is_traced(name):
            return execute

        def traced(*args: Any, **kwargs: Any) -> Any:
            attributes = {"django.command.name": name, **place_of(type(command))}
            try:
                with self._spans.root(f"manage.py {name}", attributes):
                    return execute(*args, **kwargs)
            except BaseException:
                hide_frames_at_exit()
                raise

        return traced


def _traced(spans: ChildSpans, function: Any, name: str, attributes: dict[str, Any]) -> Any:
    """function in a span. Debug pages leave frames with __traceback_hide__ out."""
    if iscoroutinefunction(function):  # asgiref's, which knows what Django has marked

        async def traced_coroutine(*args: Any, **kwargs: Any) -> Any:
            __traceback_hide__ = True  # noqa: F841
            with spans.span(name, attributes):
                return await function(*args, **kwargs)

        return traced_coroutine

    def traced(*args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # noqa: F841
        with spans.span(name, attributes):
            return function(*args, **kwargs)

    return traced


def place_of(function: Any) -> dict[str, Any]:
    """code.* attributes of a view, middleware or receiver; not to be changed."""
    try:
        return _cached_place(function)
    except TypeError:  # not hashable
        return _place(function)


def _place(function: Any) -> dict[str, Any]:
    found = getattr(function, "view_class", None) or getattr(function, "cls", None) or function
    return code_place.of_function(found)


_cached_place = lru_cache(1024)(_place)
