# SPDX-License-Identifier: Apache-2.0
"""Traces are kept, found again, bounded, and survive what happens to files."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from typing import TYPE_CHECKING

import pytest

from otel_distro.viewer.ingest.worker import Refused, Worker
from otel_distro.viewer.store import traces
from otel_distro.viewer.store.query import parse
from otel_distro.viewer.store.search import search, trace_row
from otel_distro.viewer.store.store import Added, Store
from otel_distro.wire.otlp_decode import DecodeError, TraceRequest
from tests.harness.viewer_spans import MS, SECOND, Request, checkout, new_id, orders

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_700_000_000 * SECOND
MB = 1024 * 1024


def put(store: Store, request: Request) -> Added:
    """Store and commit."""
    added = store.add(request.spans())
    store.commit()
    return added


def one(name: str = "work", **fields: object) -> Request:
    """A request with one span."""
    request = Request()
    request.span(name, **fields)  # type: ignore[arg-type]
    return request


def bulky(count: int, service: str = "noisy", start: int = NOW) -> Request:
    """Traces of one span that do not compress."""
    request = Request()
    for i in range(count):
        request.span("bulk", service=service, start=start + i, attributes={"blob": new_id(1500).hex()})
    return request


def test_what_comes_in_comes_out(store: Store) -> None:
    """Spans are read back equal, field by field."""
    request = Request()
    trace_id = checkout(request, NOW)
    put(store, request)

    read = sorted(traces.spans(store, trace_id.hex()), key=lambda origin: origin[2].span_id)

    sent = sorted(request.spans(), key=lambda origin: origin[2].span_id)
    assert [(o[2].name, o[2].parent_span_id, o[2].start_ns, o[2].end_ns, o[2].kind) for o in sent] == [
        (o[2].name, o[2].parent_span_id, o[2].start_ns, o[2].end_ns, o[2].kind) for o in read
    ]
    assert [o[0].attributes for o in sent] == [o[0].attributes for o in read]
    assert [o[2].events for o in sent] == [o[2].events for o in read]


def test_every_kind_of_value_is_kept(store: Store) -> None:
    """Bytes, nested lists and mappings, NaN and large numbers."""
    values = {"b": b"\x00\xff", "l": [1, "x", [2.5, b"y"]], "m": {"a": {"b": True}}, "n": -(1 << 63), "f": 1e300}
    request = Request()
    trace_id, _ = request.span(attributes=values)
    put(store, request)

    assert values == dict(traces.spans(store, trace_id.hex())[0][2].attributes)


def test_a_trace_row_sums_up_what_came_in_parts(store: Store) -> None:
    """Children first, the root in a later request: name, times and counts are those of the whole."""
    trace_id, root = new_id(16), new_id(8)
    put(store, one("SELECT", trace_id=trace_id, parent=root, start=NOW + 5 * MS, ms=10, service="db", error=True))
    before = trace_row(store, trace_id.hex())
    put(store, one("GET /", trace_id=trace_id, span_id=root, start=NOW, ms=100, kind=2))
    after = trace_row(store, trace_id.hex())

    assert before is not None
    assert after is not None
    assert (0, "SELECT") == (before.root_rank, before.name)
    assert (2, "GET /", "shop", NOW, 100 * MS, 2, 1) == (
        after.root_rank, after.name, after.service, after.start, after.duration, after.spans, after.errors,
    )  # fmt: skip
    assert {"shop": [1, 0], "db": [1, 1]} == after.services


def test_spans_without_valid_ids_are_rejected_and_the_rest_is_kept(store: Store) -> None:
    """A zero or short id makes a span that nobody could find."""
    request = one()
    request.span(trace_id=b"\x00" * 16)
    request.span(span_id=b"short")

    assert Added(1, 2) == put(store, request)


def test_a_request_that_breaks_in_the_middle_leaves_nothing(store: Store) -> None:
    """All or none, and what came before in the same transaction stays."""
    put(store, one("before"))
    store.add(one("same transaction").spans())
    good = one("lost").bytes()
    with pytest.raises(DecodeError):
        store.add(TraceRequest(good + b"\x0b"))
    store.commit()

    names = {row.name for row in search(store, parse("")).traces}
    assert {"before", "same transaction"} == names


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"GET /orders/", "POST /checkout/", "quick"}),
        ("service:stock", {"POST /checkout/"}),
        ("duration>200ms", {"GET /orders/", "POST /checkout/"}),
        ("duration<100ms", {"quick"}),
        ("status:error", {"POST /checkout/"}),
        ("status:ok", {"GET /orders/", "quick"}),
        ("status:500", {"POST /checkout/"}),
        ("status>=500", {"POST /checkout/"}),
        ("http.route=/orders/ AND duration>200ms", {"GET /orders/"}),
        ("http.route=/orders/ AND duration>2s", set()),
        ("http.route=/o*", {"GET /orders/"}),
        ('name:"POST /charge"', {"POST /checkout/"}),
        ("db.system.name=mysql", {"POST /checkout/"}),
        ("http.response.status_code>=400", {"POST /checkout/"}),
        ("http.response.status_code!=200", {"POST /checkout/"}),
        ("spans>5", {"GET /orders/", "POST /checkout/"}),
        ("declined", {"POST /checkout/"}),
        ('"card declined"', {"POST /checkout/"}),
        ("shop_item", {"GET /orders/"}),
        ("custom.key=7", {"quick"}),
        ("custom.key>6 custom.text=a*c", {"quick"}),
        ("custom.key>7", set()),
        ("custom.missing=1", set()),
        ("100%", set()),
        ("service:shop service:stock", {"POST /checkout/"}),
    ],
)
def test_search(store: Store, query: str, found: set[str]) -> None:
    """Columns, indexed attributes, attributes that only the spans have, and free text."""
    request = Request()
    orders(request, NOW)
    checkout(request, NOW + SECOND)
    request.span("quick", start=NOW + 2 * SECOND, ms=3, attributes={"custom.key": 7, "custom.text": "abc"})
    put(store, request)

    answer = search(store, parse(query))

    assert found == {row.name for row in answer.traces}
    assert answer.complete


def test_newest_first_and_limited(store: Store) -> None:
    """By the trace's start, not by arrival; the bounds of time are included."""
    request = Request()
    for second in (3, 1, 4, 2):
        request.span(f"t{second}", start=NOW + second * SECOND)
    put(store, request)

    assert ["t4", "t3"] == [row.name for row in search(store, parse(""), limit=2).traces]
    between = search(store, parse(""), NOW + 2 * SECOND, NOW + 3 * SECOND)
    assert ["t3", "t2"] == [row.name for row in between.traces]


