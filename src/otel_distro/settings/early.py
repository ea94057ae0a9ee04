# SPDX-License-Identifier: Apache-2.0
"""The three questions that are asked before anything else is loaded; answered without the table.

Every child Python reads this module, so it imports only os.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# how the process trees that serve requests mark the processes that do the work
_WORKER_VARIABLES = ("RUN_MAIN", "WERKZEUG_RUN_MAIN", "GUNICORN_FD", "FORKED_BY_MULTIPROCESSING")
_WORKER_ARGUMENTS = (
    "--multiprocessing-fork",
    "multiprocessing.spawn",
    "multiprocessing.forkserver",
    "billiard.spawn",
)


class Wish:
    """covered: this interpreter is to be traced. sdk_disabled: only context propagation is left."""

    __slots__ = ("covered", "sdk_disabled")

    def __init__(self, covered: bool, sdk_disabled: bool) -> None:
        self.covered = covered
        self.sdk_disabled = sdk_disabled


def read(command: Sequence[str], environ: Mapping[str, str] = os.environ) -> Wish:
    """command: the interpreter's whole command line, sys.orig_argv. Never raises."""
    disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return Wish(_is_covered(command, environ), disabled)


def is_direct(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is the very one that otel-distro-run became."""
    return environ.get("OTEL_DISTRO_LAUNCH", "").partition(";")[0] == str(os.getpid())


def _is_covered(command: Sequence[str], environ: Mapping[str, str]) -> bool:
    children = environ.get("OTEL_DISTRO_CHILDREN", "").strip().lower()
    if children not in ("workers", "none") or is_direct(environ):
        return True
    return children == "workers" and _is_worker(command, environ)


def _is_worker(command: Sequence[str], environ: Mapping[str, str]) -> bool:
    if any(environ.get(name) for name in _WORKER_VARIABLES):
        return True
    return any(mark in word for word in command for mark in _WORKER_ARGUMENTS)
