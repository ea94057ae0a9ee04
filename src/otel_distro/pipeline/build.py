# SPDX-License-Identifier: Apache-2.0
"""Settings to running providers, set as OpenTelemetry's global ones. Each part is built inside the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.metrics import get_meter_provider
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.sdk.version import __version__ as sdk_version

from otel_distro import exporters, samplers
from otel_distro.instrumentation.redacting_span_processor import RedactingSpanProcessor
from otel_distro.instrumentation.redaction import Redactor
from otel_distro.pipeline import resource as resources
from otel_distro.pipeline import sdk_log
from otel_distro.pipeline.batch_span_processor import BatchSpanProcessor
from otel_distro.pipeline.provider import TracerProvider
from otel_distro.runtime import exit, guard
from otel_distro.settings.problem import Problem

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.sdk.trace.id_generator import IdGenerator

    from otel_distro.settings.settings import LimitSettings, Settings

OLDEST_SDK = (1, 45)
NEXT_MAJOR_SDK = (2,)
CONSOLE_DELAY_S = 0.2  # a person is looking


def check_versions() -> list[Problem]:
    """A problem when the installed SDK is outside the range this version was made for."""
    found = tuple(int(part) for part in sdk_version.split(".")[:2] if part.isdigit())
    if OLDEST_SDK <= found < NEXT_MAJOR_SDK:
        return []
    return [
        Problem(
            "opentelemetry-sdk",
            sdk_version,
            "this version is outside the supported range 1.45 to 2",
            "tracing goes on as far as it can; pip install 'opentelemetry-sdk>=1.45,<2'",
        )
    ]


def install(settings: Settings) -> list[Problem]:
    """Build every provider that is asked for and make it OpenTelemetry's global one."""
    sdk_log.install("error" if settings.quiet else settings.log_level)
    exit.configure(settings.exit_timeout_s)
    if settings.flush_on_sigterm:
        exit.flush_on_sigterm()
    resource, problems = resources.create(settings)
    if settings.metrics_exporters:
        from otel_distro.pipeline import metrics

        problems += guard.load("metrics could not be set up", metrics.install, settings, resource) or []
    provider, found = _tracer_provider(settings, resource)
    trace.set_tracer_provider(provider)
    problems += found
    if settings.logs_exporters:
        from otel_distro.pipeline import logs

        problems += guard.load("logs could not be set up", logs.install, settings, resource) or []
    return problems


def _tracer_provider(settings: Settings, resource: Resource) -> tuple[SdkTracerProvider, list[Problem]]:
    service_name = str(resource.attributes.get("service.name"))
    sampler, problems = samplers.create(settings.sampler, service_name, settings.propagators)
    id_generator, found = _id_generator(settings.id_generator)
    problems += found
    created, found = exporters.create(settings)
    problems += found
    limits = _span_limits(settings.limits)
    if settings.span_core == "sdk":
        from otel_distro.pipeline import sdk_core

        return sdk_core.provider(sampler, resource, id_generator, limits, created, settings), problems
    meter_provider = get_meter_provider() if settings.sdk_internal_metrics and settings.metrics_exporters else None
    provider = TracerProvider(
        sampler=sampler,
        resource=resource,
        id_generator=id_generator,
        span_limits=limits,
        meter_provider=meter_provider,
        renew_resource=resources.renewal(settings),
    )
    for step in _span_steps(settings):
        provider.add_span_processor(step)
    for exporter in created:
        processor = _processor(exporter, settings)
        provider.add_span_processor(processor)
        if meter_provider is not None:
            guard.call("the metrics of the pipeline", _observe, processor, meter_provider, exporter)
    return provider, problems


def _span_steps(settings: Settings) -> list[SpanProcessor]:
    """What happens to every span before it is queued, whoever made it."""
    wishes = settings.instrumentation
    steps: list[SpanProcessor] = [RedactingSpanProcessor(Redactor(wishes.redact, wishes.sanitize_fields))]
    if wishes.baggage_attributes:
        from otel_distro.instrumentation.baggage_attributes import BaggageAttributes

        steps.append(BaggageAttributes(wishes.baggage_attributes))
    return steps


def _observe(processor: BatchSpanProcessor, meter_provider: MeterProvider, exporter: SpanExporter) -> None:
    from otel_distro.pipeline import sdk_metrics

    name = type(exporter).__name__  # OtlpHttpSpanExporter -> otlp_http_span_exporter
    component = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
    sdk_metrics.observe(processor, meter_provider, component)


def _processor(exporter: SpanExporter, settings: Settings) -> BatchSpanProcessor:
    given = dict(settings.origin)
    bsp = settings.bsp
    is_console = getattr(exporter, "destination", "") == "console"
    if is_console and "OTEL_BSP_SCHEDULE_DELAY" not in given:
        bsp = bsp._replace(schedule_delay_s=CONSOLE_DELAY_S)
    elastic = "OTEL_BSP_MAX_QUEUE_SIZE" not in given
    return BatchSpanProcessor(exporter, bsp, drop_policy=settings.drop_policy, elastic=elastic)


def _id_generator(name: str) -> tuple[IdGenerator | None, list[Problem]]:
    if name == "random":
        return None, []
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.util._importlib_metadata import entry_points

    for found in entry_points(group="opentelemetry_id_generator", name=name):
        what = f"OTEL_PYTHON_ID_GENERATOR={name} cannot be loaded"
        loaded = guard.load(what, found.load)
        made = guard.load(what, loaded) if loaded is not None else None
        if isinstance(made, IdGenerator):
            return made, []
    return None, [Problem("OTEL_PYTHON_ID_GENERATOR", name, "no such id generator is installed", "using random")]


def _span_limits(limits: LimitSettings) -> SpanLimits:
    def given(value: int | None) -> int:
        return SpanLimits.UNSET if value is None else value

    return SpanLimits(
        max_attributes=SpanLimits.UNSET,
        max_events=given(limits.events),
        max_links=given(limits.links),
        max_span_attributes=given(limits.span_attributes),
        max_event_attributes=given(limits.event_attributes),
        max_link_attributes=given(limits.link_attributes),
        max_attribute_length=given(limits.attribute_length),
        max_span_attribute_length=given(limits.span_attribute_length),
    )
