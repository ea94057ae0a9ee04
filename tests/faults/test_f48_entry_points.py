# SPDX-License-Identifier: Apache-2.0
"""F48, F49: a broken or hanging plugin of each entry-point group is done without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.backend import SERVER, Backend
from tests.harness.plugins import install, run_app

if TYPE_CHECKING:
    from pathlib import Path

# group -> the variable that names a plugin of it, and how many spans still arrive
GROUPS = {
    "opentelemetry_propagator": "OTEL_PROPAGATORS",
    "opentelemetry_traces_exporter": "OTEL_TRACES_EXPORTER",
    "opentelemetry_traces_sampler": "OTEL_TRACES_SAMPLER",
    "opentelemetry_id_generator": "OTEL_PYTHON_ID_GENERATOR",
    "opentelemetry_resource_detector": "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",
}
BREAKAGES = {
    "import error": ("raise ImportError('no such library')", "Plugin"),
    "missing name": ("x = 1", "Plugin"),
    "wrong type": ("Plugin = 42", "Plugin"),
    "wrong object": ("class Plugin:\n    pass\n", "Plugin"),
    "raises when made": (
        "class Plugin:\n    def __init__(self, *a, **k):\n        raise SystemExit(9)\n",
        "Plugin",
    ),
}


@pytest.mark.parametrize("breakage", sorted(BREAKAGES))
@pytest.mark.parametrize("group", sorted(GROUPS))
def test_the_rest_works(group: str, breakage: str, tmp_path: Path) -> None:
    """The span arrives, the app notices nothing, and at most two lines say what is missing."""
    code, attribute = BREAKAGES[breakage]
    folder = install(tmp_path / "broken", group, "broken", code, attribute)
    with Backend() as backend:
        done = run_app([folder], {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, GROUPS[group]: "broken"})
        assert (done.returncode, done.stdout) == (0, "page\n")
        assert [span.name for span in backend.wait_for(1, timeout_s=5) if span.kind == SERVER] == ["GET /"]
    lines = done.stderr.splitlines()
    assert 1 <= len(lines) <= 2
    assert all("broken" in line for line in lines)
    assert "Traceback" not in done.stderr


def test_a_hanging_detector_is_given_up(tmp_path: Path) -> None:
    """F49: start-up goes on after 2 s, and says so."""
    code = "import time\nclass Plugin:\n    def detect(self):\n        time.sleep(60)\n"
    folder = install(tmp_path / "slow", "opentelemetry_resource_detector", "slow", code)
    with Backend() as backend:
        done = run_app(
            [folder],
            {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "slow"},
        )
        assert (done.returncode, done.stdout) == (0, "page\n")
        assert [span.name for span in backend.wait_for(1, timeout_s=5) if span.kind == SERVER] == ["GET /"]
    assert done.stderr.splitlines() == [
        "otel-distro: OTEL_EXPERIMENTAL_RESOURCE_DETECTORS=slow: the detector took over 2 s; going on without it"
    ]
