# SPDX-License-Identifier: Apache-2.0
"""Which requests are not traced: patterns against whole segments of the path, and the usual health checks."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from otel_distro.runtime import log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HEALTH_CHECKS = frozenset(
    (
        "/health",
        "/healthz",
        "/healthcheck",
        "/health_check",
        "/health-check",
        "/_health",
        "/ht",
        "/live",
        "/livez",
        "/liveness",
        "/ready",
        "/readyz",
        "/readiness",
        "/-/healthy",
        "/-/ready",
        "/health/live",
        "/health/ready",
        "/ping",
        "/metrics",
    )
)
_CACHED_PATHS = 1024
_GLOBAL_FLAGS = re.compile(r"\(\?([aimsux]+)\)")


def matcher(patterns: Iterable[str], health_checks: bool = False) -> Callable[[str], bool] | None:
    """A function that says whether a path is excluded; None when nothing is.

    patterns: regular expressions that compile. Each must match whole segments: `healthz` excludes /healthz,
    /healthz/db and /api/healthz, but not /unhealthz; `^/healthz$` excludes only that. Scheme and host, as in
    `http://localhost/healthz`, are left out of account: only the path counts, never the query.
    """
    alternatives = [_compiling(_anchored(pattern), pattern) for pattern in patterns if pattern]
    if not alternatives:
        return _is_health_check if health_checks else None
    search = re.compile("|".join(alternatives)).search

    def is_excluded(path: str) -> bool:
        return search(path) is not None or (health_checks and _is_health_check(path))

    return lru_cache(_CACHED_PATHS)(is_excluded)


def _is_health_check(path: str) -> bool:
    return (path.rstrip("/") if len(path) > 1 else path) in HEALTH_CHECKS


def _compiling(anchored: str, pattern: str) -> str:
    try:
        re.compile(f"x|{anchored}")
    except re.error as error:  # it compiled alone, but does not between others
        log.warn(f"excluded URL {pattern}: {error}; it is matched literally")
        return _anchored(re.escape(pattern))
    return anchored


def _anchored(pattern: str) -> str:
    flags = _GLOBAL_FLAGS.match(pattern)
    if flags is not None:  # `(?i)health` is understood only at the very beginning, `(?i:health)` everywhere
        return _anchored(pattern[flags.end() :]).join((f"(?{flags[1]}:", ")"))
    if "://" in pattern:
        pattern = "/" + pattern.partition("://")[2].partition("/")[2]
    before = "" if pattern.startswith(("^", "/")) else "(?:^|/)"
    after = "" if pattern.endswith(("$", "/", "*")) else "(?=/|$)"
    return f"{before}(?:{pattern}){after}"
