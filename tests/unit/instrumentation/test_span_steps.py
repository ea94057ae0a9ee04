# SPDX-License-Identifier: Apache-2.0
"""Steps on every span: baggage at its start, redaction at its end, whatever package has made it."""

from __future__ import annotations

import pytest
from opentelemetry import baggage, context

from otel_distro.instrumentation.baggage_attributes import BaggageAttributes
from otel_distro.instrumentation.redacting_span_processor import RedactingSpanProcessor
from otel_distro.instrumentation.redaction import Redactor
from otel_distro.pipeline.provider import TracerProvider as OurTracerProvider
from tests.harness.span_recorder import Recorder


def test_baggage_becomes_attributes() -> None:
    """Of every span below, for the keys that are named; with globs."""
    recorder = Recorder()
    recorder.provider.add_span_processor(BaggageAttributes(["tenant", "user.*"]))
    given = context.get_current()
    for key, value in {"tenant": "t1", "user.id": "7", "other": "x"}.items():
        given = baggage.set_baggage(key, value, given)
    token = context.attach(given)
    try:
        tracer = recorder.provider.get_tracer("app")
        with tracer.start_as_current_span("outer"), tracer.start_as_current_span("inner"):
            pass
    finally:
        context.detach(token)
    assert [span.attributes for span in recorder.take()] == [{"tenant": "t1", "user.id": "7"}] * 2


@pytest.mark.parametrize("core", ["sdk", "ours"])
def test_spans_of_other_packages_are_redacted(core: str) -> None:
    """URLs, headers and SQL; ours have been redacted where they were made, and are not looked at again."""
    recorder = Recorder()
    if core == "ours":
        exporter_processor = recorder.provider._active_span_processor._span_processors[0]
        recorder.provider = OurTracerProvider()
        recorder.provider.add_span_processor(exporter_processor)
    recorder.provider.add_span_processor(RedactingSpanProcessor(Redactor()))
    attributes = {
        "url.full": "http://u:p@h/?token=1",
        "db.system": "postgresql",
        "db.statement": "insert into t values ('secret')",
        "http.request.header.cookie": ("a=1",),
    }
    for scope in ("opentelemetry.instrumentation.x", "otel_distro.instrumentation.x"):
        recorder.provider.get_tracer(scope).start_span("s", attributes=attributes).end()
    other, own = recorder.take()
    assert other.attributes == {
        "url.full": "http://REDACTED:REDACTED@h/?token=REDACTED",
        "db.system": "postgresql",
        "db.statement": "insert into t values (?)",
        "http.request.header.cookie": ["[REDACTED]"],
    }
    assert own.attributes["url.full"] == "http://u:p@h/?token=1"


def test_statements_that_are_no_sql_stay() -> None:
    """Redis and the like have a language of their own."""
    attributes: dict[str, object] = {"db.system": "redis", "db.statement": "SET a 5"}
    Redactor().attributes(attributes)
    assert attributes["db.statement"] == "SET a 5"
