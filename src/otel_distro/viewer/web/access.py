# SPDX-License-Identifier: Apache-2.0
"""Who may ask what: the rules that keep other web pages and other users away. Pure decisions.

A page in the same browser can send requests to loopback, and a name of its own can be made to point here (DNS
rebinding). So the Host must be a name that only this machine has, the browser's Sec-Fetch-* and Origin headers
must say that our own page asks, and data needs the token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from otel_distro.viewer.web.http import Request

PAGE, ASSET, API, ACTION, INGEST = "page", "asset", "api", "action", "ingest"


class Policy(NamedTuple):
    """allowed_hosts: names besides localhost. cors_origins: web pages that may send spans. token: "" for none."""

    token: str
    ui_port: int
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()


class Refusal(NamedTuple):
    """Why a request is not answered."""

    status: int
    reason: str


def check(request: Request, role: str, policy: Policy) -> Refusal | None:
    """None if the request may be answered. role: PAGE, ASSET, API (reads), ACTION (changes) or INGEST."""
    if not host_allowed(request.headers.get("host", ""), policy.allowed_hosts):
        return Refusal(421, "this host name is not allowed here; start with --allowed-host NAME to allow it")
    refusal = _from_elsewhere(request, role, policy)
    if refusal is not None or role in (PAGE, ASSET, INGEST):
        return refusal
    if not authorised(request, policy):
        return Refusal(401, "the token is missing; open the address that `otel-distro ui url` prints")
    if role == ACTION and not _is_json(request):
        return Refusal(415, "changes are sent as application/json")
    return None


def host_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    """Whether a Host header names this machine: localhost, *.localhost, an IP address, or an allowed name."""
    name = host_name(host)
    if not name:
        return False
    if name == "localhost" or name.endswith(".localhost") or name in allowed:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def host_name(host: str) -> str:
    """The name in a Host header, lower case, without port, brackets and final dot; empty if it cannot be read."""
    if not host or any(character in host for character in "/@?#\\ "):
        return ""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return ""
    return (parts.hostname or "").removesuffix(".")


def authorised(request: Request, policy: Policy) -> bool:
    """Whether the request carries the token, as Bearer, Basic password or cookie; compared in constant time."""
    if not policy.token:
        return True
    given = [request.cookies().get(cookie_name(policy), "")]
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        given.append(value.strip())
    elif scheme.lower() == "basic":
        given.append(_basic_password(value))
    if hmac.compare_digest(given[0].encode(), cookie_value(policy).encode()):
        return True
    return any(token_matches(one, policy) for one in given[1:])


def token_matches(given: str, policy: Policy) -> bool:
    """Whether this is the token itself."""
    return bool(policy.token) and hmac.compare_digest(given.encode(), policy.token.encode())


def cookie_name(policy: Policy) -> str:
    """One per port: cookies do not know ports, and two viewers would overwrite each other's."""
    return f"otel-distro-{policy.ui_port}"


def cookie_value(policy: Policy) -> str:
    """Derived from the token: the app being traced receives the cookie too and must not learn the token."""
    return hmac.new(policy.token.encode(), f"cookie:{policy.ui_port}".encode(), hashlib.sha256).hexdigest()


def _from_elsewhere(request: Request, role: str, policy: Policy) -> Refusal | None:
    origin = request.headers.get("origin")
    if role == INGEST and origin is not None and origin in policy.cors_origins:
        return None
    site = request.headers.get("sec-fetch-site", "none")
    if site in ("cross-site", "same-site"):
        opens_page = (
            role == PAGE
            and request.method == "GET"
            and request.headers.get("sec-fetch-mode") == "navigate"
            and request.headers.get("sec-fetch-dest", "document") == "document"
        )
        if not opens_page:
            return Refusal(403, "another web page asked for this")
    if origin is not None and not _is_own(origin, request.headers.get("host", "")):
        return Refusal(403, "another web page asked for this; for spans from a browser use --cors-origin")
    return None


def _is_own(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
        return parts.scheme == "http" and bool(host) and parts.netloc.lower() == host.lower()
    except ValueError:
        return False


def _is_json(request: Request) -> bool:
    if request.method == "DELETE" and not request.body and "content-type" not in request.headers:
        return False
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _basic_password(value: str) -> str:
    try:
        return base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")[2]
    except ValueError:
        return ""
