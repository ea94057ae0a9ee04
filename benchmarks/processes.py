# SPDX-License-Identifier: Apache-2.0
"""Whole processes, run in turn, with the kernel's own accounting of each."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BIN = Path(sys.executable).parent
PYTHON = sys.executable
UPSTREAM = str(BIN / "opentelemetry-instrument")
OURS = str(BIN / "otel-distro-run")

# traces only, over OTLP/HTTP, for both: upstream would start three signals over gRPC by default
TRACES_ONLY = {
    "OTEL_TRACES_EXPORTER": "otlp_proto_http",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_PYTHON_DISTRO": "distro",  # or upstream's launcher would take ours, which is installed beside it
    "OTEL_PYTHON_CONFIGURATOR": "configurator",
}


class Cost(NamedTuple):
    """Of one process: CPU in ms (user and system, waited-for children included), peak memory in MiB."""

    cpu_ms: float
    peak_mib: float
    stdout: str


class Summary(NamedTuple):
    """Of several runs: median, least and most CPU in ms; median peak memory in MiB."""

    cpu_ms: float
    least_ms: float
    most_ms: float
    peak_mib: float


def clean_environment() -> dict[str, str]:
    """The environment without anything that a tracer reads."""
    unwanted = ("OTEL_", "JAEGER_", "PYTHON")  # PYTHONDONTWRITEBYTECODE would have us compiled at every start
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}


def run(command: Sequence[str], environ: Mapping[str, str], cwd: Path | None = None) -> Cost:
    """Run one process to its end. Raises RuntimeError when it fails."""
    with subprocess.Popen(
        command, env=dict(environ), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        out, err = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}: {err[-500:]}")
    return Cost((usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / 1024, out)


def in_turn(
    commands: Mapping[str, tuple[Sequence[str], Mapping[str, str]]], times: int, cwd: Path | None = None
) -> dict[str, Summary]:
    """Run the commands in turn, `times` rounds after one warm-up round."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for round_number in range(times + 1):
        for name, (command, environ) in commands.items():
            cost = run(command, environ, cwd)
            if round_number:
                costs[name].append(cost)
    return {name: _summary(found) for name, found in costs.items()}


def _summary(costs: Sequence[Cost]) -> Summary:
    cpu = [cost.cpu_ms for cost in costs]
    peak = statistics.median(cost.peak_mib for cost in costs)
    return Summary(statistics.median(cpu), min(cpu), max(cpu), peak)
