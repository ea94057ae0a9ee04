# SPDX-License-Identifier: Apache-2.0
"""Spans of a request -> one part per trace, ready to be written: summary rows, bodies, search words.

Summary row (JSON list), read by the pages and by analysis; text is an index into the part's string table:
    [span id, parent id, name, service, kind, start, duration, status, http status, group, exact, place, exception]
start is ns after the part's base; group: what equal work has in common (normalised SQL, method and address);
exact: what identical calls have in common, 0 when that cannot be told; place: file:line of the code that
asked; exception: "Type: message".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from otel_distro.viewer.analysis.sql import has_placeholder, normalise_sql, normalise_url
from otel_distro.viewer.ingest import redact

if TYPE_CHECKING:
    from otel_distro.wire.otlp_decode import Attributes, ResourceFields, SpanFields, Value

MAX_TEXT = 200
_INDEX = 4
_INDEXED = ("http.", "db.", "exception.", "code.", "messaging.", "rpc.", "enduser.", "user.")
_INDEXED_KEYS = frozenset({"url.path", "error.type", "server.address", "session.id", "graphql.operation.name"})
_NOT_INDEXED = ("http.request.header.", "http.response.header.", "db.query.parameter.", "http.request.body.")
_MAX_TIME = (1 << 63) - 1
_FRAME = re.compile(r'File "([^"\n]+)", line (\d+)')
_LIBRARY = re.compile(r"site-packages|dist-packages|lib/python\d|<frozen|<string>")

_how: dict[str, int] = {}


class Part:
    """What one request brought for one trace."""

    __slots__ = (
        "base_ns", "bodies", "end_ns", "errors", "numbers", "root", "root_rank", "rows", "services", "strings",
        "trace_id", "words",
    )  # fmt: skip

    def __init__(self, trace_id: bytes) -> None:
        self.trace_id = trace_id
        self.strings: list[str] = [""]
        self.numbers: dict[str, int] = {"": 0}
        self.rows: list[list[Any]] = []
        self.bodies: list[list[Any]] = []
        self.words: set[tuple[str, str]] = set()
        self.services: dict[str, list[int]] = {}
        self.errors = 0
        self.base_ns = _MAX_TIME
        self.end_ns = 0
        self.root_rank = -1
        self.root: tuple[str, str, int, int, int, int, int] = ("", "", 0, 0, 0, 0, 0)

    def number(self, text: str) -> int:
        """The text's place in the string table."""
        found = self.numbers.get(text)
        if found is None:
            found = self.numbers[text] = len(self.strings)
            self.strings.append(text)
        return found


def service_of(resource: ResourceFields) -> str:
    """The resource's service.name, as Jaeger names it when missing."""
    for key, value in resource.attributes:
        if key == "service.name" and isinstance(value, str) and value:
            return value[:MAX_TEXT]
    return "unknown_service"


def valid(span: SpanFields) -> bool:
    """Whether the ids are as the specification wants them: 16 and 8 bytes, not all zero."""
    return len(span.trace_id) == 16 and len(span.span_id) == 8 and any(span.trace_id) and any(span.span_id)


def add_span(part: Part, span: SpanFields, service: str, origin: int) -> dict[str, Value]:
    """Put one valid span into its trace's part. origin: number of its resource and scope. Returns its attributes."""
    attributes = _clean(span.attributes, part.words)
    start_ns = min(span.start_ns, _MAX_TIME)
    duration = max(0, min(span.end_ns, _MAX_TIME) - start_ns)
    kind = span.kind if 0 <= span.kind <= 5 else 0
    failed = span.status_code == 2
    status = attributes.get("http.response.status_code", attributes.get("http.status_code"))
    http_status = status if isinstance(status, int) else 0
    parent = span.parent_span_id.hex() if any(span.parent_span_id) else ""
    number = part.number
    group, exact = _group(attributes, kind)
    events: list[Any] = []
    exception = ""
    if span.events:
        for event in span.events:
            fields = _clean(event.attributes, part.words)
            events.append([event.time_ns, event.name, fields, event.dropped_attributes])
            if event.name == "exception" and not exception:
                exception = _exception(fields)
    span_id = span.span_id.hex()
    name = span.name[:MAX_TEXT]
    part.rows.append([
        span_id, parent, number(name), number(service), kind, start_ns, duration, span.status_code, http_status,
        number(group), number(exact), number(_place(attributes)), number(exception),
    ])  # fmt: skip
    links = [
        [link.trace_id.hex(), link.span_id.hex(), link.trace_state, _clean(link.attributes, part.words),
         link.dropped_attributes, link.flags]
        for link in span.links
    ]  # fmt: skip
    part.bodies.append([
        span_id, parent, span.name, kind, start_ns, start_ns + duration, attributes, events, links, span.status_code,
        span.status_message, span.flags, span.trace_state, span.dropped_attributes, span.dropped_events,
        span.dropped_links, origin,
    ])  # fmt: skip
    _count(part, service, name, kind, start_ns, duration, failed, http_status, parent)
    return attributes


