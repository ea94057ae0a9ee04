# SPDX-License-Identifier: Apache-2.0
"""P49: ids on log records, and nothing else of the app's logging is touched."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from otel_distro.instrumentation import log_correlation
from otel_distro.settings.settings import Settings
from tests.harness.span_recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def correlated() -> Iterator[None]:
    log_correlation.instrument(Settings(service_name="shop"))
    yield
    log_correlation.uninstrument()


def test_records_carry_the_ids_of_the_current_span(caplog: pytest.LogCaptureFixture) -> None:
    """And zeros outside a span."""
    recorder = Recorder()
    with recorder.provider.get_tracer("t").start_as_current_span("s"):
        logging.getLogger("app").warning("inside")
    logging.getLogger("app").warning("outside")
    inside, outside = caplog.records
    (span,) = recorder.take()
    assert (inside.otelTraceID, inside.otelSpanID) == (f"{span.trace_id:032x}", f"{span.span_id:016x}")
    assert (inside.otelTraceSampled, inside.otelServiceName) == (True, "shop")
    assert (outside.otelTraceID, outside.otelSpanID, outside.otelTraceSampled) == ("0", "0", False)
    assert inside.getMessage() == "inside"


def test_handlers_formats_and_levels_stay() -> None:
    """The root logger is as it was."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    log_correlation.uninstrument()
    assert logging.getLogRecordFactory() is logging.LogRecord
    log_correlation.instrument(Settings())
    assert (list(root.handlers), root.level) == before


def test_a_factory_of_the_app_still_works() -> None:
    """Ours calls the one that was there; one that comes later is not taken away again."""
    log_correlation.uninstrument()

    class Mine(logging.LogRecord):
        pass

    logging.setLogRecordFactory(Mine)
    try:
        log_correlation.instrument(Settings())
        record = logging.getLogger("app").makeRecord("app", 30, "f", 1, "m", (), None)
        assert type(record) is Mine
        assert record.otelTraceID == "0"
        logging.setLogRecordFactory(Mine)
        log_correlation.uninstrument()
        assert logging.getLogRecordFactory() is Mine
    finally:
        logging.setLogRecordFactory(logging.LogRecord)
