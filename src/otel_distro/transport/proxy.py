# SPDX-License-Identifier: Apache-2.0
"""Which proxy a URL goes through. Pure: the variables were read by settings.

Source: the conventions of http_proxy, https_proxy and no_proxy, as curl and Python's urllib document them.
"""

from __future__ import annotations

import base64
from typing import NamedTuple
from urllib.parse import unquote, urlsplit


class Proxy(NamedTuple):
    """An HTTP proxy. headers: those that authorise us there. name: safe to print."""

    host: str
    port: int
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        return f"proxy {self.host}:{self.port}"


def proxy_for(url: str, http: str | None, https: str | None, no_proxy: tuple[str, ...]) -> str | None:
    """The proxy's URL for url, or None to connect directly. The loopback interface never takes a proxy.

    no_proxy: host names, domains with or without a leading dot, addresses, `host:port`, or `*` for all.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    proxy = https if parts.scheme == "https" else http
    if not proxy or _is_loopback(host) or any(_covers(entry, host, _port(url)) for entry in no_proxy):
        return None
    return proxy


def parse(url: str) -> Proxy:
    """Raises ValueError, whose text holds no credentials, for what is not an HTTP proxy."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme != "http":
        raise ValueError(f"proxies of type {parts.scheme!r} are not supported")
    try:
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        raise ValueError("the proxy's port is not a number up to 65535") from None
    if not host:
        raise ValueError("the proxy's URL has no host")
    if parts.username is None:
        return Proxy(host, port)
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    credentials = base64.b64encode(pair.encode("utf-8", "replace")).decode("ascii")
    return Proxy(host, port, (("Proxy-Authorization", f"Basic {credentials}"),))


def _is_loopback(host: str) -> bool:
    return (
        host in {"localhost", "::1"}
        or host.endswith(".localhost")
        or (host.startswith("127.") and host.replace(".", "").isdigit())
    )


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None


def _covers(entry: str, host: str, port: int | None) -> bool:
    entry = entry.strip().lower()
    if entry == "*":
        return True
    if entry.count(":") == 1:
        entry, _, number = entry.partition(":")
        if number != str(port):
            return False
    entry = entry.strip("[]").lstrip(".").rstrip(".")
    if not entry:
        return False
    if "/" in entry:
        return _in_network(host, entry)
    return host == entry or host.endswith("." + entry)


def _in_network(host: str, network: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False  # a host name, or no network: it does not match
