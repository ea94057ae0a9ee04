# SPDX-License-Identifier: Apache-2.0
"""The part of the table of variables that is our own."""

from otel_distro.settings import parse as p
from otel_distro.settings.variable import Variable, rows

_OURS = "otel-distro"


def _ours() -> list[Variable]:
    names, switch = p.names, p.switch
    django = "query, view, template, cache, middleware, signal, command"
    return [
        *rows(
            "otel-distro",
            _OURS,
            (
                "OTEL_DISTRO_INSTRUMENTATIONS",
                p.lower_names,
                (),
                "The only instrumentations to switch on: list of names, with * and ? as in file names.",
                "(all)",
            ),
            (
                "OTEL_DISTRO_INSTRUMENTATION_OPTIONS",
                p.options,
                (),
                "Arguments for instrumentors: list of name.option=value, percent-encoded.",
            ),
            (
                "OTEL_DISTRO_CHILDREN",
                p.one_of("all", "workers", "none"),
                "all",
                "Which child Pythons are traced: all, workers (of servers and pools) or none.",
            ),
            (
                "OTEL_DISTRO_EXIT_TIMEOUT",
                p.milliseconds,
                2000,
                "Longest time that sending the last spans may add to exit, in milliseconds.",
            ),
            (
                "OTEL_DISTRO_FLUSH_ON_SIGTERM",
                switch,
                True,
                "true: the last spans are sent when SIGTERM ends the process.",
            ),
            (
                "OTEL_DISTRO_STRICT",
                switch,
                False,
                "true: otel-distro-run does not start a command that cannot be traced.",
            ),
            ("OTEL_DISTRO_QUIET", switch, False, "true: only errors are said."),
            ("OTEL_DISTRO_VERBOSE", switch, False, "true: as OTEL_LOG_LEVEL=debug, where that is not set."),
            (
                "OTEL_DISTRO_VIEWER",
                p.one_of("auto", "on", "off"),
                "auto",
                "The viewer on this machine: auto, on or off.",
            ),
            (
                "OTEL_DISTRO_SPAN_CORE",
                p.one_of("otel_distro", "sdk"),
                "otel_distro",
                "Classes of spans: otel_distro (fast) or sdk.",
            ),
            (
                "OTEL_DISTRO_DJANGO_SPANS",
                p.lower_names,
                (),
                f"Spans inside a Django request: list of {django}; or all or none.",
                "query,template,cache,command",
            ),
            (
                "OTEL_DISTRO_FLASK_SPANS",
                p.lower_names,
                (),
                "Spans inside a Flask request: list of template, view, hook, error_handler, command; or all or none.",
                "template,command",
            ),
            (
                "OTEL_DISTRO_MIN_SPAN_DURATION",
                p.milliseconds,
                0,
                "Spans inside a request that are shorter are left out, in milliseconds.",
            ),
            (
                "OTEL_DISTRO_TRACE_FUNCTIONS",
                p.calls,
                (),
                "Functions that get a span: list of module:function or module:Class.method.",
            ),
            ("OTEL_DISTRO_TRACE_FUNCTIONS_FILE", p.file, None, "File with such functions, one in a line."),
            (
                "OTEL_DISTRO_REDACT",
                names,
                (),
                "Further parameters and headers whose values are never recorded: names, with * and ?.",
            ),
            (
                "OTEL_DISTRO_FORWARDED_HEADERS",
                switch,
                True,
                "true: Forwarded and X-Forwarded-* say who the client is.",
            ),
            (
                "OTEL_DISTRO_EXCLUDE_HEALTH_CHECKS",
                switch,
                False,
                "true: requests of load balancers and probes make no span.",
            ),
            (
                "OTEL_DISTRO_RESPONSE_HEADERS",
                switch,
                False,
                "true: responses name their trace (traceresponse, Server-Timing).",
            ),
            (
                "OTEL_DISTRO_BAGGAGE_ATTRIBUTES",
                names,
                (),
                "Baggage entries that become attributes of each span; with * and ?.",
            ),
            ("OTEL_DISTRO_LOG_CORRELATION", switch, False, "true: log records carry trace and span id."),
            ("OTEL_DISTRO_SQLCOMMENTER", switch, False, "true: SQL statements carry the trace in a comment."),
            ("OTEL_DISTRO_EXPLAIN", switch, False, "true: one line for each request: traced or not, and why."),
        ),
        *rows(
            "otel-distro",
            _OURS,
            ("OTEL_DISTRO_LAUNCH", p.text, None, "Set by otel-distro-run."),
            kind="internal",
        ),
    ]


ROWS = tuple(_ours())
