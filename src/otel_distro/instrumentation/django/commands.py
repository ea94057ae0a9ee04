# SPDX-License-Identifier: Apache-2.0
"""Management commands as root spans, so that migrate is one trace and not two hundred. Standard library only.

Servers, shells and everything that runs until it is stopped are left out: what they do has traces of its own.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

UNTRACED = (
    # servers and other endless ones
    *("run*", "*server*", "*worker*", "*daemon*", "*cluster*", "*listen*", "*consum*", "*schedul*", "*watch*"),
    *("*beat*", "*celery*", "*queue*", "*bot", "*poll*"),
    # people at a prompt
    *("shell*", "dbshell", "createsuperuser", "changepassword"),
    # about the code, not the data; and tests
    *("check", "help", "version", "test", "make*", "compile*", "start*", "diffsettings", "sqlmigrate", "show*"),
    *("inspectdb", "findstatic", "sqlflush", "sqlsequencereset", "squashmigrations", "optimizemigration"),
    *("collectstatic", "graph_models", "generateschema", "spectacular"),
)


def name_of(command: object) -> str:
    """The name it is called by: that of its module."""
    return type(command).__module__.rpartition(".")[2]


def is_traced(name: str) -> bool:
    """Whether this command gets a span."""
    return not any(fnmatchcase(name, pattern) for pattern in UNTRACED)
