# SPDX-License-Identifier: Apache-2.0
"""What the exporters for Jaeger's protocols share."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from otel_distro.runtime import log

if TYPE_CHECKING:
    from otel_distro.settings.settings import JaegerSettings


def authorization(settings: JaegerSettings) -> list[tuple[str, str]]:
    """The authorization header for user and password, or for a token; none without."""
    if settings.user is not None:
        pair = f"{settings.user}:{settings.password or ''}".encode()
        return [("authorization", f"Basic {base64.b64encode(pair).decode('ascii')}")]
    if settings.token is not None:
        return [("authorization", f"Bearer {settings.token}")]
    return []


def tell_of_cut_spans(destination: str, count: int) -> None:
    """Say that spans were not sent whole."""
    if count:
        log.warn(
            f"{count} spans were too large for {destination}; their longest values were cut",
            key=f"cut {destination}",
        )
