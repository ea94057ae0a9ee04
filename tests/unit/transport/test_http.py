# SPDX-License-Identifier: Apache-2.0
"""The HTTP client against real servers, well-behaved and not."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING

import pytest

from otel_distro.runtime.deadline import Deadline
from otel_distro.transport.errors import (
    BadReplyError,
    ConnectError,
    ConnectionLostError,
    DeadlineError,
    RequestInterruptedError,
    TransportError,
)
from otel_distro.transport.http import HttpClient
from otel_distro.transport.proxy import Proxy, parse
from otel_distro.transport.tls import TlsFiles
from tests.harness.backend import Backend, Exchange, raw, size_limit, status
from tests.harness.certificates import Certificates
from tests.harness.connect_proxy import ConnectProxy
from tests.harness.hole import Hole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def client() -> Iterator[Callable[..., HttpClient]]:
    made: list[HttpClient] = []

    def make(url: str, *arguments: object, **options: object) -> HttpClient:
        made.append(HttpClient(url, *arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_one_connection_carries_many_requests(client: Callable[..., HttpClient]) -> None:
    with Backend() as backend:
        one = client(backend.traces_url, [("X-Team", "caf\u00e9")])
        replies = [one.post(b"hello", [("X-Number", str(n))], Deadline(5)) for n in range(3)]
        assert [reply.status for reply in replies] == [200] * 3
        assert backend.connections == 1
        assert [request.headers["x-number"] for request in backend.requests] == ["0", "1", "2"]
        assert backend.requests[0].body == b"hello"
        assert f"127.0.0.1:{backend.port}" == backend.requests[0].headers["host"]
        assert backend.requests[0].headers["x-team"].encode("latin-1").decode() == "caf\u00e9"


def test_get_adds_its_query(client: Callable[..., HttpClient]) -> None:
    with Backend() as backend:
        client(f"{backend.url}/sampling?x=1").get("service=shop", Deadline(5))
        client(f"{backend.url}/sampling").get("service=shop", Deadline(5))
        assert [r.path for r in backend.requests] == ["/sampling?x=1&service=shop", "/sampling?service=shop"]
        assert {"GET"} == {request.method for request in backend.requests}


def test_a_connection_that_went_stale_is_replaced_once(client: Callable[..., HttpClient]) -> None:
    def answer_and_close(exchange: Exchange) -> None:
        exchange.answer(200)
        exchange.end()

    with Backend(answer_and_close) as backend:
        one = client(backend.traces_url)
        for _ in range(3):
            assert one.post(b"x", (), Deadline(5)).status == 200
        assert (backend.connections, len(backend.requests)) == (3, 3)


def test_a_new_connection_that_is_lost_is_not_tried_again(client: Callable[..., HttpClient]) -> None:
    with Backend("reset") as backend:
        with pytest.raises(ConnectionLostError, match="connection reset"):
            client(backend.traces_url).post(b"x", (), Deadline(5))
        assert len(backend.requests) == 1


def test_a_body_of_megabytes_arrives(client: Callable[..., HttpClient]) -> None:
    body = bytes(range(256)) * 20_000
    with Backend() as backend:
        assert client(backend.traces_url).post(body, (), Deadline(10)).status == 200
        assert body == backend.requests[0].body


def test_an_early_refusal_of_a_large_body_is_heard(client: Callable[..., HttpClient]) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        connection, _ = listener.accept()
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.2)
        connection.close()

    server = threading.Thread(target=refuse)
    server.start()
    with listener:
        reply = client(f"http://127.0.0.1:{listener.getsockname()[1]}/").post(b"x" * 20_000_000, (), Deadline(5))
    server.join()
    assert reply.status == 413


@pytest.mark.parametrize("mode", ["silent", "trickle"])
def test_the_deadline_covers_the_whole_request(mode: str, client: Callable[..., HttpClient]) -> None:
    with Backend(mode) as backend:
        began = time.monotonic()
        with pytest.raises(DeadlineError, match=r"no reply within 0\.3"):
            client(backend.traces_url).post(b"x", (), Deadline(0.3))
        assert time.monotonic() - began < 1.5


def test_a_reply_that_trickles_after_its_head_counts_but_is_cut(client: Callable[..., HttpClient]) -> None:
    with Backend("trickle_body") as backend:
        reply = client(backend.traces_url).post(b"x", (), Deadline(0.3))
        assert (reply.status, reply.body, reply.cut) == (200, b"", "timed out")


def test_connecting_into_a_black_hole_ends_at_the_deadline(client: Callable[..., HttpClient]) -> None:
    with Hole() as hole, pytest.raises(DeadlineError, match=r"no connection within 0\.3"):
        client(hole.url).post(b"x", (), Deadline(0.3))


def test_a_server_that_does_not_read_ends_at_the_deadline(client: Callable[..., HttpClient]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(DeadlineError):
        client(f"http://127.0.0.1:{listener.getsockname()[1]}").post(b"x" * 30_000_000, (), Deadline(0.3))


def test_a_closed_port_is_refused_by_name(client: Callable[..., HttpClient]) -> None:
    with pytest.raises(ConnectError, match="connection refused") as caught:
        client(f"http://127.0.0.1:{free_port()}").post(b"x", (), Deadline(5))
    assert caught.value.error_type == "connection_refused"


def test_a_deadline_that_has_passed_opens_nothing(client: Callable[..., HttpClient]) -> None:
    with Backend() as backend:
        with pytest.raises(DeadlineError):
            client(backend.traces_url).post(b"x", (), Deadline(0))
        assert backend.connections == 0


def test_no_limit_is_no_limit(client: Callable[..., HttpClient]) -> None:
    with Backend() as backend:
        assert client(backend.traces_url).post(b"x", (), Deadline(None)).status == 200


@pytest.mark.parametrize(
    ("first_bytes", "speaks"),
    [
        (b"\0\0\x12\x04\0\0\0\0\0", "HTTP/2"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS"),
        (b"SSH-2.0-OpenSSH\r\n", ""),
        (b"HTTP/1.1 abc\r\n\r\n", ""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 9, ""),
    ],
)
def test_another_protocol_is_recognised(first_bytes: bytes, speaks: str, client: Callable[..., HttpClient]) -> None:
    with Backend(raw(first_bytes)) as backend:
        with pytest.raises(BadReplyError) as caught:
            client(backend.traces_url).post(b"x", (), Deadline(5))
        assert speaks == caught.value.speaks


def test_redirects_are_returned_not_followed(client: Callable[..., HttpClient]) -> None:
    with Backend(status(307, headers={"Location": "/elsewhere"})) as backend:
        reply = client(backend.traces_url).post(b"x", (), Deadline(5))
        assert (reply.status, reply.headers["location"], len(backend.requests)) == (307, "/elsewhere", 1)


def test_ipv6_works(client: Callable[..., HttpClient]) -> None:
    try:
        backend = Backend(host="::1")
    except OSError:
        pytest.skip("no IPv6 loopback")
    with backend:
        assert client(backend.traces_url).post(b"x", (), Deadline(5)).status == 200
        assert f"[::1]:{backend.port}" == backend.requests[0].headers["host"]


def test_localhost_reaches_a_server_that_listens_on_ipv4_only(client: Callable[..., HttpClient]) -> None:
    with Backend() as backend:
        assert client(f"http://localhost:{backend.port}/").post(b"x", (), Deadline(5)).status == 200


@pytest.mark.parametrize("where", ["reply", "connect"])
def test_interrupt_ends_a_request_in_another_thread(where: str, client: Callable[..., HttpClient]) -> None:
    with Backend("silent") as backend, Hole() as hole:
        one = client(backend.traces_url if where == "reply" else hole.url)
        caught: list[TransportError] = []

        def post() -> None:
            try:
                one.post(b"x", (), Deadline(10))
            except TransportError as error:
                caught.append(error)

        thread = threading.Thread(target=post)
        began = time.monotonic()
        thread.start()
        time.sleep(0.2)
        one.interrupt()
        thread.join(5)
        assert [RequestInterruptedError] == [type(error) for error in caught]
        assert time.monotonic() - began < 2


def test_interrupting_nothing_harms_nothing(client: Callable[..., HttpClient]) -> None:
    with Backend() as backend:
        one = client(backend.traces_url)
        one.interrupt()
        assert one.post(b"x", (), Deadline(5)).status == 200
        one.interrupt()
        assert one.post(b"x", (), Deadline(5)).status == 200


@pytest.mark.parametrize("url", ["ftp://x", "http://", "localhost:4318", "", "http://h:99999"])
def test_an_unusable_url_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match=r"http|ort"):
        HttpClient(url)


@pytest.mark.parametrize("header", [("X", "a\r\nEvil: 1"), ("X Y", "1"), ("", "1"), ("X", "a\0")])
def test_a_header_cannot_smuggle_another(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="cannot be sent") as caught:
        HttpClient("http://localhost", [header])
    assert "Evil" not in str(caught.value)


def test_a_path_with_odd_characters_stays_on_the_request_line(client: Callable[..., HttpClient]) -> None:
    with Backend() as backend:
        client(f"{backend.url}/a b/\u00e9%20?q=\u00fc x").post(b"", (), Deadline(5))
        assert [request.path for request in backend.requests] == ["/a%20b/%C3%A9%20?q=%C3%BC%20x"]


# --- proxies


def test_http_goes_through_a_proxy_with_the_whole_url(client: Callable[..., HttpClient]) -> None:
    with Backend() as proxy:
        one = client(
            "http://collector.invalid:4318/v1/traces",
            proxy=parse(f"http://me:s%40cret@127.0.0.1:{proxy.port}"),
        )
        assert one.post(b"x", (), Deadline(5)).status == 200
        (request,) = proxy.requests
        assert request.path == "http://collector.invalid:4318/v1/traces"
        assert request.headers["host"] == "collector.invalid:4318"
        assert request.headers["proxy-authorization"] == "Basic bWU6c0BjcmV0"


def test_https_goes_through_a_tunnel(tmp_path: object, client: Callable[..., HttpClient]) -> None:
    certificates = Certificates(tmp_path)
    with Backend(tls=certificates.server_context()) as backend, ConnectProxy() as proxy:
        one = client(backend.traces_url, tls=TlsFiles(ca=certificates.ca), proxy=Proxy("127.0.0.1", proxy.port))
        assert one.post(b"x", (), Deadline(5)).status == 200
        assert f"CONNECT 127.0.0.1:{backend.port} HTTP/1.1" == proxy.heads[0].splitlines()[0]
        one.close()


def test_a_proxy_that_refuses_is_named(client: Callable[..., HttpClient]) -> None:
    with ConnectProxy(status=407) as proxy:
        one = client("https://collector.invalid", proxy=Proxy("127.0.0.1", proxy.port))
        with pytest.raises(ConnectError, match=rf"proxy 127.0.0.1:{proxy.port}: it wants a user and password"):
            one.post(b"x", (), Deadline(5))


def test_a_proxy_that_is_down_is_named(client: Callable[..., HttpClient]) -> None:
    port = free_port()
    one = client("http://collector.invalid", proxy=Proxy("127.0.0.1", port))
    with pytest.raises(ConnectError, match=rf"proxy 127.0.0.1:{port}: connection refused"):
        one.post(b"x", (), Deadline(5))


# --- fork

_FORK = """
    import os, sys
    from otel_distro.runtime.deadline import Deadline
    from otel_distro.transport.http import HttpClient
    from otel_distro.transport.tls import TlsFiles

    client = HttpClient(sys.argv[1], tls=TlsFiles(ca=sys.argv[2] or None))
    assert client.post(b"parent", (), Deadline(5)).status == 200
    pid = os.fork()
    if pid == 0:
        client.after_fork_in_child()
        os._exit(0 if client.post(b"child", (), Deadline(5)).status == 200 else 3)
    assert os.waitpid(pid, 0)[1] == 0
    assert client.post(b"parent again", (), Deadline(5)).status == 200
