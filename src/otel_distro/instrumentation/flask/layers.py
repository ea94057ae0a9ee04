# SPDX-License-Identifier: Apache-2.0
"""Spans below a Flask request: view, before and after hooks, error handlers, templates; and click commands."""

from __future__ import annotations

from contextvars import ContextVar
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation import code_place
from otel_distro.instrumentation.child_spans import recording
from otel_distro.instrumentation.current import get_current

if TYPE_CHECKING:
    from otel_distro.instrumentation.child_spans import ChildSpans

# run until they are stopped, wait for a person, or only look at the code
UNTRACED_COMMANDS = (
    *("run*", "shell*", "routes", "*server*", "*worker*", "*daemon*", "*listen*", "*consum*", "*schedul*"),
    *("*watch*", "*beat*", "*celery*", "*queue*", "*poll*"),
)

# what ensure_sync is being asked for; it is the one place that every hook and error handler goes through
_phase: ContextVar[tuple[str, ChildSpans] | None] = ContextVar("otel_distro_flask_phase", default=None)


def view(spans: ChildSpans) -> Any:
    """A wrapper maker for Flask.dispatch_request, which calls the view."""
    from flask import request

    def make(original: Any) -> Any:
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            if not recording(get_current()):
                return original(self, *args, **kwargs)
            function = self.view_functions.get(request.endpoint)
            if function is None:
                return original(self, *args, **kwargs)
            attributes = place_of(function)
            __traceback_hide__ = True  # noqa: F841 - debug pages leave such frames out
            with spans.span(str(attributes["code.function.name"]), attributes):
                return original(self, *args, **kwargs)

        return wrapper

    return make


def phase(name: str, spans: ChildSpans) -> Any:
    """A wrapper maker for a method of Flask during which hooks or error handlers are called."""
    value = (name, spans)

    def make(original: Any) -> Any:
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            token = _phase.set(value)
            try:
                return original(self, *args, **kwargs)
            finally:
                _phase.reset(token)

        return wrapper

    return make


def ensure_sync(original: Any) -> Any:
    """A wrapper maker for Flask.ensure_sync, which gets each hook and error handler before it is called."""

    def wrapper(self: Any, func: Any) -> Any:
        function = original(self, func)
        current = _phase.get()
        if current is None or not recording(get_current()):
            return function
        name, spans = current
        attributes = {**place_of(func), "flask.phase": name}

        def traced(*args: Any, **kwargs: Any) -> Any:
            __traceback_hide__ = True  # noqa: F841 - debug pages leave such frames out
            token = _phase.set(None)  # what the hook itself asks for is no hook
            try:
                with spans.span(str(attributes["code.function.name"]), attributes):
                    return function(*args, **kwargs)
            finally:
                _phase.reset(token)

        return traced

    return wrapper


def template(spans: ChildSpans) -> Any:
    """A wrapper maker for flask.templating._render; includes belong to the page around them."""

    def make(original: Any) -> Any:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            given = kwargs.get("template") or (args[1] if len(args) > 1 else None)
            name = getattr(given, "name", None)
            attributes = {"template.engine": "jinja2"}
            if name:
                attributes["template.name"] = str(name)
            with spans.span(f"render {name}" if name else "render", attributes):
                return original(*args, **kwargs)

        return wrapper

    return make


def command(spans: ChildSpans) -> Any:
    """A wrapper maker for click.Command.invoke: commands of the app as root spans."""
    import click
    from flask.cli import ScriptInfo

    def make(original: Any) -> Any:
        def wrapper(self: Any, ctx: Any) -> Any:
            name = ctx.info_name or self.name or ""
            if (
                isinstance(self, click.Group)
                or ctx.find_object(ScriptInfo) is None
                or any(fnmatchcase(name, pattern) for pattern in UNTRACED_COMMANDS)
            ):
                return original(self, ctx)
            attributes = {"flask.command.name": name, **place_of(self.callback or type(self))}
            quit_with_0 = None
            with spans.root(f"flask {name}", attributes):
                try:
                    return original(self, ctx)
                except click.exceptions.Exit as done:
                    if done.exit_code:
                        raise
                    quit_with_0 = done  # a way to leave, not an error
            raise quit_with_0

        return wrapper

    return make


def place_of(function: Any) -> dict[str, Any]:
    """code.* attributes of a view, hook or command; not to be changed."""
    try:
        return _cached_place(function)
    except TypeError:  # not hashable
        return _place(function)


def _place(function: Any) -> dict[str, Any]:
    return code_place.of_function(getattr(function, "view_class", None) or function)


_cached_place = lru_cache(1024)(_place)
