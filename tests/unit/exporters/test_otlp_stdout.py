# SPDX-License-Identifier: Apache-2.0
"""OTLP/JSON lines on standard output."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from otel_distro.exporters.otlp_stdout import OtlpStdoutSpanExporter
from otel_distro.exporters.retry import Delivered
from otel_distro.runtime.deadline import Deadline
from tests.harness.backend import decode
from tests.harness.spans import spans


def test_each_batch_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    exporter = OtlpStdoutSpanExporter()
    assert exporter.export_once(spans(2, name="two\nlines"), Deadline(1)) == Delivered()
    assert exporter.export_once(spans(1), Deadline(1)) == Delivered()
    first, second = capfd.readouterr().out.splitlines()
    assert [item.name for item in decode(first.encode(), "application/json")] == ["two\nlines"] * 2
    assert "resourceSpans" in json.loads(second)


@pytest.mark.usefixtures("capfd")
def test_nothing_to_say_is_no_line(capfd: pytest.CaptureFixture[str]) -> None:
    outcome = OtlpStdoutSpanExporter().export_once([object()], Deadline(1))
    assert isinstance(outcome, Delivered)
    assert outcome.rejected == 1
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("state", ["os.close(1)", "sys.stdout = None", "os.dup2(os.open('/dev/full', os.O_WRONLY), 1)"])
def test_a_stdout_that_is_gone_is_an_outcome(state: str) -> None:
    code = f"""
        import os, sys
        from otel_distro.exporters.otlp_stdout import OtlpStdoutSpanExporter
        from otel_distro.exporters.retry import Refused
        from otel_distro.runtime.deadline import Deadline
        from tests.harness.spans import spans
        made = spans(1)
        {state}
        outcome = OtlpStdoutSpanExporter().export_once(made, Deadline(1))
        os._exit(0 if isinstance(outcome, Refused) else 3)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=20)
