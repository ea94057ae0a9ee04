# SPDX-License-Identifier: Apache-2.0
"""Taking an endpoint apart and putting it together, without urllib.parse, which costs start-up time."""

# annotations are evaluated here: typing compiles each one that is text, which costs start-up time

from typing import NamedTuple

from otel_distro.settings.parse import readable, unquote

_UNFIT_IN_ADDRESSES = frozenset("\"'<>\\^`{|},;=*!()$&+")
_UNFIT_IN_NAMES = _UNFIT_IN_ADDRESSES | {"%", "[", "]"}
_LONGEST_HOST = 253


class Url(NamedTuple):
    """scheme: lower case, "" when there is none. user, password: percent-decoded, None when absent.
    host: without brackets. port: 1 to 65535. path: "" or beginning with /. query: without the ?.
    """

    scheme: str
    user: str | None
    password: str | None
    host: str
    port: int | None
    path: str
    query: str

    def origin(self) -> str:
        """scheme://host:port; the port only if one was given. Never holds user or password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port is not None else "")

    def __str__(self) -> str:
        """The whole URL, without user and password."""
        return self.origin() + self.path + (f"?{self.query}" if self.query else "")


def split(raw: str) -> Url | str:
    """Take a URL apart; its scheme may be missing. A text says why it is none. Never raises."""
    whole = readable(raw)
    if any(letter.isspace() or not letter.isprintable() for letter in whole):
        return "a URL holds no blanks and no control characters"
    scheme, mark, rest = whole.partition("://")
    if not mark:
        scheme, rest = "", whole.lstrip("/")
    elif not (scheme.isascii() and scheme.replace("+", "").replace("-", "").replace(".", "").isalnum()):
        return "not a URL"
    end = next((position for position, letter in enumerate(rest) if letter in "/?#"), len(rest))
    credentials, at, address = rest[:end].rpartition("@")
    where = _host_and_port(address)
    if isinstance(where, str):
        return where
    path, _, query = rest[end:].partition("#")[0].partition("?")
    user, colon, password = credentials.partition(":")
    return Url(
        scheme.lower(),
        unquote(user) or user if at else None,
        unquote(password) or password if colon else None,
        where[0],
        where[1],
        _ascii(path),
        _ascii(query),
    )


def _host_and_port(address: str) -> tuple[str, int | None] | str:
    if address.startswith("["):
        host, closed, port = address[1:].partition("]")
        if not closed or ":" not in host or (port and not port.startswith(":")):
            return "not an IPv6 address in brackets"
        port = port[1:]
    else:
        host, _, port = address.partition(":")
        if ":" in port:
            return "an IPv6 address needs brackets" if _looks_like_ipv6(address) else "the port is not a number"
    if not host:
        return "no host"
    unfit = _UNFIT_IN_ADDRESSES if address.startswith("[") else _UNFIT_IN_NAMES
    if len(host) > _LONGEST_HOST or host.startswith("-") or not unfit.isdisjoint(host):
        return "not a host name"
    if port and not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) <= 65535):
        return "the port is not a number from 1 to 65535"
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return "not a host name"
    return host, int(port) if port else None


def _looks_like_ipv6(address: str) -> bool:
    return all(letter in "0123456789abcdefABCDEF:." for letter in address)


def _ascii(part: str) -> str:
    if part.isascii():
        return part
    return "".join(x if x.isascii() else "".join(f"%{byte:02X}" for byte in x.encode("utf-8")) for x in part)
