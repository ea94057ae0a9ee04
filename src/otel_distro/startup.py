# SPDX-License-Identifier: Apache-2.0
"""The one start-up order: settings, pipeline, providers, propagators, instrumentors.

Runs at most once in a process, when it first does something traceable, in whatever thread that is. Whatever
fails costs only itself; the app goes on.
"""

from __future__ import annotations

import os
from _thread import allocate_lock

from otel_distro.runtime import guard, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otel_distro.settings.problem import Problem
    from otel_distro.settings.settings import Settings

_starting = allocate_lock()


def start() -> None:
    """Bring tracing up in this process. Never raises; the second and every later call does nothing."""
    if _starting.acquire(blocking=False):
        guard.load("tracing could not be started", _start)


def start_propagation() -> None:
    """OTEL_SDK_DISABLED: no SDK, no thread, no patch; an app that propagates context itself still can."""
    if _starting.acquire(blocking=False):
        guard.load("context propagation could not be set up", _start_propagation)


def _start() -> None:
    settings = _load_settings()
    if settings.sdk_disabled:
        _set_propagators(settings)
        return
    from otel_distro.instrumentation import activation, import_hook

    import_hook.forget_before("opentelemetry")
    guard.load("the tracing pipeline could not be built", _build_pipeline, settings)
    _flush_in_children()
    activation.begin(settings)


def _flush_in_children() -> None:
    """Children of multiprocessing and billiard leave by os._exit; they are taught to flush first."""
    from otel_distro.instrumentation import import_hook
    from otel_distro.runtime import exit

    import_hook.after("multiprocessing.util", exit.on_multiprocessing_imported)
    import_hook.after("billiard.util", exit.on_multiprocessing_imported)
    import_hook.after("billiard.pool", exit.on_billiard_pool_imported)


def _start_propagation() -> None:
    _set_propagators(_load_settings())


def _load_settings() -> Settings:
    from otel_distro.settings import load

    settings, problems = load(os.environ)
    log.set_level("error" if settings.quiet else settings.log_level)
    if "OTEL_DISTRO_LAUNCH" not in os.environ:  # else otel-distro-run has said it, once for the whole tree
        report(problems)
    return settings


def report(problems: tuple[Problem, ...] | list[Problem]) -> None:
    """One line for each problem."""
    for problem in problems:
        log.warn(str(problem))


def _build_pipeline(settings: Settings) -> None:
    from otel_distro.settings import upstream

    with upstream.during_import():
        from otel_distro.pipeline import build

        problems = build.check_versions()
        problems += build.install(settings)
    report(problems)
    _set_propagators(settings)


def _set_propagators(settings: Settings) -> None:
    from otel_distro.settings import upstream

    with upstream.during_import():
        from opentelemetry import propagate

        from otel_distro import propagators

    propagator, problems = propagators.create(settings.propagators)
    propagate.set_global_textmap(propagator)
    report(problems)
