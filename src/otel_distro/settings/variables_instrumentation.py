# SPDX-License-Identifier: Apache-2.0
"""The part of the table of variables that instrumentations and OpenTelemetry for Python define."""

from otel_distro.settings import parse as p
from otel_distro.settings.settings import KNOWN_METHODS
from otel_distro.settings.variable import Variable, rows

_PYTHON = "OpenTelemetry Python, environment variables"
_CONTRIB = "OpenTelemetry Python contrib, page of the instrumentation"

FRAMEWORKS = (
    *("DJANGO", "FLASK", "FASTAPI", "STARLETTE", "FALCON", "PYRAMID", "TORNADO", "AIOHTTP_SERVER"),
    *("REQUESTS", "URLLIB", "URLLIB3", "HTTPX", "AIOHTTP_CLIENT"),
)


def _instrumentation() -> list[Variable]:
    capture = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_"
    table: list[Variable] = []
    for side in ("SERVER", "CLIENT"):
        for part in ("REQUEST", "RESPONSE"):
            doc = f"Headers of the {part.lower()} kept on {side.lower()} spans: names or regular expressions."
            table += rows("instrumentation", _CONTRIB, (f"{capture}{side}_{part}", p.patterns, (), doc))
    http, redacted = (
        "OpenTelemetry semantic conventions, HTTP spans",
        "Captured headers whose value is redacted",
    )
    return [
        *rows(
            "instrumentation",
            _PYTHON,
            (
                "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
                p.lower_names,
                (),
                "Instrumentations that stay off: list of names, with * and ? as in file names.",
            ),
        ),
        *table,
        *rows(
            "instrumentation",
            _CONTRIB,
            (
                f"{capture}SANITIZE_FIELDS",
                p.patterns,
                (),
                f"{redacted}, beside credentials and cookies: regular expressions.",
            ),
            (
                "OTEL_PYTHON_EXCLUDED_URLS",
                p.patterns,
                (),
                "Requests that make no span: regular expressions searched in the URL.",
            ),
            *(
                (
                    f"OTEL_PYTHON_{framework}_EXCLUDED_URLS",
                    p.patterns,
                    None,
                    f"OTEL_PYTHON_EXCLUDED_URLS for {framework.lower()} alone.",
                    "(OTEL_PYTHON_EXCLUDED_URLS)",
                )
                for framework in FRAMEWORKS[:2]
            ),
            (
                "OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS",
                p.boolean,
                False,
                "true: unknown request methods are recorded as they are, not as _OTHER.",
            ),
            ("OTEL_PYTHON_DJANGO_INSTRUMENT", p.switch, True, "false: Django is not traced."),
            (
                "OTEL_PYTHON_DJANGO_MIDDLEWARE_POSITION",
                p.count,
                0,
                "Place of the tracing middleware in Django's list.",
            ),
            (
                "OTEL_PYTHON_DJANGO_TRACED_REQUEST_ATTRS",
                p.names,
                (),
                "Attributes of Django's request copied to the span.",
            ),
            (
                "OTEL_PYTHON_FLASK_TRACED_REQUEST_ATTRS",
                p.names,
                (),
                "Attributes of Flask's request copied to the span.",
            ),
            (
                "OTEL_PYTHON_AUTO_INSTRUMENTATION_EXPERIMENTAL_GEVENT_PATCH",
                p.one_of("patch_all"),
                None,
                "patch_all: gevent patches the standard library at start-up.",
            ),
        ),
        *rows(
            "instrumentation",
            http,
            (
                "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
                p.names,
                KNOWN_METHODS,
                "Request methods recorded by name; others are _OTHER. Replaces the whole list; case counts.",
            ),
            (
                "OTEL_SEMCONV_STABILITY_OPT_IN",
                p.choices("http", "http/dup", "database", "database/dup", "gen_ai_latest_experimental"),
                ("http", "database"),
                "Attribute names: http, database (stable); http/dup, database/dup (both); none (old).",
            ),
        ),
        *rows(
            "instrumentation",
            "OpenTelemetry semantic conventions, exceptions",
            (
                "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN",
                p.text,
                None,
                "Not supported: exceptions are span events.",
            ),
            kind="no effect",
        ),
    ]


