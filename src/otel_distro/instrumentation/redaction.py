# SPDX-License-Identifier: Apache-2.0
"""Keep secrets out of spans: query strings, URLs and captured headers.

A name decides, never a value: a value that looks harmless may be a password.
"""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping, Sequence

REDACTED = "REDACTED"
REDACTED_HEADER = "[REDACTED]"

# searched in the lower-case name of a parameter or header
_NAMES_TO_HIDE = (
    r"passw|passphrase|passcode|^pwd$|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|signature|credential"
    r"|^sig$|^auth$|authoriz|authentication|^x-amz-|^x-goog-|^(jsession|phpsess|session)[-_]?id$|^sid$|csrf|xsrf|jwt"
    r"|^otp$|^ssn$|^cvv$|^cvc$|card[-_]?number|cookie"
)
_SQL_SYSTEMS = frozenset(
    (
        *("sqlite", "postgresql", "mysql", "mariadb", "oracle", "oracle.db", "mssql", "microsoft.sql_server"),
        *("other_sql", "cockroachdb", "clickhouse", "snowflake", "trino", "redshift", "aws.redshift", "db2"),
        *("ibm.db2", "h2database", "hsqldb", "firebird", "firebirdsql", "teradata", "vertica"),
    )
)
_RENAMED_SYSTEMS = {"mssql": "microsoft.sql_server"}
_MAX_CACHED_NAME = 64
_MAX_HARMLESS = 1024
_OLD_URL_KEYS = ("http.url", "http.target")
_HEADER_PREFIXES = ("http.request.header.", "http.response.header.")


class Redactor:
    """Knows which names are secret. One for a process; used from any thread."""

    def __init__(self, names: Iterable[str] = (), header_names: Iterable[str] = ()) -> None:
        """names: further secret names, of parameters and headers; `*` and `?` as in file names.
        header_names: regular expressions that compile, searched in names of headers. Case does not matter.
        """
        more = [f"^{translate(name)}" for name in names]
        secret = re.compile("|".join([_NAMES_TO_HIDE, *more]), re.IGNORECASE)
        header = re.compile("|".join([_NAMES_TO_HIDE, *more, *header_names]), re.IGNORECASE)
        self.is_secret: Callable[[str], bool] = lru_cache(512)(lambda name: secret.search(name) is not None)
        self._search = secret.search
        self._harmless: set[str] = set()  # queries that hold no secret; one that does is not kept
        self.is_secret_header: Callable[[str], bool] = lambda name: header.search(name) is not None

    def query(self, query: str) -> str:
        """The query string with secret values as REDACTED; names, order and everything else as they were."""
        if query in self._harmless or "=" not in query:
            return query
        parts = query.split("&")
        found = False
        for position, part in enumerate(parts):
            name, equals, value = part.partition("=")
            if value and self._is_secret_parameter(name):
                parts[position] = f"{name}{equals}{REDACTED}"
                found = True
        if found:
            return "&".join(parts)
        if len(query) <= _MAX_CACHED_NAME:
            if len(self._harmless) >= _MAX_HARMLESS:
                self._harmless.clear()
            self._harmless.add(query)
        return query

    def url(self, url: str) -> str:
        """The URL with its user, its password and secret values of query and fragment as REDACTED."""
        rest, hash_sign, fragment = url.partition("#")
        rest, mark, query = rest.partition("?")
        if "@" in rest:
            rest = _without_user(rest)
        if mark:
            query = self.query(query)
        return f"{rest}{mark}{query}{hash_sign}{self.query(fragment)}"

    def header(self, name: str, values: Sequence[str]) -> list[str]:
        """The values of a captured header, as one marker when its name is secret. name: in lower case."""
        return [REDACTED_HEADER] if self.is_secret_header(name) else list(values)

    def attributes(self, attributes: MutableMapping[str, Any]) -> None:
        """Redact what instrumentors of other packages have put on a span, in place, as the span ends.

        Looks at url.full, url.query, http.url, http.target, captured headers, and literals in db.query.text and
        db.statement where the database speaks SQL.
        """
        query = attributes.get("url.query")
        if type(query) is str:
            attributes["url.query"] = self.query(query)
        full = attributes.get("url.full")
        if type(full) is str and ("?" in full or "@" in full or "#" in full):
            attributes["url.full"] = self.url(full)
        for key in _OLD_URL_KEYS:
            old = attributes.get(key)
            if type(old) is str and ("?" in old or "@" in old or "#" in old):
                attributes[key] = self.url(old)
        if "db.statement" in attributes or "db.query.text" in attributes:
            _hide_literals(attributes)
        captured = [key for key in attributes if key.startswith(_HEADER_PREFIXES)]
        for key in captured:
            name = key.split(".header.", 1)[1].replace("_", "-")
            if self.is_secret_header(name):
                attributes[key] = (REDACTED_HEADER,)

    def _is_secret_parameter(self, name: str) -> bool:
        if "%" in name or "+" in name:  # frameworks decode names, so `to%6ben` is as secret as `token`
            name = unquote_plus(name)
        name = name.lower()
        return self.is_secret(name) if len(name) <= _MAX_CACHED_NAME else self._search(name) is not None


def _hide_literals(attributes: MutableMapping[str, Any]) -> None:
    system = attributes.get("db.system.name") or attributes.get("db.system")
    if system not in _SQL_SYSTEMS:
        return
    from otel_distro.instrumentation.sql import without_literals  # not every process has a database

    for key in ("db.query.text", "db.statement"):
        text = attributes.get(key)
        if type(text) is str:
            attributes[key] = without_literals(text, _RENAMED_SYSTEMS.get(system, system))


def _without_user(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    authority, slash, path = rest.partition("/")
    if "@" not in authority:
        return url
    host = authority.rpartition("@")[2]
    return f"{scheme}://{REDACTED}:{REDACTED}@{host}{slash}{path}"
