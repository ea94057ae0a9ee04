# SPDX-License-Identifier: Apache-2.0
"""A real Jaeger of each version for all end-to-end tests of a run; skipped where none is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.jaeger import running_jaeger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.jaeger import Jaeger


@pytest.fixture(scope="session")
def jaeger_v1() -> Iterator[Jaeger]:
    with running_jaeger("v1") as jaeger:
        yield jaeger


@pytest.fixture(scope="session")
def jaeger_v2() -> Iterator[Jaeger]:
    with running_jaeger("v2") as jaeger:
        yield jaeger


@pytest.fixture(params=["v2", "v1"])
def jaeger(request: pytest.FixtureRequest) -> Jaeger:
    """Each version in turn."""
    found: Jaeger = request.getfixturevalue(f"jaeger_{request.param}")
    return found