def test_bounded_in_bytes_with_the_oldest_going_first(tmp_path: Path) -> None:
    """Far more than the cap is written: the size stays below it, and the newest are there."""
    store = Store(tmp_path, max_bytes=6 * MB)
    for i in range(30):
        put(store, bulky(300, start=NOW + i * SECOND))
        assert store.size_bytes() <= 6 * MB
    names = search(store, parse(""), limit=1).traces

    assert NOW + 29 * SECOND <= names[0].start
    assert store.evicted_traces > 0
    assert len(search(store, parse(""), end_ns=NOW + SECOND, limit=500).traces) <= 100  # its own quota at most
    store.close()


def test_a_quiet_service_is_not_pushed_out(tmp_path: Path) -> None:
    """A service with few traces keeps them while another floods the store."""
    store = Store(tmp_path, max_bytes=6 * MB, clock_ns=lambda: NOW)
    request = Request()
    trace_id = orders(request, NOW)
    put(store, request)
    for i in range(30):
        put(store, bulky(300, start=NOW + i * SECOND))

    row = trace_row(store, trace_id.hex())

    assert row is not None
    assert ("GET /orders/", 25) == (row.name, row.spans)
    assert 25 == len(traces.spans(store, trace_id.hex()))
    store.close()


def test_bounded_in_age(tmp_path: Path) -> None:
    """Traces older than the bound go, though there is room."""
    clock = [NOW]
    store = Store(tmp_path, max_age_s=3600, clock_ns=lambda: clock[0])
    put(store, one("old", start=NOW))
    for minute in range(10, 90, 10):
        clock[0] = NOW + minute * 60 * SECOND
        put(store, one(f"m{minute}", start=clock[0]))

    names = {row.name for row in search(store, parse("")).traces}

    assert "old" not in names
    assert "m80" in names
    store.close()


def test_a_trace_over_two_segments_is_one(tmp_path: Path) -> None:
    """Parts that were written before and after a change of segments are shown as one trace."""
    store = Store(tmp_path, max_bytes=12 * MB)
    trace_id, root = new_id(16), new_id(8)
    put(store, one("child", trace_id=trace_id, parent=root, start=NOW + MS, service="db"))
    put(store, bulky(800))
    assert len(store.segments) > 1
    put(store, one("GET /", trace_id=trace_id, span_id=root, start=NOW, ms=50))

    found = [row for row in search(store, parse("service:db")).traces if row.trace_id == trace_id.hex()]

    assert [("GET /", 2, {"shop": [1, 0], "db": [1, 0]})] == [(r.name, r.spans, r.services) for r in found]
    assert 2 == len(traces.span_rows(traces.chunks(store, trace_id.hex())))
    store.close()


