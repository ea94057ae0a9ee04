# SPDX-License-Identifier: Apache-2.0
"""The reference names what there is: addresses, options, limits."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from otel_distro.viewer.process import serve
from otel_distro.viewer.web import app, http
from otel_distro.viewer.web.server import Limits
from otel_distro.wire import otlp_decode

DOCS = Path(__file__).parent.parent.parent / "docs"
REFERENCE = (DOCS / "reference" / "viewer-api.md").read_text("utf-8")


def test_every_address_is_in_the_reference() -> None:
    """And none that there is not."""
    documented = set(re.findall(r"`(?:POST )?(/api/[\w/{}-]+)", REFERENCE))
    simple = {"/api/" + "/".join(parts) for parts in app.QUERIES}
    with_parts = {
        "/api/services/{service}/operations", "/api/traces/{id}", "/api/v3/traces/{id}", "/api/ui/traces/{id}",
        "/api/ui/traces/{id}/analysis", "/api/ui/traces/{id}/spans/{span}", "/api/ui/traces/{id}/export",
        "/api/ui/live", "/api/ui/import", "/api/ui/clear", "/api/ui/stop",
    }  # fmt: skip

    assert simple | with_parts == documented


def test_ports_and_limits_are_as_documented() -> None:
    """Numbers on the page are those in the code."""
    for port in serve.PORTS.values():
        assert str(port) in REFERENCE
    assert f"{http.MAX_BODY // 1024**2} MB, also decompressed" in REFERENCE
    assert f"{otlp_decode.MAX_SPANS:,}; {otlp_decode.MAX_VALUES_PER_SPAN:,} values" in REFERENCE
    assert f"nested {otlp_decode.MAX_DEPTH} deep" in REFERENCE
    assert f"{Limits().connections}; a request must be whole after {Limits().request_s:.0f} s" in REFERENCE


def test_options_in_the_documents_exist() -> None:
    """`--name` of the viewer, wherever it is mentioned."""
    parser = argparse.ArgumentParser()
    serve.add_arguments(parser)
    known = {option for action in parser._actions for option in action.option_strings} | {"--all", "--json"}
    for path in ("reference/viewer-api.md", "tutorials/see-your-first-trace.md"):
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (DOCS / path).read_text("utf-8"))) <= known