"""


@pytest.mark.parametrize("secure", [False, True])
def test_a_forked_child_leaves_the_parents_connection_alone(secure: bool, tmp_path: object) -> None:
    certificates = Certificates(tmp_path) if secure else None
    with Backend(tls=certificates.server_context() if certificates else None) as backend:
        program = [sys.executable, "-c", textwrap.dedent(_FORK), backend.traces_url]
        subprocess.run([*program, certificates.ca if certificates else ""], check=True, timeout=20)
        shared = [(request.body, request.connection) for request in backend.requests]
        assert shared == [(b"parent", 1), (b"child", 2), (b"parent again", 1)]


def test_nothing_but_a_tls_connection_imports_ssl() -> None:
    code = """
        import sys
        from otel_distro.runtime.deadline import Deadline
        from otel_distro.transport.http import HttpClient
        HttpClient(sys.argv[1]).post(b"x", (), Deadline(5))
        found = {"ssl", "http.client", "email", "requests", "urllib3"} & set(sys.modules)
        assert not found, found
    """
    with Backend(size_limit(10)) as backend:
        subprocess.run([sys.executable, "-c", textwrap.dedent(code), backend.traces_url], check=True, timeout=20)


def test_under_gevent_only_the_greenlet_waits() -> None:
    code = """
        from gevent import monkey
        monkey.patch_all()
        import sys, gevent
        from otel_distro.runtime.deadline import Deadline
        from otel_distro.transport.errors import DeadlineError, RequestInterruptedError
        from otel_distro.transport.http import HttpClient

        ticks = []
        def tick():
            while True:
                gevent.sleep(0.02)
                ticks.append(1)
        gevent.spawn(tick)
        client = HttpClient(sys.argv[1])
        try:
            client.post(b"x", (), Deadline(0.4))
        except DeadlineError:
            assert len(ticks) > 5, ticks
        else:
            raise AssertionError
        gevent.spawn_later(0.1, client.interrupt)
        try:
            client.post(b"x", (), Deadline(10))
        except RequestInterruptedError:
            pass
        else:
            raise AssertionError
    """
    with Backend("silent") as backend:
        subprocess.run([sys.executable, "-c", textwrap.dedent(code), backend.traces_url], check=True, timeout=20)
