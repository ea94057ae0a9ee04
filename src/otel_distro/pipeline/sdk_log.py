# SPDX-License-Identifier: Apache-2.0
"""What upstream's own loggers say becomes our lines: rate-limited, on stderr, never through the app's logging.

Upstream reports failed exports of metrics and logs, warnings of instrumentors and the like through the app's root
logger; an app that configures logging for `opentelemetry` itself keeps what it configured.
"""

from __future__ import annotations

import logging

from otel_distro.runtime import guard, log

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


class _OurLines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        guard.call("a record of the SDK could not be shown", self._say, record)

    def _say(self, record: logging.LogRecord) -> None:
        text = record.getMessage().split("\n", 1)[0]
        said_by = record.name.removeprefix("opentelemetry.")
        if record.levelno >= logging.ERROR:
            log.error(f"{said_by}: {text}", key=f"{record.name}:{record.lineno}")
        elif record.levelno >= logging.WARNING:
            log.warn(f"{said_by}: {text}", key=f"{record.name}:{record.lineno}")
        else:
            log.debug(f"{said_by}: {text}")


def install(level: str) -> None:
    """Take the records of the `opentelemetry` loggers, unless the app has given them a handler of its own."""
    logger = logging.getLogger("opentelemetry")
    if logger.handlers:
        return
    logger.addHandler(_OurLines())
    logger.propagate = False
    logger.setLevel(_LEVELS.get(level, logging.CRITICAL))
