# SPDX-License-Identifier: Apache-2.0
"""wire/jaeger.py: spans to Jaeger's formats, checked by reading the bytes back with the independent decoder."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

from otel_distro.wire.jaeger import Encoder
from otel_distro.wire.jaeger_decode import Batch, Reference, Span, decode_datagram, decode_http
from otel_distro.wire.jaeger_formats import Binary, BinaryDatagram, Compact, Format
from otel_distro.wire.jaeger_protobuf import Protobuf
from tests.harness.spans import START_NS, context, span, spans

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "jaeger.json").read_text())
THRIFT = {
    "compact": (Compact, decode_datagram),
    "http": (Binary, decode_http),
    "binary": (BinaryDatagram, decode_datagram),
}
both = pytest.mark.parametrize("name", THRIFT)


def sent(batch: list[Any], name: str = "compact", limit: int | None = None) -> list[Batch]:
    make, decode = THRIFT[name]
    wire_format: Format = make()
    encoded = Encoder(wire_format, limit).encode(batch)
    assert [] == encoded.rejected
    return [decode(wire_format.body(group.process, group.spans)) for group in encoded.groups]


def sent_span(form: str = "compact", **fields: Any) -> Span:
    (batch,) = sent([span(**fields)], form)
    (found,) = batch.spans
    return found


def golden_span(row: dict[str, Any], resource: Resource) -> Any:
    """A span that means what the golden batch holds. Its tags for kind and status come from those fields."""
    trace_id, span_id = int(row["trace_id"], 16), int(row["span_id"], 16)
    tags = {tag["key"]: bytes.fromhex(tag["value"]) if tag["type"] == "binary" else tag["value"] for tag in row["tags"]}
    kind = SpanKind[tags.pop("span.kind", "internal").upper()]
    status = Status(StatusCode[tags.pop("otel.status_code", "UNSET")])
    if status.status_code is StatusCode.ERROR:
        assert tags.pop("error") is True
    parent = int(row["parent_span_id"] or "0", 16)
    return span(
        name=row["operation"],
        context=SpanContext(trace_id, span_id, False, TraceFlags(row["flags"])),
        parent=SpanContext(trace_id, parent, True, TraceFlags(1)) if parent else None,
        resource=resource,
        attributes=tags,
        kind=kind,
        status=status,
        instrumentation_scope=None,
        links=[Link(context(int(r["span_id"], 16), int(r["trace_id"], 16))) for r in row["references"]],
        events=[
            Event(log["fields"][0]["value"], {f["key"]: f["value"] for f in log["fields"][1:]}, log["ts_us"] * 1000)
            for log in row["logs"]
        ],
        start_time=row["start_us"] * 1000,
        end_time=(row["start_us"] + row["duration_us"]) * 1000,
    )


@pytest.mark.parametrize("vector", [v for v in GOLDEN["wire"] if v["name"] != "minimal"], ids=lambda v: v["name"])
@pytest.mark.parametrize(
    ("name", "wire_format"),
    [
        ("udp_compact_emitBatch", Compact()),
        ("udp_binary_emitBatch", BinaryDatagram()),
        ("http_binary_batch", Binary()),
        ("grpc_PostSpansRequest", Protobuf()),
    ],
)
def test_spans_equal_the_golden_vectors(name: str, wire_format: Format, vector: dict[str, Any]) -> None:
    """From span to message, byte for byte. (The minimal batch lasts 0 us, which no span of ours does.)"""
    batch = vector["batch"]
    tags = {tag["key"]: tag["value"] for tag in batch["process_tags"]}
    resource = Resource({"service.name": batch["service"], **tags})
    encoded = Encoder(wire_format).encode([golden_span(row, resource) for row in batch["spans"]])
    (group,) = encoded.groups
    assert vector[name] == wire_format.body(group.process, group.spans).hex()


@both
def test_the_whole_mapping(name: str) -> None:
    """Kinds, status, scope, types, events, links, tracestate, dropped counts: each where Jaeger looks for it."""
    own = SpanContext(0xA1, 0xB2, False, TraceFlags(3), TraceState([("k", "v")]))
    found = sent_span(
        name,
        name="näme",
        context=own,
        parent=context(0xC3, is_remote=True),
        kind=SpanKind.PRODUCER,
        status=Status(StatusCode.ERROR, "böom"),
        instrumentation_scope=InstrumentationScope("scope", "1.2", attributes={"deep": True}),
        attributes={
            "s": "ü",
            "b": False,
            "i": -7,
            "f": 0.25,
            "bytes": b"\x00\xff",
            "list": ("a", "ü", 1),
            "none": None,
        },
        events=[Event("e", {"x": 1}, START_NS + 5000), Event("named", {"event": "own name"}, START_NS)],
        links=[Link(context(5, 6)), Link(context(7, 8), {"why": "because"}), Link(context(9, 0xA1))],
        start_time=START_NS + 999,
        end_time=START_NS + 999 + 2_500_999,
    )
    assert (0xA1, 0xB2, 0xC3, "näme", 1) == (*found[:4], found.flags)
    assert (START_NS // 1000, 2500) == (found.start_us, found.duration_us)
    assert dict(found.tags) == {
        "span.kind": "producer",
        "otel.status_code": "ERROR",
        "error": True,
        "otel.status_description": "böom",
        "s": "ü",
        "b": False,
        "i": -7,
        "f": 0.25,
        "bytes": b"\x00\xff",
        "list": '["a","ü",1]',
        "none": "",
        "otel.scope.name": "scope",
        "otel.scope.version": "1.2",
        "deep": True,
        "w3c.tracestate": "k=v",
    }
    assert [Reference(True, 6, 5), Reference(True, 8, 7), Reference(True, 0xA1, 9)] == found.references
    why = [("event", "link"), ("trace_id", f"{8:032x}"), ("span_id", f"{7:016x}"), ("why", "because")]
    assert [
        (START_NS // 1000 + 5, [("event", "e"), ("x", 1)]),
        (START_NS // 1000, [("event", "own name")]),
        (START_NS // 1000, why),
    ] == [tuple(log) for log in found.logs]


@pytest.mark.parametrize(
    ("kind", "tag"),
    [
        ("INTERNAL", None),
        ("SERVER", "server"),
        ("CLIENT", "client"),
        ("PRODUCER", "producer"),
        ("CONSUMER", "consumer"),
    ],
)
def test_kind(kind: str, tag: str | None) -> None:
    """INTERNAL has no tag."""
    assert tag == dict(sent_span(kind=SpanKind[kind]).tags).get("span.kind")


def test_status() -> None:
    """UNSET has no tag, OK no error."""
    assert not {"otel.status_code", "error"} & set(dict(sent_span(status=Status(StatusCode.UNSET)).tags))
    ok = dict(sent_span(status=Status(StatusCode.OK)).tags)
    assert ("OK", None) == (ok["otel.status_code"], ok.get("error"))


def test_a_roots_link_into_its_own_trace_is_a_log() -> None:
    """Jaeger v2 would take the reference for the span's parent."""
    root = sent_span(links=[Link(context(9, 0xA1))])
    assert [] == root.references
    assert [("event", "link"), ("trace_id", f"{0xA1:032x}"), ("span_id", f"{9:016x}")] == root.logs[0].fields
    child = sent_span(parent=context(2), links=[Link(context(9, 0xA1))])
    assert ([Reference(True, 0xA1, 9)], []) == (child.references, child.logs)


