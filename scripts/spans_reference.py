# SPDX-License-Identifier: Apache-2.0
"""docs/reference/spans.md: every span and attribute that first-party instrumentation emits.

tests/e2e/test_spans_reference.py runs the examples and compares what they emit with this table.
"""

from __future__ import annotations

from typing import NamedTuple

HTTP = "HTTP"
DATABASE = "database"
EXCEPTIONS = "exceptions"
CODE = "code"
CLI = "CLI programs"
OURS = "our own"

ALWAYS = "always"


class Attribute(NamedTuple):
    """One attribute. when: "always", or the condition under which it is there."""

    name: str
    when: str
    convention: str


class Kind(NamedTuple):
    """One kind of span. named: how its name is made."""

    title: str
    named: str
    span_kind: str
    switch: str
    attributes: tuple[Attribute, ...]


def _rows(convention: str, **attributes: str) -> tuple[Attribute, ...]:
    return tuple(Attribute(name.replace("__", "."), when, convention) for name, when in attributes.items())


_PLACE = _rows(
    CODE,
    code__function__name="always",
    code__file__path="when it is written in Python",
    code__line__number="when it is written in Python",
)
_CALLER = _rows(
    CODE,
    code__function__name="when a line of the user's code is the cause",
    code__file__path="when a line of the user's code is the cause",
    code__line__number="when a line of the user's code is the cause",
)
_ERROR = _rows(HTTP, error__type="when it failed: the exception's class, else the code as text")
_FOLDED = (
    Attribute("otel_distro.folded.LAYER.count", "when shorter spans were folded into this one", OURS),
    Attribute("otel_distro.folded.LAYER.duration", "when shorter spans were folded into this one; seconds", OURS),
)

SERVER = Kind(
    "Server",
    "`{method} {http.route}`; without a route the method alone; `HTTP` for an unknown method",
    "SERVER; INTERNAL for a request that the app makes to itself",
    "`OTEL_DISTRO_INSTRUMENTATIONS`, excluded URLs",
    (
        *_rows(
            HTTP,
            http__request__method=ALWAYS,
            http__request__method_original="when it differs from the method",
            http__response__status_code="when there was a response",
            http__route="when a route matched; with the script name",
            url__scheme=ALWAYS,
            url__path=ALWAYS,
            url__query="when there was one; secrets redacted",
            server__address="when known",
            server__port="when known",
            client__address="when known; from Forwarded and X-Forwarded-For, if they are trusted",
            network__peer__address="when known",
            network__peer__port="when known",
            network__protocol__version="when known",
            user_agent__original="when sent",
        ),
        *_rows(
            CODE,
            code__function__name="when a route matched: the view",
            code__file__path="when the view is written in Python",
            code__line__number="when the view is written in Python",
        ),
        *_ERROR,
        Attribute("http.request.header.NAME", "when captured; secrets redacted", HTTP),
        Attribute("http.response.header.NAME", "when captured; secrets redacted", HTTP),
        *_FOLDED,
    ),
)
VIEW = Kind(
    "View, middleware, function",
    "`{code.function.name}`",
    "INTERNAL",
    "layers `view`, `middleware`; `OTEL_DISTRO_TRACE_FUNCTIONS`",
    (
        *_PLACE,
        *_ERROR,
        Attribute("function.argument.NAME", "when asked for; secret names redacted", OURS),
        *_FOLDED,
    ),
)
QUERY = Kind(
    "Database query",
    "`{db.query.summary}`, else the system",
    "CLIENT",
    "layer `query`; instrumentation `sqlite3` outside Django",
    (
        *_rows(
            DATABASE,
            db__system__name=ALWAYS,
            db__namespace="when known",
            db__query__text="when it is text; literals removed unless it has parameters",
            db__query__summary="when the statement was understood",
            db__operation__name="when there is one",
            db__collection__name="when there is one",
            db__operation__batch__size="for two and more",
            db__response__returned_rows="when the driver says so",
            db__response__status_code="when it failed and the driver says so",
            server__address="when it is not this machine's socket",
            server__port="when it is not the default",
        ),
        *_ERROR,
        *_CALLER,
    ),
)
CLIENT = Kind(
    "Outgoing request",
    "`{method}`",
    "CLIENT",
    "instrumentations `requests`, `urllib3`",
    (
        *_rows(
            HTTP,
            http__request__method=ALWAYS,
            http__request__method_original="when it differs from the method",
            url__full="always; user, password and secrets redacted",
            server__address=ALWAYS,
            server__port="when known",
            http__response__status_code="when there was a response",
            http__request__resend_count="from the second attempt on",
            network__protocol__version="when known",
        ),
        *_ERROR,
        Attribute("http.request.header.NAME", "when captured; secrets redacted", HTTP),
        Attribute("http.response.header.NAME", "when captured; secrets redacted", HTTP),
    ),
)
PROGRAM = Kind(
    "Program",
    "`{process.executable.name}`",
    "CLIENT",
    "instrumentation `subprocess`",
    (
        *_rows(
            CLI,
            process__executable__name=ALWAYS,
            process__pid="when it was started",
            process__exit__code="when it has ended",
        ),
        *_ERROR,
    ),
)
TEMPLATE = Kind(
    "Template",
    "`render {template.name}`",
    "INTERNAL",
    "layer `template`",
    (*_rows(OURS, template__name="when it has one", template__engine=ALWAYS), *_ERROR, *_FOLDED),
)
CACHE = Kind(
    "Cache call",
    "`cache {cache.operation}`; keys are not recorded",
    "INTERNAL",
    "layer `cache`",
    (
        *_rows(
            OURS,
            cache__operation=ALWAYS,
            cache__backend=ALWAYS,
            cache__hit="for get and has_key",
        ),
        *_ERROR,
        *_FOLDED,
    ),
)
SIGNAL = Kind(
    "Signal",
    "`signal {django.signal.name}`",
    "INTERNAL",
    "layer `signal`",
    (*_rows(OURS, django__signal__name=ALWAYS, django__signal__sender="when it is a class"), *_ERROR, *_FOLDED),
)
COMMAND = Kind(
    "Command",
    "`manage.py {django.command.name}`, `flask {flask.command.name}`",
    "INTERNAL",
    "layer `command`",
    (
        *_rows(OURS, django__command__name="in Django", flask__command__name="in Flask"),
        *_PLACE,
        *_ERROR,
        *_FOLDED,
    ),
)
HOOK = Kind(
    "Hook, error handler",
    "`{code.function.name}`",
    "INTERNAL",
    "layers `hook`, `error_handler`",
    (*_rows(OURS, flask__phase=ALWAYS), *_PLACE, *_ERROR, *_FOLDED),
)
KINDS = (SERVER, VIEW, QUERY, CLIENT, PROGRAM, TEMPLATE, CACHE, SIGNAL, COMMAND, HOOK)