def test_a_batch_that_came_twice_is_shown_once(store: Store) -> None:
    """A sender whose reply was lost sends again."""
    request = Request()
    trace_id = orders(request, NOW)
    put(store, request)
    put(store, request)

    assert 25 == len(traces.spans(store, trace_id.hex()))
    assert 25 == len(traces.span_rows(traces.chunks(store, trace_id.hex())))


def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    """Closing and opening again loses nothing and begins no new file."""
    first = Store(tmp_path)
    put(first, one("kept"))
    first.close()

    second = Store(tmp_path)

    assert ["kept"] == [row.name for row in search(second, parse("")).traces]
    assert 1 == len(second.segments)
    second.close()


def test_memory_only(tmp_path: Path) -> None:
    """Without a folder nothing is written, and the bound holds too."""
    store = Store(None, max_bytes=6 * MB)
    for i in range(20):
        put(store, bulky(300, start=NOW + i * SECOND))

    assert store.size_bytes() <= 6 * MB
    assert 1 == len(search(store, parse(""), limit=1).traces)
    assert [] == list(tmp_path.iterdir())
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_files_are_the_users_alone(tmp_path: Path) -> None:
    """The folder is 0700 and every file in it 0600."""
    store = Store(tmp_path / "traces")
    put(store, one())
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "traces").iterdir()}

    assert 0o700 == stat.S_IMODE((tmp_path / "traces").stat().st_mode)
    assert {0o600} == modes
    store.close()


def test_a_damaged_file_is_set_aside_and_read_for_what_is_whole(tmp_path: Path) -> None:
    """Pages in the middle are overwritten: most traces are still shown, and the store says what happened."""
    store = Store(tmp_path)
    for i in range(20):
        put(store, bulky(50, start=NOW + i * SECOND))
    store.close()
    (path,) = tmp_path.glob("*.db")
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(os.urandom(64 * 1024))

    again = Store(tmp_path)
    worker = Worker(again)
    search(again, parse(""), limit=2000)
    for trace in search(again, parse(""), limit=2000).traces:
        traces.spans(again, trace.trace_id)
    worker.submit(lambda: one("after").spans()).result(20)
    worker.submit(lambda: one("later").spans()).result(20)
    names = [row.name for row in search(again, parse(""), limit=2000).traces]
    worker.close()

    assert {"after", "later"} <= set(names)
    assert names.count("bulk") > 500


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    """Nonsense in the folder does not stop the viewer."""
    (tmp_path / "00000001.db").write_bytes(b"no database " * 1000)
    store = Store(tmp_path)
    put(store, one("kept"))

    assert ["kept"] == [row.name for row in search(store, parse("")).traces]
    assert "damaged" in store.problems
    store.close()


def test_a_file_of_another_version_is_removed(tmp_path: Path) -> None:
    """It cannot be read, and traces are no archive."""
    connection = sqlite3.connect(tmp_path / "00000001.db")
    connection.execute("PRAGMA user_version=999")
    connection.close()
    store = Store(tmp_path)
    put(store, one("kept"))

    assert ["kept"] == [row.name for row in search(store, parse("")).traces]
    store.close()


def test_more_than_can_be_stored_is_refused_and_counted(store: Store) -> None:
    """The queue is bounded; who is refused may try again."""
    worker = Worker(store)
    futures = [worker.submit(lambda: bulky(20).spans()) for _ in range(300)]
    results = [future.result(30) for future in futures]
    worker.close()

    refused = [result for result in results if isinstance(result, Refused)]
    assert worker.dropped == len(refused)
    assert all(503 == result.status for result in refused)
    assert any(isinstance(result, Added) for result in results)


def test_clearing_forgets_everything(store: Store) -> None:
    """Also while spans arrive."""
    worker = Worker(store)
    worker.submit(lambda: bulky(20).spans()).result(10)
    worker.clear().result(10)
    left = search(store, parse("")).traces
    worker.submit(lambda: one("new").spans()).result(10)
    after = search(store, parse("")).traces
    worker.close()

    assert [] == left
    assert ["new"] == [row.name for row in after]
