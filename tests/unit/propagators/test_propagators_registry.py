# SPDX-License-Identifier: Apache-2.0
"""propagators/__init__.py, sequence.py and what every propagator must satisfy."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from otel_distro.propagators import KNOWN, create

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.trace.span import TraceState

TRACE_ID, SPAN_ID = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
HEADERS = (
    *("traceparent", "tracestate", "baggage", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"),
    *("uber-trace-id", "uberctx-a", "jaeger-baggage", "jaeger-debug-id", "X-Amzn-Trace-Id"),
    *("ot-tracer-traceid", "ot-tracer-spanid", "ot-tracer-sampled", "ot-baggage-a"),
)
FRAGMENTS = st.sampled_from([
    *("00-", "-01", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", ":", ":0:", "%3A", ";", ",", "=", "d"),
    *("Root=1-5759e988-bd862e3fe1be46a994272793", "Parent=53995c3f42cd8ad8", "Sampled=", "?", "\r\n", "\0", "ü"),
    *("a=b", "\ud800", "x" * 300, "1", "true", " ", "\t", "%zz", "%0d%0a"),
])  # fmt: skip
VALUES = st.one_of(st.text(max_size=64), st.lists(FRAGMENTS, max_size=12).map("".join))


def context_of(flags: int = 1, state: TraceState | None = None, **items: str) -> Context:
    span = NonRecordingSpan(SpanContext(TRACE_ID, SPAN_ID, False, TraceFlags(flags), state))
    context = trace.set_span_in_context(span, Context())
    for key, value in items.items():
        context = baggage.set_baggage(key, value, context)
    return context


def names(propagator: Any) -> list[str]:
    return [type(one).__name__ for one in propagator._propagators]


def test_every_known_name_gives_its_propagator() -> None:
    """The seven names of the specification work without another package."""
    propagator, problems = create(list(KNOWN))
    assert ([], 7) == (problems, len(names(propagator)))


def test_names_in_any_case_count_once() -> None:
    """Repeated names, blanks and upper case do no harm."""
    propagator, problems = create(["B3", " b3 ", "", "tracecontext"])
    assert (["B3Propagator", "TraceContextPropagator"], []) == (names(propagator), problems)


def test_unknown_name_costs_only_itself() -> None:
    """The others stay, and the problem guesses what was meant."""
    propagator, problems = create(["tracecontxt", "baggage"])
    assert ["BaggagePropagator"] == names(propagator)
    expected = "OTEL_PROPAGATORS=tracecontxt: no such propagator; ignored; did you mean tracecontext?"
    assert [expected] == [str(p) for p in problems]


@pytest.mark.parametrize("wanted", [[], ["none"]])
def test_none_reads_and_writes_nothing(wanted: list[str]) -> None:
    """extract gives back the context it was given; upstream's composite gives None."""
    propagator, problems = create(wanted)
    carrier: dict[str, str] = {}
    propagator.inject(carrier, context_of())
    assert ({}, []) == (carrier, problems)
    context = context_of()
    assert propagator.extract({"traceparent": "x"}, context) is context
    assert Context() == propagator.extract({})


