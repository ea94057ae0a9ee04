# SPDX-License-Identifier: Apache-2.0
"""The viewer's process: opens the store and the ports, serves until it is told to end or nobody needs it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from otel_distro import __version__
from otel_distro.runtime import log
from otel_distro.runtime.clock import monotonic_s
from otel_distro.viewer.ingest.jaeger_thrift import Datagrams
from otel_distro.viewer.ingest.worker import Worker
from otel_distro.viewer.process import record, token
from otel_distro.viewer.process.places import Places, make_private
from otel_distro.viewer.store.store import DEFAULT_MAX_AGE_S, DEFAULT_MAX_BYTES, Store
from otel_distro.viewer.web import access, otlp_grpc
from otel_distro.viewer.web.app import App
from otel_distro.viewer.web.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_distro.viewer.web.http import Request, Response

PORTS = {
    "ui": 16686,
    "otlp": 4318,
    "grpc": 4317,
    "thrift": 14268,
    "compact": 6831,
    "binary": 6832,
    "sampling": 5778,
}
IDLE_S = 8 * 3600.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ServeError(Exception):
    """The viewer does not start; the text says why, for a person."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a viewer, also those of `otel-distro ui start`."""
    for name, port in PORTS.items():
        option = "--port" if name == "ui" else f"--{name}-port"
        parser.add_argument(
            option,
            dest=f"{name}_port",
            type=int,
            default=port,
            metavar="N",
            help=f"default {port}; 0 closes it"
            if name != "ui"
            else f"of the pages, default {port}; 0 takes a free one",
        )
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on besides loopback")
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer requests to this host name",
    )
    parser.add_argument(
        "--cors-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="let this web page send spans, e.g. http://localhost:3000",
    )
    parser.add_argument("--no-auth", action="store_true", help="answer reads without the token")
    parser.add_argument(
        "--max-size",
        type=_size,
        default=DEFAULT_MAX_BYTES,
        metavar="SIZE",
        help="keep at most this much, e.g. 256MB (the default)",
    )
    parser.add_argument(
        "--max-age",
        type=_age,
        default=DEFAULT_MAX_AGE_S,
        metavar="AGE",
        help="keep at most this long, e.g. 7d (the default)",
    )
    parser.add_argument("--memory", action="store_true", help="keep traces in memory only")
    parser.add_argument(
        "--assets-path", type=Path, metavar="DIR", help="serve the pages in this folder, e.g. Jaeger's UI"
    )
    parser.add_argument(
        "--idle-exit",
        type=_age,
        default=IDLE_S,
        metavar="AGE",
        help="end when unused this long; default 8h, 0 never",
    )


def main(arguments: argparse.Namespace, where: Places) -> int:
    """Serve until the end. Returns the exit status; says why on stderr when it is not 0."""
    log.set_level("info")
    try:
        check_host(arguments.host, arguments.no_auth)
        make_private(where.state)
        if record.take_lock(where) is None:
            log.error("a viewer runs already; `otel-distro ui status` shows it")
            return 1
        return asyncio.run(Viewer(arguments, where).run())
    except ServeError as error:
        log.error(str(error))
    except OSError as error:
        log.error(f"the viewer cannot start: {error}")
    return 1


def check_host(host: str, no_auth: bool) -> None:
    """Beyond loopback only with the token. Raises ServeError."""
    if host not in _LOOPBACK and no_auth:
        raise ServeError(f"--host {host} with --no-auth would show all traces to the network; leave one of them out")


