# SPDX-License-Identifier: Apache-2.0
"""50,000 spans in a second from 8 threads with default settings: how many arrive, who stalls, what it takes.

Prints, for spans spread over a second and for spans made as fast as possible: delivered and dropped by the
ledger, the longest time a thread spent in one span, and the growth of peak memory. The backend is a process
of its own that reads and counts requests. Run: python benchmarks/burst.py [spans] [attributes]
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import socketserver
import sys
import threading
import time
from typing import Any

THREADS = 8


class Silent(socketserver.StreamRequestHandler):
    """Never answers."""

    def handle(self) -> None:
        time.sleep(600)


class Sink(socketserver.StreamRequestHandler):
    """Answers every POST with an empty 200."""

    def handle(self) -> None:
        while self.rfile.readline():
            size = 0
            while (line := self.rfile.readline()) not in {b"\r\n", b""}:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    size = int(value)
            self.rfile.read(size)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n")


def serve(ports: Any, silent: bool) -> None:
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent if silent else Sink) as server:
        ports.put(server.server_address[1])
        server.serve_forever()


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def app(port: int, count: int, attributes: int, paced: bool) -> None:
    """One measurement in a fresh process."""
    from otel_distro import exporters
    from otel_distro.pipeline.batch_span_processor import BatchSpanProcessor
    from otel_distro.pipeline.provider import TracerProvider
    from otel_distro.settings.settings import OtlpSettings, Settings

    settings = Settings(otlp_traces=OtlpSettings(endpoint=f"http://127.0.0.1:{port}/v1/traces"))
    (exporter,), _ = exporters.create(settings)
    processor = BatchSpanProcessor(exporter, settings.bsp, elastic=True)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("bench")
    tracer.start_span("warm").end()
    provider.force_flush(2000)
    values = {f"attribute.{n}": f"value {n}" if n % 3 else n for n in range(attributes)}
    longest = [0.0] * THREADS

    def work(number: int) -> None:
        each, per_thread = 1.0 / (count / THREADS), count // THREADS
        begun = time.perf_counter()
        for turn in range(per_thread):
            at = time.perf_counter()
            with tracer.start_as_current_span("work", attributes={**values, "turn": turn}):
                pass
            longest[number] = max(longest[number], time.perf_counter() - at)
            if paced and turn % 20 == 0:
                time.sleep(max(0.0, begun + turn * each - time.perf_counter()))

    before, begun = peak_mib(), time.perf_counter()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made_s = time.perf_counter() - begun
    provider.force_flush(20_000)
    balance = processor.balance()
    print(
        f"{'paced' if paced else 'at once':8} made in {made_s:5.2f} s  delivered {balance.exported - 1:,}"
        f"  dropped {balance.lost:,}  missing {balance.missing}"
        f"  longest in one span {max(longest) * 1e3:.1f} ms  peak memory +{peak_mib() - before:.1f} MiB",
        flush=True,
    )
    os._exit(0)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    attributes = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    context = multiprocessing.get_context("spawn")
    for silent in (False, True):
        ports = context.Queue()
        server = context.Process(target=serve, args=(ports, silent), daemon=True)
        server.start()
        port = ports.get()
        print(f"{count:,} spans, {attributes} attributes, {'silent' if silent else 'quick'} backend")
        for paced in (True, False):
            child = context.Process(target=app, args=(port, count, attributes, paced))
            child.start()
            child.join()
        server.terminate()


if __name__ == "__main__":
    main()
