# SPDX-License-Identifier: Apache-2.0
"""Asks a Jaeger agent, collector or Collector extension for a service's sampling strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from otel_distro.samplers import strategy

if TYPE_CHECKING:
    from otel_distro.samplers.strategy import Strategy

TIMEOUT_S = 10.0
MAX_REPLY_BYTES = 4 * 1024 * 1024
_GRPC_PORTS = {14250, 5779}
_COLLECTOR_HTTP_PORT = 14268
_GRPC_METHOD = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy"


class FetchError(Exception):
    """No usable answer; the text says why, without the server's own words."""
