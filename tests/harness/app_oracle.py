# SPDX-License-Identifier: Apache-2.0
"""The APP oracle: the same program plain and under otel-distro-run, side by side.

    oracle = Oracle(folder)
    run = oracle.check(PROGRAM, {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}, signal_number=signal.SIGTERM)

check() asserts that exit status, stdout and the app's own stderr are equal, that start and exit together cost
no more than they may, that memory stays within bounds, and that what we print is short and has no traceback.
Where the machine was busy and the program took too long, it is run again; a test that counts what arrives at
its backend passes exit_cost_s=None, looks at the backend, and then calls check_cost().

A program that is to get a signal prints `ready` first. Plain runs are made once for each program.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from tests.harness.programs import OURS, environment, stop_group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START_COST_S = 0.25
EXIT_COST_S = 2.0
NOISE_S = 1.0  # one run on a shared machine is good to about this
MEMORY_COST_KIB = 64 * 1024
OWN_OUTPUT_BYTES = 2048
TIMEOUT_S = 30.0
OWN_LINES = "otel-distro"


class Run(NamedTuple):
    """What a run looked like from outside. app_stderr: what is left of stderr without own_lines.
    exit_s: from the signal, else from the start, to the end."""

    status: int
    stdout: str
    app_stderr: str
    own_lines: tuple[str, ...]
    exit_s: float
    peak_kib: int

    def looks(self) -> tuple[int, str, str]:
        """What must be equal."""
        return self.status, self.stdout, self.app_stderr


class Oracle:
    """Keeps the plain runs of the programs in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._plain: dict[tuple[str, int | None], Run] = {}

    def plain(self, program: str, signal_number: int | None = None) -> Run:
        """The run without us."""
        key = (program, signal_number)
        if key not in self._plain:
            self._plain[key] = self._run([], program, {}, signal_number)
        return self._plain[key]

    def check(
        self,
        program: str,
        variables: Mapping[str, str],
        signal_number: int | None = None,
        *,
        exit_cost_s: float | None = EXIT_COST_S,
        own_bytes: int = OWN_OUTPUT_BYTES,
    ) -> Run:
        """The run with us, compared with the plain one. AssertionError where they differ.

        exit_cost_s: what the end may cost; None leaves time to a later check_cost().
        """
        plain = self.plain(program, signal_number)
        ours = self._run(OURS, program, variables, signal_number)
        said = "\n".join(ours.own_lines)
        assert ours.looks() == plain.looks(), said
        assert ours.peak_kib - plain.peak_kib < MEMORY_COST_KIB
        assert "Traceback" not in said
        assert len(said) <= own_bytes, said
        if exit_cost_s is not None:
            self.check_cost(ours, program, variables, signal_number, exit_cost_s=exit_cost_s)
        return ours

    def check_cost(
        self,
        ours: Run,
        program: str,
        variables: Mapping[str, str],
        signal_number: int | None = None,
        *,
        exit_cost_s: float = EXIT_COST_S,
    ) -> None:
        """AssertionError when start and exit cost more than they may.

        The run that check() made is judged first; where the machine was busy and it took too long, four more
        pairs are run, and the median of the five counts.
        """
        limit_s = START_COST_S + exit_cost_s + NOISE_S
        costs_s = [ours.exit_s - self.plain(program, signal_number).exit_s]
        while costs_s[0] >= limit_s and len(costs_s) < 5:
            plain = self._run([], program, {}, signal_number)
            costs_s.append(self._run(OURS, program, variables, signal_number).exit_s - plain.exit_s)
        assert median(costs_s) < limit_s, f"seconds more: {costs_s}"

    def _run(
        self, launcher: Sequence[str], program: str, variables: Mapping[str, str], signal_number: int | None
    ) -> Run:
        file = self._folder / "program.py"
        file.write_text(program)
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            began = time.monotonic()
            process = subprocess.Popen(
                [*launcher, sys.executable, "program.py"],
                cwd=self._folder,
                env=environment(variables),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            try:
                if signal_number is not None:
                    _wait_for_output(process, stdout.fileno())
                    began = time.monotonic()
                    process.send_signal(signal_number)
                status, peak_kib = _wait(process)
                exit_s = time.monotonic() - began
            finally:
                stop_group(process)
            said = _read(stderr.fileno()).splitlines(keepends=True)
            return Run(
                status,
                _read(stdout.fileno()),
                "".join(line for line in said if not line.startswith(OWN_LINES)),
                tuple(line.rstrip("\n") for line in said if line.startswith(OWN_LINES)),
                exit_s,
                peak_kib,
            )


def _wait_for_output(process: subprocess.Popen[bytes], descriptor: int) -> None:
    end = time.monotonic() + TIMEOUT_S
    while b"ready" not in os.pread(descriptor, 4096, 0):
        assert process.poll() is None, "the program ended before its signal"
        assert time.monotonic() < end, "the program does not get ready"
        time.sleep(0.01)


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Exit status as subprocess gives it, and peak memory in KiB. AssertionError after TIMEOUT_S."""
    end = time.monotonic() + TIMEOUT_S
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
        if time.monotonic() > end:
            process.send_signal(signal.SIGKILL)
            raise AssertionError("the program does not end")
        time.sleep(0.01)


def _read(descriptor: int) -> str:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")
