# SPDX-License-Identifier: Apache-2.0
"""Put Django's tracing in and take it out; shared by start-up and by DjangoInstrumentor."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation import code_place, first_party, old_names
from otel_distro.instrumentation.child_spans import ChildSpans
from otel_distro.instrumentation.database import DatabaseSpans
from otel_distro.instrumentation.django import layers
from otel_distro.instrumentation.django.queries import Queries
from otel_distro.instrumentation.django.server import DjangoServer
from otel_distro.instrumentation.layers import chosen
from otel_distro.instrumentation.patching import Patches

if TYPE_CHECKING:
    from otel_distro.settings.settings import Settings

LAYERS = ("query", "view", "template", "cache", "middleware", "signal", "command")
# Layers around the app's own functions are off: the app would find their spans current, and our frames in its
# tracebacks. Which view has answered is on the server span.
DEFAULT_LAYERS = ("query", "template", "cache", "command")

_RECEIVER = "otel_distro"

_patches = Patches()


def instrument(settings: Settings, **options: Any) -> None:
    """Trace every Django handler of the process.

    options: those of upstream's DjangoInstrumentor: request_hook, response_hook, tracer_provider,
    meter_provider, excluded_urls (comma-separated patterns), is_sql_commentor_enabled. middleware_position
    has no effect, since the span is around all middleware.
    """
    import django
    from django.core.handlers.base import BaseHandler
    from django.core.signals import got_request_exception

    code_place.is_framework(django)
    wishes = settings.instrumentation
    if not wishes.django_instrument:
        return
    server = DjangoServer(
        first_party.http_server("django", settings, options, wishes.django_excluded_urls),
        first_party.hook(options, "request_hook"),
        first_party.hook(options, "response_hook"),
        wishes.django_traced_request_attrs,
    )
    _wrap_layers(settings, options)
    _patches.wrap(BaseHandler, "get_response", server.get_response)
    _patches.wrap(BaseHandler, "get_response_async", server.get_response_async)
    got_request_exception.connect(server.on_exception, weak=False, dispatch_uid=_RECEIVER)


def _wrap_layers(settings: Settings, options: dict[str, Any]) -> None:
    import django.core.handlers.base as handlers
    from django.core.cache import CacheHandler
    from django.core.management.base import BaseCommand
    from django.db.backends.utils import CursorWrapper
    from django.dispatch import Signal
    from django.template.backends.django import Template

    wishes = settings.instrumentation
    wanted = chosen(wishes.django_spans, LAYERS, DEFAULT_LAYERS, "OTEL_DISTRO_DJANGO_SPANS")
    tracer = first_party.tracer_of("django", options)

    def spans(layer: str) -> ChildSpans:
        return ChildSpans(tracer, layer, wishes.min_span_duration_s)

    if "query" in wanted:
        names = old_names.wanted(wishes.semconv_opt_in, "database")
        comments = bool(options.get("is_sql_commentor_enabled", wishes.sqlcommenter))
        queries = Queries(DatabaseSpans(spans("query"), names), comments)
        _patches.wrap(CursorWrapper, "_execute_with_wrappers", queries.execute)
        _patches.wrap(CursorWrapper, "callproc", queries.callproc)
    if "view" in wanted:
        _patches.wrap(handlers.BaseHandler, "make_view_atomic", layers.view(spans("view")))
    if "middleware" in wanted:
        _patches.wrap(handlers, "convert_exception_to_response", layers.middleware(spans("middleware")))
    if "template" in wanted:
        _patches.wrap(Template, "render", layers.template(spans("template")))
        jinja2 = sys.modules.get("django.template.backends.jinja2")
        if jinja2 is not None:
            _patches.wrap(jinja2.Template, "render", layers.template(spans("template")))
    if "cache" in wanted:
        _patches.wrap(CacheHandler, "create_connection", layers.create_cache(spans("cache"), _patches))
    if "signal" in wanted:
        for name in ("send", "send_robust", "asend", "asend_robust"):
            _patches.wrap(Signal, name, layers.signal(spans("signal")))
    if "command" in wanted:
        _patches.wrap(BaseCommand, "execute", layers.command(spans("command")))


def uninstrument() -> None:
    """Put everything back as it was."""
    from django.core.signals import got_request_exception

    _patches.undo()
    got_request_exception.disconnect(dispatch_uid=_RECEIVER)
