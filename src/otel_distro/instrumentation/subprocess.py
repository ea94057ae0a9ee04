# SPDX-License-Identifier: Apache-2.0
"""Programs that a request starts: one span from the start of the program until its exit status is known.

Arguments are not recorded, because they may hold secrets.
Source: OpenTelemetry semantic conventions 1.44, CLI client spans (in development).
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind
from opentelemetry.trace.status import Status, StatusCode

from otel_distro.instrumentation import first_party
from otel_distro.instrumentation.child_spans import recording
from otel_distro.instrumentation.current import get_current
from otel_distro.instrumentation.exceptions import type_name
from otel_distro.instrumentation.patching import Patches
from otel_distro.runtime import guard

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

    from otel_distro.settings.settings import Settings

_SPAN = "_otel_distro_span"
_ERROR = Status(StatusCode.ERROR)

_patches = Patches()


def instrument(settings: Settings, **options: Any) -> None:  # noqa: ARG001 - the interface of all instrumentors
    """Trace programs started with subprocess, under a span that is recorded. options: tracer_provider."""
    _patches.wrap(subprocess.Popen, "__init__", _init(first_party.tracer_of("subprocess", options)))
    for name in ("poll", "wait", "communicate"):
        _patches.wrap(subprocess.Popen, name, _look)


def uninstrument() -> None:
    """Put everything back as it was."""
    _patches.undo()


def _init(tracer: Tracer) -> Any:
    def make(original: Any) -> Any:
        def init(self: Any, args: Any, *more: Any, **named: Any) -> None:
            span = guard.call("the span of a program", _begin, tracer, args, more, named)
            if span is None:
                original(self, args, *more, **named)
                return
            try:
                original(self, args, *more, **named)
            except BaseException as error:
                span.set_attribute("error.type", type_name(error))
                span.set_status(_ERROR)
                span.end()
                raise
            span.set_attribute("process.pid", self.pid)
            self.__dict__[_SPAN] = span

        return init

    return make


def _begin(tracer: Tracer, args: Any, more: tuple[Any, ...], named: dict[str, Any]) -> Span | None:
    context = get_current()
    if not recording(context):
        return None
    program = _program(args, more, named)
    return tracer.start_span(program, context, SpanKind.CLIENT, {"process.executable.name": program})


_SHELL_POSITION = 7  # of Popen's arguments behind args
_EXECUTABLE_POSITION = 1


def _program(args: Any, more: tuple[Any, ...], named: dict[str, Any]) -> str:
    """The name of the program, without folder and arguments."""
    executable = more[_EXECUTABLE_POSITION] if len(more) > _EXECUTABLE_POSITION else named.get("executable")
    shell = more[_SHELL_POSITION] if len(more) > _SHELL_POSITION else named.get("shell")
    if executable is not None:
        first = executable
    elif shell:
        first = "cmd.exe" if os.name == "nt" else "/bin/sh"
    else:
        first = args if isinstance(args, (str, bytes, os.PathLike)) else next(iter(args))
        if os.name == "nt" and isinstance(first, str):
            first = first.partition(" ")[0]
    return os.path.basename(os.fsdecode(first)) or "?"


def _look(original: Any) -> Any:
    """After each look at the program: has it ended?"""

    def look(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, *args, **kwargs)
        finally:
            if self.returncode is not None and _SPAN in self.__dict__:
                guard.call("the span of a program", _end, self.__dict__.pop(_SPAN), self.returncode)

    return look


def _end(span: Span, code: int) -> None:
    span.set_attribute("process.exit.code", code)
    if code:
        span.set_attribute("error.type", str(code))
        span.set_status(_ERROR)
    span.end()
