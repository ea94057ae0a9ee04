# SPDX-License-Identifier: Apache-2.0
"""Traces appear on stderr when they are complete."""

from __future__ import annotations

import pytest

from otel_distro.exporters.console import ConsoleSpanExporter
from otel_distro.exporters.retry import Delivered
from otel_distro.runtime.deadline import Deadline
from tests.harness.spans import context, span


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def exporter(lines: list[str]) -> ConsoleSpanExporter:
    return ConsoleSpanExporter(lines.append, ascii_only=True)


def test_a_trace_is_printed_when_its_root_has_ended(exporter: ConsoleSpanExporter, lines: list[str]) -> None:
    assert exporter.export_once([span(2, parent=context(1))], Deadline(1)) == Delivered()
    assert lines == []
    exporter.export_once([span(1)], Deadline(1))
    assert lines[0] == "trace 000000000000000000000000000000a1  shop"
    assert [line.split()[0] for line in lines[1:]] == ["span", "`-"]


def test_a_span_whose_parent_is_in_another_process_is_a_root(exporter: ConsoleSpanExporter, lines: list[str]) -> None:
    exporter.export_once([span(2, parent=context(1, is_remote=True))], Deadline(1))
    assert len(lines) == 2


@pytest.mark.parametrize("method", ["force_flush", "shutdown"])
def test_what_waits_for_its_root_is_printed_at_the_end(
    method: str, exporter: ConsoleSpanExporter, lines: list[str]
) -> None:
    exporter.export_once([span(2, parent=context(1))], Deadline(1))
    getattr(exporter, method)()
    assert len(lines) == 2
    getattr(exporter, method)()
    assert len(lines) == 2


def test_what_waits_is_bounded(exporter: ConsoleSpanExporter, lines: list[str]) -> None:
    for trace_id in range(1, 2102):
        exporter.export_once([span(2, context=context(2, trace_id), parent=context(1, trace_id))], Deadline(1))
    assert len(lines) == 2 * 101


def test_a_forked_child_prints_nothing_of_its_parents(exporter: ConsoleSpanExporter, lines: list[str]) -> None:
    exporter.export_once([span(2, parent=context(1))], Deadline(1))
    exporter.after_fork_in_child()
    exporter.shutdown()
    assert lines == []


def test_it_writes_to_stderr_and_nothing_raw(capfd: pytest.CaptureFixture[str]) -> None:
    ConsoleSpanExporter().export_once([span(1, name="evil\x1b]0;title\x07")], Deadline(1))
    out, err = capfd.readouterr()
    assert out == ""
    assert "evil\\x1b]0;title\\x07" in err
    assert "\x1b" not in err


@pytest.mark.usefixtures("capfd")
def test_what_is_no_span_never_raises(exporter: ConsoleSpanExporter) -> None:
    assert exporter.export_once([object()], Deadline(1)) == Delivered()
