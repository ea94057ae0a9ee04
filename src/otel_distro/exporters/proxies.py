# SPDX-License-Identifier: Apache-2.0
"""The proxy that an exporter's requests go through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.settings.problem import Problem
from otel_distro.transport.proxy import Proxy, parse, proxy_for

if TYPE_CHECKING:
    from otel_distro.settings.settings import Settings


def proxy_of(settings: Settings, url: str, problems: list[Problem]) -> Proxy | None:
    """The proxy for requests to url; one that cannot be used is a problem, and the connection is direct."""
    proxies = settings.proxies
    proxy = proxy_for(url, proxies.http, proxies.https, proxies.no_proxy)
    if proxy is None:
        return None
    try:
        return parse(proxy)
    except ValueError as error:
        variable = "https_proxy" if url.startswith("https:") else "http_proxy"
        problems.append(Problem(variable, None, str(error), "connecting directly"))
        return None