def _python() -> list[Variable]:
    name, chosen = p.name, p.unsupported
    launcher = "otel-distro-run always starts otel_distro"
    provider, configurator = (
        "otel-distro sets the provider itself",
        "configurators of single tracers are not supported",
    )
    return [
        *rows(
            "OpenTelemetry Python",
            _PYTHON,
            (
                "OTEL_PYTHON_ID_GENERATOR",
                name("random", "xray"),
                "random",
                "Entry point that makes trace and span ids.",
            ),
            (
                "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",
                p.names,
                (),
                "Further resource detectors: list of entry points, or * for all that are installed.",
            ),
            (
                "OTEL_PYTHON_CONTEXT",
                chosen(
                    "other ways to keep the context are not supported",
                    "using contextvars_context",
                    "contextvars_context",
                ),
                None,
                "How the context is kept; only contextvars_context.",
            ),
            (
                "OTEL_PYTHON_DISTRO",
                chosen(launcher, "this is for opentelemetry-instrument", "otel_distro"),
                None,
                "Distro for opentelemetry-instrument; otel_distro makes sure that it is this one.",
            ),
            (
                "OTEL_PYTHON_CONFIGURATOR",
                chosen(launcher, "this is for opentelemetry-instrument", "otel_distro"),
                None,
                "Configurator for opentelemetry-instrument; otel_distro makes sure that it is this one.",
            ),
            *(
                (
                    f"OTEL_PYTHON_{kind}_PROVIDER",
                    chosen(
                        provider,
                        "ignored",
                        f"sdk_{kind.lower()}_provider",
                        f"default_{kind.lower()}_provider",
                    ),
                    None,
                    f"{kind.capitalize()} provider: set by otel-distro, whatever is named here.",
                )
                for kind in ("TRACER", "METER", "LOGGER")
            ),
            *(
                (
                    f"OTEL_PYTHON_{kind}_CONFIGURATOR",
                    chosen(configurator, "ignored"),
                    None,
                    "Not supported (in development).",
                )
                for kind in ("TRACER", "METER", "LOGGER")
            ),
            (
                "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED",
                chosen("a deprecated name", "use OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION", "false"),
                None,
                "Deprecated name of OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION.",
            ),
        ),
    ]


def _passed_on() -> list[Variable]:
    patterns, text = p.patterns, p.text
    return [
        *rows(
            "passed on to instrumentations",
            _CONTRIB,
            *(
                (
                    f"OTEL_PYTHON_{framework}_EXCLUDED_URLS",
                    patterns,
                    None,
                    f"OTEL_PYTHON_EXCLUDED_URLS for {framework.lower()}.",
                )
                for framework in FRAMEWORKS[2:]
            ),
            *(
                (
                    f"OTEL_PYTHON_{framework}_TRACED_REQUEST_ATTRS",
                    text,
                    None,
                    "Attributes of the request copied to the span.",
                )
                for framework in ("FALCON", "PYRAMID", "TORNADO")
            ),
            ("OTEL_PYTHON_GRPC_EXCLUDED_SERVICES", text, None, "gRPC services that make no span."),
            ("OTEL_PYTHON_LOG_CORRELATION", text, None, "true: trace ids in log records."),
            ("OTEL_PYTHON_LOG_FORMAT", text, None, "Format of log records."),
            ("OTEL_PYTHON_LOG_LEVEL", text, None, "Level of the root logger."),
            ("OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION", text, None, "false: no OTLP handler for log records."),
            ("OTEL_PYTHON_LOG_HANDLER_LEVEL", text, None, "Level of the OTLP handler."),
            ("OTEL_PYTHON_LOG_CODE_ATTRIBUTES", text, None, "true: log records name their line of code."),
            ("OTEL_PYTHON_ASYNCIO_COROUTINE_NAMES_TO_TRACE", text, None, "Coroutines that get a span."),
            ("OTEL_PYTHON_ASYNCIO_FUTURE_TRACE_ENABLED", text, None, "true: futures get a span."),
            (
                "OTEL_PYTHON_ASYNCIO_TO_THREAD_FUNCTION_NAMES_TO_TRACE",
                text,
                None,
                "Functions in asyncio.to_thread that get a span.",
            ),
            ("OTEL_PYTHON_SYSTEM_METRICS_EXCLUDED_METRICS", text, None, "System metrics that are left out."),
            ("OTEL_PYTHON_OPAMP_ENDPOINT", text, None, "URL of the OpAMP server (experimental)."),
            (
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
                text,
                None,
                "Whether prompts and answers are recorded.",
            ),
            kind="passed on",
        ),
    ]


ROWS = (*_instrumentation(), *_python(), *_passed_on())
