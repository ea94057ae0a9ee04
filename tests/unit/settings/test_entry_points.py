# SPDX-License-Identifier: Apache-2.0
"""Entry points are found without importlib.metadata, and are those that it finds."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from otel_distro.settings import entry_points

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "group", ["opentelemetry_instrumentor", "opentelemetry_propagator", "console_scripts", "no_such_group"]
)
def test_same_as_the_standard_library(group: str) -> None:
    """Names and values of every installed distribution."""
    expected = {point.name: point.value for point in reversed(list(importlib.metadata.entry_points(group=group)))}
    actual = {point.name: point.value for point in entry_points.declared(group)}
    assert expected.keys() == actual.keys()
    assert {name: expected[name].partition("[")[0].strip() for name in expected} == actual


def test_broken_metadata_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder where a file should be, junk, and bytes that are no text cost nothing."""
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}-1.dist-info").mkdir()
    (tmp_path / "a-1.dist-info" / "entry_points.txt").mkdir()
    (tmp_path / "b-1.dist-info" / "entry_points.txt").write_bytes(b"[group]\n\xff\xfe = x:y\nno equals sign\n= \n")
    (tmp_path / "c-1.dist-info" / "entry_points.txt").write_text("[other]\nz = z:z\n[group]\nfine = m:C [extra]\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "missing")])
    found = {point.name: point.value for point in entry_points.declared("group")}
    assert found["fine"] == "m:C"


def test_importlib_metadata_stays_unimported() -> None:
    """The point of the module."""
    code = (
        "import sys; from otel_distro.settings import entry_points;"
        "entry_points.declared('opentelemetry_instrumentor'); print('importlib.metadata' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "False\n"
