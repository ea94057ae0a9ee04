# SPDX-License-Identifier: Apache-2.0
"""F36: a forked child starts clean: no lock is stuck, no socket is shared, nothing is lost or doubled."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from tests.harness.app_oracle import Oracle
from tests.harness.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

PREFORK = """
import os
import sys
import time

from opentelemetry import trace

tracer = trace.get_tracer("test")


def make(name, count):
    for number in range(count):
        with tracer.start_as_current_span(f"{name} {number}"):
            pass


make("parent", 10)
time.sleep(0.5)  # the parent has exported, and keeps its connection
children = []
for child in range(4):
    pid = os.fork()
    if pid == 0:
        make(f"child {child}", 250)
        sys.exit(0)
    children.append(pid)
make("parent again", 10)
print([os.waitpid(pid, 0)[1] for pid in children])
"""
THREADS = """
import os
import sys
import threading
import time

import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12, about the program's own threads

from opentelemetry import trace

tracer = trace.get_tracer("test")
stop = threading.Event()
made = []


def work(number):
    count = 0
    while not stop.is_set():
        with tracer.start_as_current_span(f"thread {number}"):
            count += 1
        time.sleep(0.0005)
    made.append(count)


threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
children = []
for child in range(20):
    time.sleep(0.02)
    pid = os.fork()
    if pid == 0:
        for number in range(5):
            with tracer.start_as_current_span(f"child {child}"):
                pass
        sys.exit(0)
    children.append(pid)
statuses = [os.waitpid(pid, 0)[1] for pid in children]
stop.set()
for thread in threads:
    thread.join()
print(statuses)
with open("made", "w") as file:
    file.write(str(sum(made)))
"""
HELD_LOCKS = """
import os
import sys
import threading

import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12, about the program's own threads

from opentelemetry import trace

tracer = trace.get_tracer("test")
with tracer.start_as_current_span("before"):
    pass
locks = []
if "otel_distro.pipeline.span" in sys.modules:
    from otel_distro.pipeline import span
    from otel_distro.runtime import counters

    provider = trace.get_tracer_provider()
    processor = provider._processors._span_processors[-1]
    locks = [
        counters._lock, span._lock, provider._tracers_lock, processor._worker._starting, processor._delivery._lock,
        provider._processors._lock,
    ]
held, release = threading.Event(), threading.Event()


def hold():
    for lock in locks:
        lock.acquire()
    held.set()
    release.wait(10)
    for lock in reversed(locks):
        lock.release()


thread = threading.Thread(target=hold)
thread.start()
held.wait()
pid = os.fork()
if pid == 0:
    with trace.get_tracer("another").start_as_current_span("child") as child:
        child.add_event("event")
    sys.exit(0)
print(os.waitpid(pid, 0)[1])
release.set()
thread.join()
"""
OPEN_SPAN = """
import os
import sys

from opentelemetry import trace

tracer = trace.get_tracer("test")
with tracer.start_as_current_span("open at the fork"):
    pid = os.fork()
    with tracer.start_as_current_span("child" if pid == 0 else "parent"):
        pass
    if pid == 0:
        sys.exit(0)
    os.waitpid(pid, 0)
"""


def test_workers_forked_after_an_export(tmp_path: Path) -> None:
    """Prefork: all of the 1,020 spans, none twice; own connections and own service.instance.id."""
    with Backend() as backend:
        Oracle(tmp_path).check(PREFORK, {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None)
        spans = backend.spans()
        assert Counter({"child": 1000, "parent": 20}) == Counter(span.name.split()[0] for span in spans)
        assert backend.duplicates() == []
        instances: dict[str, set[str]] = defaultdict(set)
        for span in spans:
            instances[" ".join(span.name.split()[:2])[:7]].add(span.resource["service.instance.id"])
        assert all(len(found) == 1 for found in instances.values())
        assert len(set.union(*instances.values())) == 5
        assert len({span.resource["process.pid"] for span in spans}) == 5
        owners: dict[int, set[bytes]] = defaultdict(set)
        ids = {span.resource["service.instance.id"].encode() for span in spans}
        for request in backend.requests:
            owners[request.connection] |= {found for found in ids if found in request.body}
        assert all(len(found) == 1 for found in owners.values())


def test_forking_among_tracing_threads(tmp_path: Path) -> None:
    """20 forks while 8 threads make spans: every child ends, and every span of all arrives once."""
    with Backend() as backend:
        run = Oracle(tmp_path).check(THREADS, {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None)
        assert run.stdout == f"{[0] * 20}\n"
        names = Counter(span.name.split()[0] for span in backend.spans())
        assert names == {"thread": int((tmp_path / "made").read_text()), "child": 100}
        assert backend.duplicates() == []


def test_locks_held_by_another_thread(tmp_path: Path) -> None:
    """Each lock of ours at once: the child traces and ends."""
    with Backend() as backend:
        run = Oracle(tmp_path).check(HELD_LOCKS, {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None)
        assert run.stdout == "0\n"
        assert {span.name for span in backend.spans()} == {"before", "child"}


def test_a_span_open_at_the_fork_is_the_parents(tmp_path: Path) -> None:
    """Its end in the child is not exported a second time; children of it on both sides are."""
    with Backend() as backend:
        Oracle(tmp_path).check(OPEN_SPAN, {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, exit_cost_s=None)
        spans = {span.name: span for span in backend.spans()}
        assert sorted(spans) == sorted(span.name for span in backend.spans()) == ["child", "open at the fork", "parent"]
        assert {spans["child"].parent_id, spans["parent"].parent_id} == {spans["open at the fork"].span_id}