def error_place(span: SpanFields, attributes: dict[str, Value]) -> tuple[str, str, str]:
    """(exception type, message, file:line of the app's last frame) of a failed span; empty where unknown."""
    for event in span.events:
        if event.name == "exception":
            fields = dict(event.attributes)
            place = frame_of(str(fields.get("exception.stacktrace", ""))) or _place(attributes)
            type_name, message = str(fields.get("exception.type", "")), str(fields.get("exception.message", ""))
            return type_name[:MAX_TEXT], message[:MAX_TEXT], place
    kind = attributes.get("error.type") or attributes.get("http.response.status_code") or "error"
    return str(kind)[:MAX_TEXT], span.status_message[:MAX_TEXT], _place(attributes)


def frame_of(stacktrace: str) -> str:
    """file:line of the last frame outside libraries, else of the last frame; empty if there is none."""
    frames = _FRAME.findall(stacktrace[-20_000:])
    own = [frame for frame in frames if not _LIBRARY.search(frame[0])]
    chosen = (own or frames)[-1:]
    return f"{chosen[0][0]}:{chosen[0][1]}"[:MAX_TEXT] if chosen else ""


def _count(
    part: Part,
    service: str,
    name: str,
    kind: int,
    start_ns: int,
    duration: int,
    failed: bool,
    http_status: int,
    parent: str,
) -> None:
    part.words.add(("service", service))
    part.words.add(("name", name))
    counts = part.services.get(service)
    if counts is None:
        counts = part.services[service] = [0, 0]
    counts[0] += 1
    if failed:
        counts[1] += 1
        part.errors += 1
    part.end_ns = max(part.end_ns, start_ns + duration)
    rank = 2 if not parent else 1 if kind in (2, 5) else 0
    if rank > part.root_rank or (rank == part.root_rank and start_ns < part.root[3]):
        part.root_rank = rank
        part.root = (service, name, kind, start_ns, duration, int(failed), http_status)
    part.base_ns = min(part.base_ns, start_ns)


def _clean(pairs: Attributes, words: set[tuple[str, str]]) -> dict[str, Value]:
    attributes: dict[str, Value] = {}
    for key, value in pairs:
        how = _how.get(key)
        if how is None:
            how = _classify(key)
        if how:
            if how & redact.SECRET:
                value = redact.secret(value)  # noqa: PLW2901 - the cleaned value replaces the sent one
            elif how & redact.URL:
                value = redact.url(value)  # noqa: PLW2901
            if how & _INDEX:
                if type(value) is str:
                    words.add((key, value[:MAX_TEXT]))
                elif isinstance(value, bool):
                    words.add((key, "true" if value else "false"))
                elif isinstance(value, (int, float)):
                    words.add((key, str(value)))
        attributes[key] = value
    return attributes


def _classify(key: str) -> int:
    how = redact.kind_of(key)
    if key in _INDEXED_KEYS or (key.startswith(_INDEXED) and not key.startswith(_NOT_INDEXED)):
        how |= _INDEX
    if len(_how) > 10_000:
        _how.clear()
    _how[key] = how
    return how


def _exception(fields: dict[str, Value]) -> str:
    return f"{fields.get('exception.type', '')!s}: {fields.get('exception.message', '')!s}"[:MAX_TEXT]


def _group(attributes: dict[str, Value], kind: int) -> tuple[str, str]:
    statement = attributes.get("db.query.text") or attributes.get("db.statement")
    if isinstance(statement, str):
        return normalise_sql(statement), "" if has_placeholder(statement) else statement[:MAX_TEXT]
    if kind != 3:
        return "", ""
    method = attributes.get("http.request.method") or attributes.get("http.method")
    address = attributes.get("url.full") or attributes.get("http.url")
    if isinstance(method, str) and isinstance(address, str):
        return f"{method} {normalise_url(address)}", f"{method} {address}"[:MAX_TEXT]
    return "", ""


def _place(attributes: dict[str, Value]) -> str:
    path = attributes.get("code.file.path") or attributes.get("code.filepath")
    if not isinstance(path, str):
        return ""
    line = attributes.get("code.line.number", attributes.get("code.lineno"))
    return f"{path}:{line!s}"[-MAX_TEXT:] if line is not None else path[-MAX_TEXT:]


def is_indexed(key: str) -> bool:
    """Whether traces can be found by this attribute without reading them."""
    return bool(_classify(key) & _INDEX)


def clean(pairs: Attributes) -> dict[str, Value]:
    """Attributes without secrets, as a mapping; for those that are not searched."""
    return _clean(pairs, set())
