# SPDX-License-Identifier: Apache-2.0
"""A WSGI environ, or Django's META, as the attributes of a SERVER span.

Source: OpenTelemetry semantic conventions 1.44, HTTP server span.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_distro.instrumentation.redaction import Redactor
    from otel_distro.settings.settings import InstrumentationSettings

_VERSIONS = {
    "HTTP/1.1": "1.1",
    "HTTP/1.0": "1.0",
    "HTTP/2": "2",
    "HTTP/2.0": "2",
    "HTTP/3": "3",
    "HTTP/3.0": "3",
    "1.1": "1.1",
    "1.0": "1.0",
    "2": "2",
    "3": "3",
}
_SCHEMES = frozenset(("http", "https"))
_FORWARDING = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")
_MAX_PORT = 65535
_MAX_HOST = 255
_MAX_CACHED = 512
_SAFE_IN_PATH = "/!$&'()*+,;=:@~"


class HttpAttributes:
    """Reads requests for one framework. Immutable; used from any thread."""

    def __init__(self, settings: InstrumentationSettings, redactor: Redactor) -> None:
        self._known = {method: method for method in settings.known_methods}
        self._keep_unknown = settings.capture_all_methods
        self._forwarded = settings.forwarded_headers
        self._redactor = redactor
        captured = settings.server_request_headers
        self._headers = HeaderCapture(captured, "http.request.header.", redactor) if captured else None

    def of(self, environ: Mapping[str, Any], path: str) -> dict[str, Any]:
        """Attributes at the start of a request. path: from path_of()."""
        get = environ.get
        agent, host = get("HTTP_USER_AGENT"), get("HTTP_HOST")
        if self._forwarded and _is_forwarded(environ):
            client, host, scheme = _forwarded(environ, host)
        else:
            client, scheme = get("REMOTE_ADDR"), get("wsgi.url_scheme")
        if host is None:
            host = _listening_host(environ)
        same = _of_client if agent is None or len(agent) <= _MAX_CACHED else _of_client.__wrapped__
        attributes = same(scheme, host, client, get("REMOTE_ADDR"), get("SERVER_PROTOCOL"), agent).copy()
        attributes["url.path"] = path
        sent = get("REQUEST_METHOD") or ""
        method = self._known.get(sent)
        if method is None:
            method = self._odd_method(sent, attributes)
        attributes["http.request.method"] = method
        query = get("QUERY_STRING")
        if query:
            attributes["url.query"] = self._redactor.query(query)
        port = get("REMOTE_PORT")
        if port:
            _put_port(attributes, "network.peer.port", port)
        if self._headers is not None:
            self._headers.from_environ(environ, attributes)
        return attributes

    def _odd_method(self, sent: str, attributes: dict[str, Any]) -> str:
        """A method in lower case is known; `_OTHER` stands for all that are not."""
        attributes["http.request.method_original"] = sent
        known = self._known.get(sent.upper())
        if known is not None:
            return known
        if self._keep_unknown and sent:
            del attributes["http.request.method_original"]
            return sent
        return "_OTHER"


@lru_cache(256)
def _of_client(
    scheme: str | None, host: str | None, client: str | None, peer: str | None, protocol: str, agent: str | None
) -> dict[str, Any]:
    """What the requests of one client to one host have in common. Not to be changed."""
    attributes: dict[str, Any] = {"url.scheme": scheme or "http"}
    address, port = split_host(host) if host and len(host) <= _MAX_HOST else (None, None)
    if address:
        attributes["server.address"] = address
        if port is not None:
            attributes["server.port"] = port
    if client:
        attributes["client.address"] = client
    if peer:
        attributes["network.peer.address"] = peer
    version = _VERSIONS.get(protocol)
    if version:
        attributes["network.protocol.version"] = version
    if agent:
        attributes["user_agent.original"] = agent
    return attributes


def _put_port(attributes: dict[str, Any], name: str, text: Any) -> None:
    port = _port(text)
    if port is not None:
        attributes[name] = port


def path_of(environ: Mapping[str, Any]) -> str:
    """The path as the client sent it: percent-encoded, without query, user or host."""
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if raw and type(raw) is str:
        if raw[0] != "/" and "://" in raw:  # as sent to a proxy: may hold a user and a password
            raw = "/" + raw.partition("://")[2].partition("/")[2]
        end = raw.find("?")
        path = raw if end < 0 else raw[:end]
        if path[:1] in "/*":
            return path
    return _quoted(f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}") or "/"


@lru_cache(512)
def _quoted(path: str) -> str:
    try:
        return quote(path.encode("latin-1"), safe=_SAFE_IN_PATH)
    except UnicodeEncodeError:  # a server that has decoded the path as UTF-8 already
        return quote(path.encode("utf-8", "surrogateescape"), safe=_SAFE_IN_PATH)


@lru_cache(256)
def split_host(host: str) -> tuple[str | None, int | None]:
    """`example.com:8443` and `[::1]:80` as address and port; the port is None when it is not given."""
    host = host.rpartition("@")[2].strip()
    if host.startswith("["):
        address, _, port = host[1:].partition("]")
        return address or None, _port(port[1:]) if port.startswith(":") else None
    address, colon, port = host.rpartition(":")
    if not colon or ":" in address:  # no port, or an IPv6 address without brackets
        return host or None, None
    return address or None, _port(port)


def _port(text: Any) -> int | None:
    try:
        port = int(text)
    except (TypeError, ValueError):
        return None  # a client may send anything
    return port if 0 < port <= _MAX_PORT else None


def _listening_host(environ: Mapping[str, Any]) -> str | None:
    name, port = environ.get("SERVER_NAME"), environ.get("SERVER_PORT")
    if name and ":" in name:
        name = f"[{name}]"
    return f"{name}:{port}" if name and port else name


def _is_forwarded(environ: Mapping[str, Any]) -> bool:
    return not environ.keys().isdisjoint(_FORWARDING)


class _Forwarded(NamedTuple):
    client: str | None
    host: str | None
    scheme: str | None


def _forwarded(environ: Mapping[str, Any], host: str | None) -> _Forwarded:
    """What proxies say of the original request; the Forwarded header wins over X-Forwarded-*."""
    said = _parse_forwarded(environ.get("HTTP_FORWARDED"))
    client = _address_only(said.get("for") or _first(environ.get("HTTP_X_FORWARDED_FOR")))
    scheme = (said.get("proto") or _first(environ.get("HTTP_X_FORWARDED_PROTO")) or "").lower()
    return _Forwarded(
        client or environ.get("REMOTE_ADDR"),
        said.get("host") or _first(environ.get("HTTP_X_FORWARDED_HOST")) or host,
        scheme if scheme in _SCHEMES else environ.get("wsgi.url_scheme"),
    )


def _first(header: str | None) -> str | None:
    return header.partition(",")[0].strip() if header else None


def _parse_forwarded(header: str | None) -> dict[str, str]:
    """The first element of a Forwarded header (RFC 7239): names in lower case, quotes taken off."""
    if not header:
        return {}
    pairs = (pair.partition("=") for pair in header.partition(",")[0].split(";"))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs if value}


def _address_only(client: str | None) -> str | None:
    """`192.0.2.1:4711` and `"[2001:db8::1]:80"` without their ports; obfuscated names stay."""
    if not client or len(client) > _MAX_HOST or client.lower() == "unknown":
        return None
    return split_host(client)[0]


class HeaderCapture:
    """Headers that the user wants to see on spans. names: regular expressions that match whole names."""

    def __init__(self, names: Iterable[str], prefix: str, redactor: Redactor) -> None:
        self._prefix = prefix
        self._redactor = redactor
        self._matches = lru_cache(256)(re.compile("|".join(f"(?:{name})" for name in names), re.IGNORECASE).fullmatch)

    def from_environ(self, environ: Mapping[str, Any], attributes: dict[str, Any]) -> None:
        """Add wanted request headers of a WSGI environ to attributes."""
        for key in environ:
            if key.startswith("HTTP_"):
                name = key[5:].replace("_", "-").lower()
            elif key in ("CONTENT_TYPE", "CONTENT_LENGTH") and environ[key]:
                name = key.replace("_", "-").lower()
            else:
                continue
            if self._matches(name):
                attributes[self._prefix + name] = self._redactor.header(name, [str(environ[key])])

    def from_pairs(self, headers: Iterable[tuple[str, str]], attributes: dict[str, Any]) -> None:
        """Add wanted headers of a list of pairs to attributes; repeated ones become one list."""
        found: dict[str, list[str]] = {}
        for header, value in headers:
            name = header.lower()
            if self._matches(name):
                found.setdefault(name, []).append(value)
        for name, values in found.items():
            attributes[self._prefix + name] = self._redactor.header(name, values)
