# SPDX-License-Identifier: Apache-2.0
"""F51: OpenTelemetry in a version that does not fit, or not usable at all: the app runs, one line says what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.backend import SERVER, Backend
from tests.harness.plugins import run_app

if TYPE_CHECKING:
    from pathlib import Path


def _shadow(folder: Path, module: str, code: str) -> Path:
    """A folder whose module wins over the installed one; OpenTelemetry's packages are namespace packages."""
    target = folder.joinpath(*module.split("."))
    target.mkdir(parents=True)
    (target / "__init__.py").write_text(code)
    return folder


def test_an_sdk_outside_the_range_is_named(tmp_path: Path) -> None:
    """Tracing goes on as far as it can, and one line says which version was found and which fits."""
    folder = _shadow(tmp_path, "opentelemetry.sdk.version", "__version__ = '1.30.0'\n")
    with Backend() as backend:
        done = run_app([folder], {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url})
        assert (done.returncode, done.stdout) == (0, "page\n")
        assert [span.name for span in backend.wait_for(1, timeout_s=5) if span.kind == SERVER] == ["GET /"]
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert "opentelemetry-sdk=1.30.0: this version is outside the supported range" in lines[0]


def test_an_sdk_that_cannot_be_imported_means_no_tracing(tmp_path: Path) -> None:
    """The app runs as without us; one line names the trouble, and nothing is patched."""
    folder = _shadow(tmp_path, "opentelemetry.sdk.trace", "raise ImportError('cannot import name wrapt')\n")
    done = run_app([folder], {})
    assert (done.returncode, done.stdout) == (0, "page\n")
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("otel-distro: the tracing pipeline could not be built: ")
    assert "cannot import name wrapt" in lines[0]
