# SPDX-License-Identifier: Apache-2.0
"""F67: escape codes in names reach neither the terminal nor the viewer's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from otel_distro.viewer import terminal
from otel_distro.viewer.analysis import findings
from otel_distro.viewer.store.traces import SpanRow
from otel_distro.viewer.terminal import Style
from tests.harness.viewer_process import ViewerProcess
from tests.harness.viewer_spans import Request

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202e\r\nfake line\x9b31m"


@given(st.text(), st.text(), st.text())
def test_no_control_character_in_a_tree(name: str, group: str, place: str) -> None:
    """Whatever a span is called, every line prints as one line."""
    rows = [SpanRow("a" * 16, "", name, name, 2, 0, 10**9, 2, 500, group, name, place, name)]
    rows += [SpanRow(f"{i:016x}", "a" * 16, name, name, 3, i, 10**8, 0, 0, group, name, place, "") for i in range(1, 7)]

    for line in terminal.trace_tree(findings.analyse(rows), Style()):
        assert line == "" or line.isprintable()


def test_no_control_character_in_the_log(tmp_path: Path) -> None:
    """Names in hosts, addresses, bodies and spans."""
    with ViewerProcess(tmp_path) as viewer:
        request = Request()
        request.span(HOSTILE, service=HOSTILE, exception=(HOSTILE, HOSTILE), error=True)
        viewer.send(request.bytes())
        viewer.ask("GET", "/", headers={"Host": "evil\x1b[31m.example"})
        viewer.ask("POST", "/v1/traces", HOSTILE.encode("latin-1", "replace"), {"Content-Type": "application/json"})
        assert 1 == len(viewer.get("/api/ui/traces")["traces"])
    said = viewer.said()

    assert "evil" in said
    assert all(line.isprintable() for line in said.splitlines())
