# SPDX-License-Identifier: Apache-2.0
"""Attribute names from before the stable conventions, for those who ask: OTEL_SEMCONV_STABILITY_OPT_IN.

Source: semantic conventions 1.20 (HTTP) and 1.24 (database), and their migration guides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection

Names: TypeAlias = Literal["stable", "old", "both"]

_HTTP = {
    "http.request.method": "http.method",
    "http.response.status_code": "http.status_code",
    "url.scheme": "http.scheme",
    "url.full": "http.url",
    "network.protocol.version": "http.flavor",
    "user_agent.original": "http.user_agent",
    "client.address": "http.client_ip",
}
_HTTP_SERVER = {
    "server.address": "net.host.name",
    "server.port": "net.host.port",
    "network.peer.address": "net.sock.peer.addr",
    "network.peer.port": "net.sock.peer.port",
}
_HTTP_CLIENT = {"server.address": "net.peer.name", "server.port": "net.peer.port"}
_DATABASE = {
    "db.system.name": "db.system",
    "db.namespace": "db.name",
    "db.query.text": "db.statement",
    "db.operation.name": "db.operation",
    "db.collection.name": "db.sql.table",
    "server.address": "net.peer.name",
    "server.port": "net.peer.port",
}
_SERVER = {**_HTTP, **_HTTP_SERVER}
_CLIENT = {**_HTTP, **_HTTP_CLIENT}
_REPLACED = frozenset((*_SERVER, "url.path", "url.query", "http.request.method_original"))
_OLD_DATABASE_SYSTEMS = {"microsoft.sql_server": "mssql", "oracle.db": "oracle"}


def wanted(opt_in: Collection[str], signal: Literal["http", "database"]) -> Names:
    """Which names the opt-in list asks for; `http/dup` means both, and no mention the old ones."""
    if f"{signal}/dup" in opt_in:
        return "both"
    return "stable" if signal in opt_in else "old"


def server(attributes: dict[str, Any], names: Names) -> dict[str, Any]:
    """Attributes of an HTTP server span under the wanted names."""
    return attributes if names == "stable" else _translated(attributes, names, _SERVER)


def client(attributes: dict[str, Any], names: Names) -> dict[str, Any]:
    """Attributes of an HTTP client span under the wanted names."""
    return attributes if names == "stable" else _translated(attributes, names, _CLIENT)


def database(attributes: dict[str, Any], names: Names) -> dict[str, Any]:
    """Attributes of a database span under the wanted names."""
    if names == "stable":
        return attributes
    translated = _translated(attributes, names, _DATABASE)
    system = translated.get("db.system", "")
    translated["db.system"] = _OLD_DATABASE_SYSTEMS.get(system, system)
    return translated


def _translated(attributes: dict[str, Any], names: Names, table: dict[str, str]) -> dict[str, Any]:
    old = {table[key]: value for key, value in attributes.items() if key in table}
    if "url.path" in attributes:
        query = attributes.get("url.query")
        old["http.target"] = attributes["url.path"] + (f"?{query}" if query else "")
    if names == "both":
        return {**attributes, **old}
    kept = {key: value for key, value in attributes.items() if key not in table and key not in _REPLACED}
    return {**kept, **old}
