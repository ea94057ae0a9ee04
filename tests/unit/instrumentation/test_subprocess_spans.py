# SPDX-License-Identifier: Apache-2.0
"""Programs that a request starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_distro.instrumentation import subprocess as ours
from otel_distro.settings.settings import Settings
from tests.harness.span_recorder import PlainSpan, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PYTHON = Path(sys.executable).name


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    ours.instrument(Settings(), tracer_provider=made.provider)
    yield made
    ours.uninstrument()


def below(recorder: Recorder, work: Callable[[], object]) -> list[PlainSpan]:
    with recorder.provider.get_tracer("t").start_as_current_span("parent"):
        work()
    return recorder.take()[:-1]


def python(code: str, **named: Any) -> Any:
    return subprocess.run([sys.executable, "-S", "-c", code], check=False, timeout=30, **named)


def test_a_program_is_a_span_until_it_has_ended(recorder: Recorder) -> None:
    """Named after the program; arguments are not recorded."""
    (span,) = below(recorder, lambda: python("print('secret-argument')", capture_output=True))
    assert span[:4] == (PYTHON, "CLIENT", "UNSET", None)
    assert span.attributes["process.executable.name"] == PYTHON
    assert span.attributes["process.exit.code"] == 0
    assert span.attributes["process.pid"] > 0
    assert span.parent_id is not None
    assert "secret-argument" not in str(span)
    assert span.end_ns - span.start_ns > 1_000_000


def test_an_exit_code_is_an_error(recorder: Recorder) -> None:
    """Anything but 0."""
    (span,) = below(recorder, lambda: python("raise SystemExit(3)"))
    assert (span.status, span.attributes["error.type"], span.attributes["process.exit.code"]) == ("ERROR", "3", 3)


def test_a_program_that_does_not_exist(recorder: Recorder) -> None:
    """The app gets its exception."""

    def missing() -> None:
        with pytest.raises(FileNotFoundError):
            subprocess.run(["/nowhere/dot", "-Tpng"], check=False)

    (span,) = below(recorder, missing)
    assert (span.name, span.status, span.attributes["error.type"]) == ("dot", "ERROR", "FileNotFoundError")


def test_all_ways_to_wait(recorder: Recorder) -> None:
    """call, check_output, communicate, wait and poll: one span each."""
    command = [sys.executable, "-S", "-c", "print(1)"]

    def by_hand() -> None:
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.read()
            process.wait(30)
            process.poll()

    def work() -> None:
        assert subprocess.check_output(command) == b"1\n"
        subprocess.call(command, stdout=subprocess.DEVNULL)
        by_hand()

    assert [span.name for span in below(recorder, work)] == [PYTHON] * 3


def test_a_shell_is_named_as_a_shell(recorder: Recorder) -> None:
    """Its command line may hold anything."""
    (span,) = below(recorder, lambda: subprocess.run("echo secret", shell=True, check=True, stdout=-3))
    assert span.name == "sh"
    assert "secret" not in str(span)


def test_nothing_without_a_span_around_it(recorder: Recorder) -> None:
    """A script that starts programs has no traces of them."""
    python("pass")
    assert recorder.take() == []