class Viewer:
    """What runs between start and end."""

    def __init__(self, arguments: argparse.Namespace, where: Places) -> None:
        self.arguments = arguments
        self.where = where
        self.ports: dict[str, int] = {}
        self._last_used_s = monotonic_s()
        self._closers: list[Callable[[], object]] = []

    async def run(self) -> int:
        """Open, say so, wait, close."""
        sys.setswitchinterval(0.001)  # a page must not wait for the decoding thread
        arguments = self.arguments
        loop = asyncio.get_running_loop()
        store = self._store()
        secret = "" if arguments.no_auth else token.read_or_make(self.where.token)
        worker = Worker(store, lambda: _soon(loop, self._changed))
        ended = asyncio.Event()
        try:
            self.app = App(
                worker,
                access.Policy(secret, 0, tuple(arguments.allowed_host), tuple(arguments.cors_origin)),
                arguments.assets_path,
            )
            self.app.stop = ended.set
            self.app.ports = self.ports
            server = Server(self._handle, self.app.admit)
            await self._open_http(server, store)
            self.app.policy = self.app.policy._replace(ui_port=self.ports["ui"])
            await self._open_udp(worker, store)
            for number in (signal.SIGTERM, signal.SIGINT):
                with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises instead
                    loop.add_signal_handler(number, ended.set)
            record.write(self.where, record.Running(os.getpid(), self.ports, __version__))
            threading.Thread(target=self._open_grpc, args=(worker,), daemon=True).start()
            log.info(f"viewer: pages at http://localhost:{self.ports['ui']}/, receives on {self._receiving()}")
            await self._until(ended)
            await server.close()
            for close in self._closers:
                close()
            self.app.close()
        finally:
            record.remove(self.where, os.getpid())
            await loop.run_in_executor(None, worker.close)
        return 0

    def _store(self) -> Store:
        arguments = self.arguments
        size, age = arguments.max_size, arguments.max_age
        if arguments.memory:
            return Store(None, size, age)
        try:
            make_private(self.where.traces)
            return Store(self.where.traces, size, age)
        except (OSError, sqlite3.Error) as error:
            log.warn(f"viewer: {self.where.traces} cannot be used ({error}); traces are kept in memory")
            store = Store(None, size, age)
            store.problems["store"] = f"traces are kept in memory only: {self.where.traces} cannot be used ({error})"
            return store

    async def _open_http(self, server: Server, store: Store) -> None:
        wanted = self.arguments.ui_port
        try:
            self.ports["ui"] = await self._listen(server, wanted)
        except OSError:
            self.ports["ui"] = await self._listen(server, 0)
            note = f"port {wanted} is taken by another program; the pages are on {self.ports['ui']}"
            log.warn(f"viewer: {note}")
        for name in ("otlp", "thrift", "sampling"):
            port = getattr(self.arguments, f"{name}_port")
            if not port:
                continue
            try:
                self.ports[name] = await self._listen(server, port)
                self.app.ingest_ports.add(self.ports[name])
            except OSError:
                self._taken(store, name, port)

    async def _open_udp(self, worker: Worker, store: Store) -> None:
        loop = asyncio.get_running_loop()
        for name in ("compact", "binary"):
            port = getattr(self.arguments, f"{name}_port")
            if not port:
                continue
            try:
                transport, _ = await loop.create_datagram_endpoint(
                    partial(Datagrams, worker, self._used), (self.arguments.host, port)
                )
                self.ports[name] = port
                self._closers.append(transport.close)
            except OSError:
                self._taken(store, name, port)

    def _open_grpc(self, worker: Worker) -> None:
        port = self.arguments.grpc_port
        stop = otlp_grpc.start(worker, self.arguments.host, port, self._used) if port else None
        if stop is not None:
            self._closers.append(stop)
            self.ports["grpc"] = port
            with contextlib.suppress(OSError):  # the port works; that it is not listed harms nobody
                record.write(self.where, record.Running(os.getpid(), self.ports, __version__))

    def _taken(self, store: Store, name: str, port: int) -> None:
        there = "" if name != "otlp" else f"; send to http://localhost:{self.ports['ui']} instead"
        store.problems[f"port {port}"] = f"port {port} is taken by another program{there}"
        log.warn(f"viewer: port {port} ({name}) is taken by another program{there}")

    async def _listen(self, server: Server, port: int) -> int:
        host = self.arguments.host
        bound = await server.listen(host, port)
        if host == "127.0.0.1":
            try:
                await server.listen("::1", bound)
            except OSError as error:
                log.debug(f"viewer: not on ::1 port {bound}: {error}")
        elif host not in _LOOPBACK and host not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            await server.listen("127.0.0.1", bound)
        return bound

    async def _handle(self, request: Request) -> Response:
        self._used()
        return await self.app.handle(request)

    async def _until(self, ended: asyncio.Event) -> None:
        idle_s = self.arguments.idle_exit
        while not ended.is_set():
            left = idle_s - (monotonic_s() - self._last_used_s) if idle_s else 3600.0
            if left <= 0 and not self.app.live.listeners:
                log.info("viewer: unused, so it ends")
                return
            with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
                await asyncio.wait_for(ended.wait(), max(1.0, left))

    def _changed(self) -> None:
        self.app.live.changed()

    def _used(self) -> None:
        self._last_used_s = monotonic_s()

    def _receiving(self) -> str:
        return ", ".join(f"{port} ({name})" for name, port in self.ports.items() if name != "ui") or "no other port"


def _soon(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is to be told
        loop.call_soon_threadsafe(function)


def _size(text: str) -> int:
    units = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
    number = text.strip().lower().removesuffix("b").removesuffix("i")
    unit = number[-1:] if number[-1:] in ("k", "m", "g") else ""
    value = int(float(number.removesuffix(unit) if unit else number) * units[unit])
    if value < 4 * 1024 * 1024:
        raise argparse.ArgumentTypeError("at least 4MB")
    return value


def _age(text: str) -> float:
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    number = text.strip().lower()
    unit = units.get(number[-1:])
    return float(number[:-1]) * unit if unit else float(number)


def run_module(words: Sequence[str]) -> int:
    """`python -m otel_distro.viewer`, as launch.start() calls it."""
    parser = argparse.ArgumentParser(prog="python -m otel_distro.viewer")
    add_arguments(parser)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--traces", type=Path, required=True)
    arguments = parser.parse_args(words)
    return main(arguments, Places(arguments.state, arguments.traces))
