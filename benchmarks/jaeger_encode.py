# SPDX-License-Identifier: Apache-2.0
"""CPU time of encoding spans in Jaeger's formats, against our OTLP encoder, alternating in one run.

    python -m benchmarks jaeger_encode

Prints medians (min to max) in microseconds per span, message included, and the ratio to OTLP. The spans are
those of benchmarks/encode.py. The default format, Thrift over HTTP, may cost at most what OTLP does; the
formats with varints for ids and times cost more, and the table says how much.
"""

from __future__ import annotations

import argparse
import statistics
from typing import TYPE_CHECKING, Any

from benchmarks.encode import cpu_us, make_spans
from otel_distro.pipeline.provider import TracerProvider
from otel_distro.wire import otlp
from otel_distro.wire.jaeger import Encoder
from otel_distro.wire.jaeger_formats import Binary, BinaryDatagram, Compact, Format
from otel_distro.wire.jaeger_protobuf import Protobuf

if TYPE_CHECKING:
    from collections.abc import Callable

BOUND = 1.05  # one run on a shared machine is good to about 5%


def messages(wire_format: Format, limit: int | None = None) -> Callable[[list[Any]], object]:
    """Encodes a batch to the bytes that are sent."""
    encoder = Encoder(wire_format, limit)

    def work(batch: list[Any]) -> list[bytes]:
        return [wire_format.body(group.process, group.spans) for group in encoder.encode(batch).groups]

    return work


def main() -> int:
    """Measure and print; 1 when the default format costs more than OTLP."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args()
    default = "Jaeger, Thrift over HTTP"
    cases: dict[str, Callable[[Any], object]] = {
        "OTLP": otlp.Encoder().encode,
        default: messages(Binary()),
        "Jaeger, binary over UDP": messages(BinaryDatagram(), 65_000),
        "Jaeger, compact over UDP": messages(Compact(), 65_000),
        "Jaeger, gRPC": messages(Protobuf()),
    }
    figures: dict[str, list[float]] = {name: [] for name in cases}
    for i in range(options.rounds + 2):
        batch = make_spans(TracerProvider, options.batch, i * options.batch)
        for name, work in cases.items():
            figure = cpu_us(work, batch)
            if i >= 2:  # the first two warm the caches
                figures[name].append(figure)
    base = statistics.median(figures["OTLP"])
    for name, values in figures.items():
        median = statistics.median(values)
        print(f"{name:25} {median:7.2f} us ({min(values):.2f} to {max(values):.2f})  {median / base:6.1%}")
    return int(statistics.median(figures[default]) > BOUND * base)


if __name__ == "__main__":
    raise SystemExit(main())