def test_none_beside_others_is_a_problem() -> None:
    """`none` stands alone; the others are used."""
    propagator, problems = create(["tracecontext", "none"])
    assert ["TraceContextPropagator"] == names(propagator)
    assert ["OTEL_PROPAGATORS=none: stands alone; using tracecontext"] == [str(p) for p in problems]


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with three propagators as entry points: one good, one that raises, one that exits on import."""
    (tmp_path / "foreign_propagators.py").write_text(
        "from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator\n"
        "class Good(TraceContextTextMapPropagator): pass\n"
        "class Raises(Good):\n"
        "    def extract(self, *args, **kwargs): raise RuntimeError('extract')\n"
        "    def inject(self, *args, **kwargs): raise RuntimeError('inject')\n"
        "def exits(): raise SystemExit(3)\n"
    )
    info = tmp_path / "foreign-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[opentelemetry_propagator]\ngood = foreign_propagators:Good\n"
        "raises = foreign_propagators:Raises\nexits = foreign_propagators:exits\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("foreign_propagators", None)


@pytest.mark.usefixtures("foreign")
def test_another_packages_propagator_is_used() -> None:
    """An entry point of another package works under its name, behind a guard."""
    propagator, problems = create(["good"])
    carrier: dict[str, str] = {}
    propagator.inject(carrier, context_of())
    assert ([], {"traceparent"}) == (problems, set(carrier))
    assert {"traceparent", "tracestate"} == propagator.fields


@pytest.mark.usefixtures("foreign")
def test_another_packages_failure_stays_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    """One that raises, or exits while it loads, costs a line and nothing else."""
    propagator, problems = create(["raises", "exits", "b3"])
    context = propagator.extract({"b3": f"{TRACE_ID:032x}-{SPAN_ID:016x}-1"})
    carrier: dict[str, str] = {}
    propagator.inject(carrier, context)
    assert ([], {"b3"}) == (problems, set(carrier))
    said = capfd.readouterr().err
    assert "OTEL_PROPAGATORS=exits cannot be set up: SystemExit: 3" in said
    assert 1 == said.count("propagator raises: RuntimeError")


class BrokenGetter(Getter[Any]):
    def get(self, carrier: Any, key: str) -> list[str] | None:
        raise ZeroDivisionError

    def keys(self, carrier: Any) -> list[str]:
        raise ZeroDivisionError


@pytest.mark.parametrize("name", KNOWN)
def test_broken_carriers_never_raise(name: str) -> None:
    """Whatever carrier, getter or setter it is given, the app sees no exception."""
    propagator, _ = create([name])
    single = propagator._propagators[0]  # type: ignore[attr-defined]
    context = context_of()
    for one in (propagator, single):
        assert one.extract({}, context, BrokenGetter()) is context
        for carrier in (None, 7, {None: b"x", 3: 4}, {"b3": 3, "traceparent": [b"x", None], "baggage": object()}):
            assert isinstance(one.extract(carrier), Context)  # type: ignore[arg-type]
            one.inject(carrier, context_of(a="b"))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", KNOWN)
@given(headers=st.dictionaries(st.sampled_from(HEADERS), VALUES, max_size=6), items=st.dictionaries(VALUES, VALUES))
def test_whatever_comes_in_goes_out_clean(name: str, headers: dict[str, str], items: dict[str, str]) -> None:
    """No exception, no CR or LF, no control or non-ASCII character, 8 KiB at most."""
    propagator, _ = create([name])
    context = propagator.extract(headers)
    for key, value in items.items():
        context = baggage.set_baggage(key, value, context)
    carrier: dict[str, str] = {}
    propagator.inject(carrier, context)
    for key, value in carrier.items():
        assert (key + value).isascii()
        assert (key + value).isprintable()
    assert sum(map(len, carrier)) + sum(map(len, carrier.values())) <= 8192 + 128


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_of_one_megabyte_is_not_parsed(header: str) -> None:
    """It takes under a millisecond, starts no trace from it, and nothing of it goes out."""
    propagator, _ = create(list(KNOWN))
    for value in ("a" * 1_000_000, "a=b," * 250_000, "00-" + "0" * 999_997, "%41" * 333_333):
        begun = time.perf_counter()
        context = propagator.extract({header: value})
        carrier: dict[str, str] = {}
        propagator.inject(carrier, context)
        took = time.perf_counter() - begun
        assert not trace.get_current_span(context).get_span_context().is_valid
        assert sum(map(len, carrier.values())) <= 3 * 8192  # three formats may pass baggage on
        assert took < 0.05  # 1 ms by itself; the machine may be busy


def test_headers_match_in_any_case() -> None:
    """A plain dict is searched as headers are: case does not count."""
    propagator, _ = create(["tracecontext"])
    context = propagator.extract({"TraceParent": f"00-{TRACE_ID:032x}-{SPAN_ID:016x}-01"})
    assert TRACE_ID == trace.get_current_span(context).get_span_context().trace_id


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_injected_is_extracted(name: str) -> None:
    """A sampled span arrives as it left: ids and decision. ottrace carries 64 bits of the trace id."""
    propagator, _ = create([name])
    carrier: dict[str, str] = {}
    propagator.inject(carrier, context_of(flags=1, a="b c"))
    context = propagator.extract(carrier)
    found = trace.get_current_span(context).get_span_context()
    if name == "baggage":
        assert {"a": "b c"} == dict(baggage.get_all(context))
        return
    trace_id = TRACE_ID & (1 << 64) - 1 if name == "ottrace" else TRACE_ID
    assert (trace_id, SPAN_ID, True, True) == (
        found.trace_id,
        found.span_id,
        found.is_remote,
        found.trace_flags.sampled,
    )
    assert ({"a": "b c"} if name in {"jaeger", "ottrace"} else {}) == dict(baggage.get_all(context))