def test_dropped_counts_only_when_something_was_dropped() -> None:
    """Three tags, each for itself."""
    odd = SimpleNamespace(**{name: getattr(span(), name) for name in vars(span())})
    odd.dropped_attributes, odd.dropped_events, odd.dropped_links = 1, 0, 3
    (batch,) = sent([odd])
    tags = dict(batch.spans[0].tags)
    assert (1, None, 3) == tuple(tags.get(f"otel.dropped_{what}_count") for what in ("attributes", "events", "links"))


@both
def test_one_batch_for_each_resource(name: str) -> None:
    """Spans of one resource go together, with its attributes as process tags."""
    one, two = Resource({"service.name": "one", "a": 1}), Resource({"b": ("x", "y")})
    batches = sent([span(1, resource=one), span(2, resource=two), span(3, resource=one)], name)
    assert [("one", [("a", 1)]), ("unknown_service", [("b", '["x","y"]')])] == [(b.service, b.tags) for b in batches]
    assert [[1, 3], [2]] == [[s.span_id for s in b.spans] for b in batches]


def test_times_never_leave_the_possible() -> None:
    """A span of no or negative time lasts a microsecond; odd beginnings stay in range."""
    for start, end, expected in (
        (START_NS, START_NS, (START_NS // 1000, 1)),
        (START_NS, 5, (START_NS // 1000, 1)),
        (-5, 5, (0, 1)),
    ):
        for name in THRIFT:
            found = sent_span(name, start_time=start, end_time=end)
            assert expected == (found.start_us, found.duration_us)


SELF: list[Any] = []
SELF.append(SELF)
ODD: dict[str, Any] = {
    "surrogate name": {"name": "a\ud800b"},
    "int as name": {"name": 7},
    "huge int": {"attributes": {"i": 1 << 70}},
    "lone surrogates": {"attributes": {"\ud800": "\udfff"}},
    "object": {"attributes": {"o": object}},
    "nested": {"attributes": {"n": {"a": [1, {"b": b"\x01"}]}}},
    "self": {"attributes": {"l": SELF}},
    "proxy": {"attributes": MappingProxyType({"a": 1})},
    "numpy-like": {"attributes": {"n": type("float64", (float,), {})(1.5)}},
    "no attributes": {"attributes": None},
    "no resource": {"resource": None},
    "unended": {"end_time": None},
    "bad start": {"start_time": "now", "end_time": "then"},
    "far future": {"start_time": 1 << 70, "end_time": 1 << 71},
}


@both
@pytest.mark.parametrize("what", ODD)
def test_odd_fields_cost_only_themselves(name: str, what: str) -> None:
    """The span arrives, and so do its neighbours."""
    odd = span(2)
    for field, value in ODD[what].items():
        setattr(odd, f"_{field}", value)
    found = [s.span_id for batch in sent([span(1), odd, span(3)], name) for s in batch.spans]
    assert [1, 2, 3] == sorted(found)


def test_a_span_that_is_none_is_rejected_alone() -> None:
    """Its index and a reason come back."""
    encoded = Encoder(Compact()).encode([span(1), None, span(3)])
    assert ([(1, "it cannot be encoded")], 2) == (encoded.rejected, len(encoded.groups[0].spans))


@pytest.mark.parametrize("wire_format", [Compact(), Binary(), BinaryDatagram(), Protobuf()])
def test_a_large_span_is_cut_to_fit(wire_format: Format) -> None:
    """Its longest values are cut as little as needed, and a tag says at which length."""
    large = span(
        1, attributes={"small": "s", "big": "ü" * 70_000, "bytes": b"\x01" * 70_000, "list": ("y" * 9000,) * 9}
    )
    encoded = Encoder(wire_format, 65_000).encode([large, span(2)])
    (group,) = encoded.groups
    assert (1, [], 2) == (encoded.cut, encoded.rejected, len(group.spans))
    assert len(wire_format.body(group.process, group.spans[:1])) <= 65_000
    assert len(group.spans[0]) > 16_000
    assert b"otel_distro.values_cut_at" in group.spans[0]


def test_a_span_that_does_not_fit_is_rejected() -> None:
    """Too many small things cannot be cut."""
    crowd = span(1, events=[Event("e" * 60, {"k": i}, START_NS) for i in range(1000)])
    encoded = Encoder(Compact(), 65_000).encode([crowd, span(2)])
    assert [0] == [index for index, _ in encoded.rejected]
    assert "and 64," in encoded.rejected[0][1]
    assert 1 == len(encoded.groups[0].spans)


def test_a_large_resource_is_cut() -> None:
    """At least half of a datagram is left to the spans."""
    huge = Resource({"service.name": "s" * 100_000, "a": "a" * 100_000, "n": 1})
    (batch,) = sent([span(1, resource=huge)], limit=65_000)
    assert batch.service.startswith("sss")
    assert len(batch.service) + len(str(dict(batch.tags)["a"])) < 32_500


def test_our_own_span_class_is_read_without_contexts() -> None:
    """A class with `_trace_id` gives ids as ints."""

    class Lean:
        _trace_id = 0
        _dropped = False

    lean: Any = Lean()
    lean.__dict__.update(
        {n: getattr(span(), n) for n in ("_name", "_attributes", "_resource", "_instrumentation_scope")}
    )
    lean.__dict__.update(_kind=SpanKind.SERVER, _status=Status(), _events=(), _links=(), _trace_state=None)
    lean.__dict__.update(
        _trace_id=1 << 100, _span_id=1 << 63, _parent_id=3, _trace_flags=3, _start_time=5000, _end_time=9000
    )
    (batch,) = sent([lean])
    found = batch.spans[0]
    assert (1 << 100, 1 << 63, 3, 1, 5, 4) == (*found[:3], found.flags, found.start_us, found.duration_us)


KEYS = st.text(min_size=1, max_size=12).filter(lambda key: key.isprintable())
PLAIN = st.one_of(
    st.text(max_size=200),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(allow_nan=False),
    st.binary(max_size=50),
)
ATTRIBUTES = st.dictionaries(KEYS, PLAIN, max_size=20)


@both
@given(
    attributes=st.lists(ATTRIBUTES, min_size=1, max_size=4),
    fields=st.dictionaries(KEYS.filter(lambda key: key != "event"), PLAIN, max_size=3),
    ids=st.tuples(st.integers(1, (1 << 128) - 1), st.integers(1, (1 << 64) - 1), st.integers(0, (1 << 64) - 1)),
    start_us=st.integers(0, 1 << 53),
    duration_us=st.integers(1, 1 << 40),
)
def test_round_trip(
    name: str,
    attributes: list[dict[str, Any]],
    fields: dict[str, Any],
    ids: tuple[int, int, int],
    start_us: int,
    duration_us: int,
) -> None:
    """What was encoded is decoded, type for type; repeated and remembered values too."""
    trace_id, span_id, parent_id = ids
    batch = []
    for items in attributes * 2:
        one = span(
            context=context(span_id, trace_id),
            parent=context(parent_id, trace_id) if parent_id else None,
            instrumentation_scope=None,
            events=[Event("e", {}, start_us * 1000)],
            start_time=start_us * 1000,
            end_time=(start_us + duration_us) * 1000,
        )
        one._attributes = items
        one._events[0]._attributes = fields
        batch.append(one)
    (found,) = sent(batch, name)
    for decoded, items in zip(found.spans, attributes * 2, strict=True):
        clean = {k.encode("utf-8", "replace").decode(): v for k, v in items.items()}
        assert (trace_id, span_id, parent_id, start_us, duration_us) == (
            *decoded[:3],
            decoded.start_us,
            decoded.duration_us,
        )
        assert [(k, type(v), v) for k, v in clean.items()] == [(k, type(v), v) for k, v in decoded.tags]
        assert [("event", "e"), *fields.items()] == decoded.logs[0].fields


def test_memory_is_bounded() -> None:
    """Names, keys and values that never repeat are not kept."""
    encoder = Encoder(Compact())
    for first in range(0, 30_000, 1000):
        encoder.encode(
            [
                span(i, name=f"n{i}", attributes={f"k{i}": i, "url": f"/{i}", "n": i})
                for i in range(first + 1, first + 1001)
            ]
        )
    assert len(encoder._names) <= 1024
    assert sum(len(keys) for keys in encoder._tags.values()) <= 4 * 1024
    assert sum(len(values) for keys in encoder._tags.values() for values in keys.values()) <= 16_384 + 2048


def test_a_thousand_spans() -> None:
    """Counts, not samples."""
    (batch,) = sent(spans(1000), "http")
    assert list(range(1, 1001)) == [s.span_id for s in batch.spans]
