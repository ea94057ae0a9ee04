# SPDX-License-Identifier: Apache-2.0
"""The one broad except: at the edges where the app calls us and where we call a plugin.

Inside the edges code names the errors it expects. KeyboardInterrupt always passes: it may be the user's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, TypeVar

from otel_distro.runtime import counters, log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

P = ParamSpec("P")
T = TypeVar("T")
D = TypeVar("D")


def call(what: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Call function; on any failure count it, log one line naming what, and return None."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        report(what, error)
        return None


def load(what: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Like call, for code of others that is being loaded: SystemExit is a failure too."""
    try:
        return function(*args, **kwargs)
    except (Exception, SystemExit) as error:
        report(what, error)
        return None


def each(what: str, functions: Iterable[Callable[[T], object]], argument: T) -> None:
    """Call every function with argument; one that fails does not keep the next from running."""
    for function in functions:
        try:
            function(argument)
        except Exception as error:
            report(f"{what} of {type(getattr(function, '__self__', function)).__name__}", error)


def survive(what: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Like call, for threads of our own, which nothing may end: there no interrupt is the user's."""
    try:
        return function(*args, **kwargs)
    except BaseException as error:
        report(what, error)
        return None


def report(what: str, error: BaseException) -> None:
    """Count a failure inside the guard and say it in one line; with its traceback at debug."""
    counters.count_guarded(what)
    log.warn(f"{what}: {describe(error)}", key=what)
    if log.enabled("debug"):
        import traceback

        for line in traceback.format_exception(error):
            for part in line.rstrip().split("\n"):
                log.debug(f"  {part}")


def describe(error: BaseException) -> str:
    """`Type: first line of the message`; never raises, though an app's __str__ may."""
    try:
        text = str(error).strip()
    except Exception:
        text = "(its text cannot be shown)"
    first = text.splitlines()[0] if text else ""
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
