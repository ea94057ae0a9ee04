# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's current context, reached directly where it is kept in a contextvar, as it nearly always is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext
from opentelemetry.trace.propagation import _SPAN_KEY as SPAN_KEY

from otel_distro.runtime import log

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Span

__all__ = ["SPAN_KEY", "attach", "detach", "get_current", "with_span"]

get_current: Callable[[], Context]
attach: Callable[[Context], Any]
_reset: Callable[[Any], None]

_runtime_context = context_api._RUNTIME_CONTEXT
if type(_runtime_context) is ContextVarsRuntimeContext:
    get_current = _runtime_context._current_context.get
    attach = _runtime_context._current_context.set
    _reset = _runtime_context._current_context.reset
else:  # OTEL_PYTHON_CONTEXT names another implementation
    get_current = context_api.get_current
    attach = context_api.attach
    _reset = context_api.detach


_put = dict.__setitem__  # a Context is not to be changed, but this one is new


def with_span(context: Context, span: Span) -> Context:
    """A context like this one, in which span is the current one."""
    made = Context(context)
    _put(made, SPAN_KEY, span)
    return made


def detach(token: Any) -> None:
    """Undo attach(). Never raises, even in another context, as when an async generator is finalised."""
    try:
        _reset(token)
    except (ValueError, RuntimeError) as error:
        log.debug(f"a span was left in another context than it was entered in: {error}")
