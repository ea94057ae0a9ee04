# SPDX-License-Identifier: Apache-2.0
"""Put Django's tracing in and take it out; shared by start-up and by DjangoInstrumentor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation import first_party
from otel_distro.instrumentation.django.server import DjangoServer
from otel_distro.instrumentation.patching import Patches

if TYPE_CHECKING:
    from otel_distro.settings.settings import Settings

_RECEIVER = "otel_distro"

_patches = Patches()


def instrument(settings: Settings, **options: Any) -> None:
    """Trace every Django handler of the process.

    options: those of upstream's DjangoInstrumentor: request_hook, response_hook, tracer_provider,
    meter_provider, excluded_urls (comma-separated patterns), is_sql_commentor_enabled. middleware_position
    has no effect, since the span is around all middleware.
    """
    from django.core.handlers.base import BaseHandler
    from django.core.signals import got_request_exception

    wishes = settings.instrumentation
    if not wishes.django_instrument:
        return
    server = DjangoServer(
        first_party.http_server("django", settings, options, wishes.django_excluded_urls),
        first_party.hook(options, "request_hook"),
        first_party.hook(options, "response_hook"),
        wishes.django_traced_request_attrs,
    )
    _patches.wrap(BaseHandler, "get_response", server.get_response)
    _patches.wrap(BaseHandler, "get_response_async", server.get_response_async)
    got_request_exception.connect(server.on_exception, weak=False, dispatch_uid=_RECEIVER)


def uninstrument() -> None:
    """Put everything back as it was."""
    from django.core.signals import got_request_exception

    _patches.undo()
    got_request_exception.disconnect(dispatch_uid=_RECEIVER)