EVENT = _rows(
    EXCEPTIONS,
    exception__type=ALWAYS,
    exception__message="when its text can be shown",
    exception__stacktrace=ALWAYS,
) + tuple(Attribute(name, "when a line of the user's code is the cause", CODE) for name, _, _ in _CALLER)

INTRODUCTION = """# Spans and attributes

Generated by `make docs` from `scripts/spans_reference.py`; a test runs the examples and compares.

What first-party instrumentation emits: Django, Flask, requests, urllib3, sqlite3, subprocess, and functions named
in `OTEL_DISTRO_TRACE_FUNCTIONS`. Conventions are OpenTelemetry's semantic conventions 1.44. Old attribute names
come with `OTEL_SEMCONV_STABILITY_OPT_IN=http/dup,database/dup`.

Layers are chosen with `OTEL_DISTRO_DJANGO_SPANS` (on by default: query, template, cache, command; further: view,
middleware, signal) and `OTEL_DISTRO_FLASK_SPANS` (template, command; further: view, hook, error_handler). `all`,
`none` and `default` are words too. Layers around the app's own functions are off by default: what the app finds
current in its view is the server span. Spans below a request exist only where the request is recorded. A span that
takes less than `OTEL_DISTRO_MIN_SPAN_DURATION` is folded into the one around it.

An exception that the app does not handle is one event, on the server span, or on the span of a traced function
that it passed first. Exceptions never stand in a status description.
"""


def markdown() -> str:
    """The page."""
    parts = [INTRODUCTION]
    for kind in KINDS:
        parts.append(f"\n## {kind.title}\n\nName: {kind.named}. Kind: {kind.span_kind}. Switch: {kind.switch}.\n")
        parts.append(_table(kind.attributes))
    parts.append("\n## Event: exception\n")
    parts.append(_table(EVENT))
    return "\n".join(parts) + "\n"


def _table(attributes: tuple[Attribute, ...]) -> str:
    rows = [f"| `{found.name}` | {found.when} | {found.convention} |" for found in attributes]
    return "\n".join(["| Attribute | When | Convention |", "|---|---|---|", *rows])
