# SPDX-License-Identifier: Apache-2.0
"""Put Flask's tracing in and take it out; shared by start-up and by FlaskInstrumentor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation import first_party
from otel_distro.instrumentation.child_spans import ChildSpans
from otel_distro.instrumentation.flask import layers, server
from otel_distro.instrumentation.layers import chosen
from otel_distro.instrumentation.patching import Patches

if TYPE_CHECKING:
    from otel_distro.settings.settings import Settings

LAYERS = ("view", "template", "hook", "error_handler", "command")
# Layers around the app's own functions are off: the app would find their spans current, and our frames in its
# tracebacks. Which view has answered is on the server span.
DEFAULT_LAYERS = ("template", "command")

COMMENTS = ("framework", "controller", "route")

_patches = Patches()


def instrument(settings: Settings, **options: Any) -> None:
    """Trace every Flask application of the process.

    options: those of upstream's FlaskInstrumentor: request_hook, response_hook, tracer_provider,
    meter_provider, excluded_urls (comma-separated patterns), enable_commenter, commenter_options.
    """
    _patch()
    _wrap_layers(settings, options)
    server.trace_all(_tracing(settings, options))


def uninstrument() -> None:
    """Put everything back as it was."""
    server.trace_all(None)
    _patches.undo()


def instrument_app(app: Any, settings: Settings, **options: Any) -> None:
    """Trace one application in its own way; options as for instrument()."""
    _patch()
    setattr(app, server.APP_KEY, _tracing(settings, options))


def uninstrument_app(app: Any) -> None:
    """Do not trace this application."""
    setattr(app, server.APP_KEY, None)


def _patch() -> None:
    from flask.app import Flask

    if _patches.are_in():
        return
    _patches.wrap(Flask, "__call__", server.call)
    _patches.wrap(Flask, "wsgi_app", server.wsgi_app)
    _patches.wrap(Flask, "handle_exception", server.handle_exception)
    _patches.wrap(Flask, "finalize_request", server.finalize_request)


def _wrap_layers(settings: Settings, options: dict[str, Any]) -> None:
    import click
    import flask.templating
    from flask.app import Flask

    wishes = settings.instrumentation
    wanted = chosen(wishes.flask_spans, LAYERS, DEFAULT_LAYERS, "OTEL_DISTRO_FLASK_SPANS")
    tracer = first_party.tracer_of("flask", options)

    def spans(layer: str) -> ChildSpans:
        return ChildSpans(tracer, layer, wishes.min_span_duration_s)

    if "view" in wanted:
        _patches.wrap(Flask, "dispatch_request", layers.view(spans("view")))
    if "template" in wanted:
        _patches.wrap(flask.templating, "_render", layers.template(spans("template")))
    phases: dict[str, str] = {}
    if "hook" in wanted:
        phases.update(
            preprocess_request="before_request",
            process_response="after_request",
            do_teardown_request="teardown_request",
        )
    if "error_handler" in wanted:
        phases.update(handle_user_exception="error_handler", handle_http_exception="error_handler")
    for method, name in phases.items():
        _patches.wrap(Flask, method, layers.phase(name, spans("hook" if "request" in name else name)))
    if phases:
        _patches.wrap(Flask, "ensure_sync", layers.ensure_sync)
    if "command" in wanted:
        _patches.wrap(click.Command, "invoke", layers.command(spans("command")))


def _tracing(settings: Settings, options: dict[str, Any]) -> server.Tracing:
    from flask.app import Flask

    excluded = settings.instrumentation.flask_excluded_urls
    request_hook = first_party.hook(options, "request_hook")
    comments = _comments(settings, options)
    if request_hook is not None or comments:
        _patches.wrap_once(Flask, "full_dispatch_request", server.full_dispatch_request)
    return server.Tracing(
        first_party.http_server("flask", settings, options, excluded),
        request_hook,
        first_party.hook(options, "response_hook"),
        settings.instrumentation.flask_traced_request_attrs,
        comments,
    )


def _comments(settings: Settings, options: dict[str, Any]) -> frozenset[str]:
    """enable_commenter and commenter_options, as upstream has them, but off unless asked for."""
    if not options.get("enable_commenter", settings.instrumentation.sqlcommenter):
        return frozenset()
    chosen_options = options.get("commenter_options") or {}
    return frozenset(name for name in COMMENTS if chosen_options.get(name, True))
