# SPDX-License-Identifier: Apache-2.0
"""What the end of a traced program costs, by what the backend does: ours beside opentelemetry-instrument.

The program makes 600 spans, sleeps 2 s and ends. Prints the seconds added to the plain program's time, median
of the rounds. Run: python benchmarks/exit_time.py [rounds] [--upstream]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.harness.backend import Backend, status
from tests.harness.hole import Hole
from tests.harness.programs import environment, free_port

PROGRAM = """
import time

from opentelemetry import trace

for number in range(600):
    with trace.get_tracer("bench").start_as_current_span("span"):
        pass
time.sleep(2)
"""
UPSTREAM = {
    "OTEL_PYTHON_DISTRO": "distro",
    "OTEL_PYTHON_CONFIGURATOR": "configurator",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}


def seconds(command: list[str], variables: dict[str, str]) -> float:
    """Wall time of one run."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        subprocess.run(
            [*command, sys.executable, "-c", PROGRAM],
            cwd=folder,
            env=environment(variables),
            stderr=subprocess.DEVNULL,
            timeout=120,
            check=True,
        )
        return time.monotonic() - begun


def main() -> None:
    rounds = next((int(word) for word in sys.argv[1:] if word.isdigit()), 3)
    launchers = {"ours": [sys.executable, "-m", "otel_distro.run"]}
    if "--upstream" in sys.argv:
        launchers["upstream"] = [os.path.join(os.path.dirname(sys.executable), "opentelemetry-instrument")]
    cases = {
        "well": Backend("ok"),
        "refused": f"http://127.0.0.1:{free_port()}",
        "black hole": Hole(),
        "silent": Backend("silent"),
        "503": Backend(status(503)),
        "trickle": Backend("trickle"),
        "unresolvable": "http://backend.invalid:4318",
    }
    plain = statistics.median(seconds([], {}) for _ in range(rounds))
    print(f"{'':14}" + "".join(f"{name:>12}" for name in launchers))
    for name, backend in cases.items():
        figures = []
        for launcher, command in launchers.items():
            extra = UPSTREAM if launcher == "upstream" else {}
            if isinstance(backend, str):
                url = backend
                times = [seconds(command, {**extra, "OTEL_EXPORTER_OTLP_ENDPOINT": url}) for _ in range(rounds)]
            else:
                with type(backend)(*getattr(backend, "_modes", ())) as server:
                    url = server.url
                    times = [seconds(command, {**extra, "OTEL_EXPORTER_OTLP_ENDPOINT": url}) for _ in range(rounds)]
            figures.append(statistics.median(times) - plain)
        print(f"{name:14}" + "".join(f"{figure:11.2f}s" for figure in figures), flush=True)


if __name__ == "__main__":
    main()
