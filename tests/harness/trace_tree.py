# SPDX-License-Identifier: Apache-2.0
"""Traces as trees, whoever stored them, and a comparison that names the first span that differs.

check(
    Span("front", "server", "GET /", attributes={"http.route": "/"}, children=[...]),
    tree(jaeger.wait_for_spans("front", 3))[0],
)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.harness.backend import RecordedSpan
    from tests.harness.jaeger import JaegerSpan

_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("UNSET", "OK", "ERROR")

# names of the old HTTP conventions: a span that carries one was made by the wrong set
OLD_ATTRIBUTES = frozenset(
    (
        *("http.method", "http.url", "http.target", "http.host", "http.scheme", "http.status_code"),
        *("http.flavor", "http.server_name", "http.user_agent", "net.host.name", "net.host.port"),
        *("net.peer.name", "net.peer.port", "net.peer.ip"),
    )
)


@dataclass
class Span:
    """A span and what is below it, children by start time. events: (name, attributes).

    As an expectation: attributes and the attributes of events are those that must be there; others may be.
    """

    service: str
    kind: str
    name: str
    status: str = "UNSET"
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    children: list[Span] = field(default_factory=list)


@dataclass
class _Row:
    """One stored span before it has its place in the tree."""

    span: Span
    trace_id: str
    span_id: str
    parent_id: str | None
    start: int


def trees_of_jaeger(spans: list[JaegerSpan]) -> list[Span]:
    """The roots, oldest first. Fails on a span whose parent is missing."""
    return _trees(
        [
            _Row(
                Span(
                    service=span.service,
                    kind=span.kind,
                    name=span.name,
                    status=span.status,
                    attributes=span.tags,
                    events=[(fields.get("event", ""), fields) for _, fields in span.events],
                ),
                span.trace_id,
                span.span_id,
                span.parent_id,
                span.start_us,
            )
            for span in spans
        ]
    )


def trees_of_backend(spans: list[RecordedSpan]) -> list[Span]:
    """The roots, oldest first. Fails on a span whose parent is missing."""
    return _trees(
        [
            _Row(
                Span(
                    service=span.service,
                    kind=_KINDS[span.kind],
                    name=span.name,
                    status=_STATUSES[span.status_code],
                    attributes=span.attributes,
                    events=[(event["name"], event["attributes"]) for event in span.events],
                ),
                span.trace_id,
                span.span_id,
                span.parent_id or None,
                span.start_ns,
            )
            for span in spans
        ]
    )


def _trees(rows: list[_Row]) -> list[Span]:
    by_id = {(row.trace_id, row.span_id): row.span for row in rows}
    assert len(rows) == len(by_id), "a span was stored twice"
    roots = []
    for row in sorted(rows, key=lambda row: row.start):
        if row.parent_id is None:
            roots.append(row.span)
            continue
        parent = by_id.get((row.trace_id, row.parent_id))
        assert parent is not None, f"the parent of {row.span.service}: {row.span.name} was not stored"
        parent.children.append(row.span)
    return roots


def check(expected: Span, actual: Span) -> None:
    """Compare span by span, from the root down."""
    where = f"{expected.service}: {expected.kind} {expected.name}"
    _same(where, (expected.service, expected.kind, expected.name), (actual.service, actual.kind, actual.name))
    _same(f"{where}: status", expected.status, actual.status)
    _same(f"{where}: attributes", expected.attributes, _restricted(actual.attributes, expected.attributes))
    _same(f"{where}: old attributes", set(), OLD_ATTRIBUTES & actual.attributes.keys())
    _same(f"{where}: events", [name for name, _ in expected.events], [name for name, _ in actual.events])
    for (name, wanted), (_, found) in zip(expected.events, actual.events, strict=True):
        _same(f"{where}: attributes of event {name}", wanted, _restricted(found, wanted))
    _same(f"{where}: children", _headings(expected.children), _headings(actual.children))
    for wanted_child, found_child in zip(expected.children, actual.children, strict=True):
        check(wanted_child, found_child)


def check_all(expected: list[Span], actual: list[Span]) -> None:
    """Compare traces one to one, in the order in which they began."""
    _same("traces", _headings(expected), _headings(actual))
    for wanted, found in zip(expected, actual, strict=True):
        check(wanted, found)


def _same(what: str, expected: object, actual: object) -> None:
    assert expected == actual, f"{what}: expected {expected!r}, found {actual!r}"


def _restricted(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key in wanted}


def _headings(spans: list[Span]) -> list[str]:
    return [f"{span.service}: {span.name}" for span in spans]


def all_spans(roots: list[Span]) -> list[Span]:
    """Every span of these trees, each before its children."""
    return [span for root in roots for span in (root, *all_spans(root.children))]
