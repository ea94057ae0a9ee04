# SPDX-License-Identifier: Apache-2.0
"""propagators/xray.py."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.context import Context, get_value

from otel_distro.propagators.xray import XRayPropagator
from otel_distro.runtime.sampling_request import REQUEST_KEY, SamplingRequest

ROOT, PARENT = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
TRACE_ID = 0x5759E988BD862E3FE1BE46A994272793


def extracted(value: str) -> Context:
    return XRayPropagator().extract({"x-amzn-trace-id": value})


def passed_on(value: str) -> str:
    carrier: dict[str, str] = {}
    XRayPropagator().inject(carrier, extracted(value))
    return carrier.get("X-Amzn-Trace-Id", "")


@pytest.mark.parametrize(
    ("value", "out"),
    [
        (f"Root={ROOT};Parent={PARENT};Sampled=1", f"Root={ROOT};Parent={PARENT};Sampled=1"),
        (f"Sampled=0; Parent={PARENT} ;Root={ROOT}", f"Root={ROOT};Parent={PARENT};Sampled=0"),
        (
            f"Root={ROOT};Parent={PARENT};Sampled=1;Lineage=25:3d236e6a:0",
            f"Root={ROOT};Parent={PARENT};Sampled=1;Lineage=25:3d236e6a:0",
        ),
        (f"Self=1-1-1;Root={ROOT};Parent={PARENT};Sampled=1;x=y", f"Root={ROOT};Parent={PARENT};Sampled=1"),
        (f"Root={ROOT};Parent={PARENT};Sampled=?", f"Root={ROOT};Parent={PARENT};Sampled=?"),
        (f"Root={ROOT};Parent={PARENT}", f"Root={ROOT};Parent={PARENT};Sampled=?"),
        (f"Root={ROOT};Sampled=1", f"Root={ROOT};Parent=e1be46a994272793;Sampled=1"),
        (f"Root={ROOT}", f"Root={ROOT};Parent=e1be46a994272793;Sampled=?"),
    ],
)
def test_what_is_passed_on(value: str, out: str) -> None:
    """Fields in any order; an open decision stays open; Lineage goes along; a Root alone is a trace."""
    assert out == passed_on(value)
    assert TRACE_ID == trace.get_current_span(extracted(value)).get_span_context().trace_id


def test_an_open_decision_is_the_root_samplers() -> None:
    """The caller leaves it to us."""
    assert SamplingRequest(None, TRACE_ID) == get_value(
        REQUEST_KEY, extracted(f"Root={ROOT};Parent={PARENT};Sampled=?")
    )


@pytest.mark.parametrize(
    "value",
    [
        *("", "x", "Root=", "Root=1-5759e988-bd862e3fe1be46a99427279", f"Root=2{ROOT[1:]}", f"Parent={PARENT}"),
        *(f"Root={ROOT};Parent=xyz", f"Root={ROOT};Parent={'0' * 16}", f"Root=1-{'0' * 8}-{'0' * 24};Parent={PARENT}"),
        f"Root={ROOT};Parent={PARENT};" + "x" * 2000,
    ],
)
def test_invalid_headers_are_ignored(value: str) -> None:
    """A new trace begins."""
    assert Context() == extracted(value)


def test_lineage_of_odd_characters_stays_here() -> None:
    """It is written as it came, so it must be plain."""
    assert f"Root={ROOT};Parent={PARENT};Sampled=1" == passed_on(
        f"Root={ROOT};Parent={PARENT};Sampled=1;Lineage=a\r\nb"
    )
