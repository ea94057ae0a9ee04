# SPDX-License-Identifier: Apache-2.0
"""transport/udp.py."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap

import pytest

from otel_distro.runtime.deadline import Deadline
from otel_distro.transport.errors import TransportError
from otel_distro.transport.udp import DatagramSender
from tests.harness.jaeger_receivers import UdpReceiver


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_datagrams_arrive_over_one_socket(host: str) -> None:
    """IPv4 and IPv6; the socket is kept."""
    with UdpReceiver(host) as receiver:
        sender = DatagramSender(host, receiver.port)
        for number in range(3):
            assert sender.send(b"%d" % number, Deadline(1))
        assert [b"0", b"1", b"2"] == receiver.wait_for(3)
        assert 1 == len(receiver.senders)
        sender.close()


def test_65000_bytes_pass() -> None:
    """Jaeger's largest datagram, on macOS, too."""
    with UdpReceiver() as receiver:
        sender = DatagramSender("127.0.0.1", receiver.port)
        sender.send(b"x" * 65_000, Deadline(1))
        assert [65_000] == [len(datagram) for datagram in receiver.wait_for(1)]
        sender.close()


def test_what_no_system_sends() -> None:
    """More than a datagram can hold."""
    sender = DatagramSender("127.0.0.1", 9)
    with pytest.raises(TransportError) as caught:
        sender.send(b"x" * 70_000, Deadline(1))
    assert "message_too_large" == caught.value.error_type
    sender.close()


def test_nobody_listens() -> None:
    """Told at the next datagram; never an error."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sender = DatagramSender("127.0.0.1", port)
    assert [True, False] == [sender.send(b"x", Deadline(1)) for _ in range(2)]
    sender.close()


def test_no_such_host() -> None:
    """A TransportError that names it."""
    with pytest.raises(TransportError):
        DatagramSender("no-such-host.invalid", 1).send(b"x", Deadline(5))


def test_deadline_passed() -> None:
    """Nothing is sent any more."""
    sender = DatagramSender("127.0.0.1", 9)
    with pytest.raises(TransportError) as caught:
        sender.send(b"x", Deadline(0))
    assert "timeout" == caught.value.error_type
    sender.close()


def test_a_child_uses_a_socket_of_its_own() -> None:
    """After a fork the parent's socket stays the parent's, and works on."""
    program = textwrap.dedent("""
        import os, sys
        from otel_distro.runtime.deadline import Deadline
        from otel_distro.transport.udp import DatagramSender
        sender = DatagramSender("127.0.0.1", int(sys.argv[1]))
        sender.send(b"parent", Deadline(1))
        pid = os.fork()
        if not pid:
            sender.after_fork_in_child()
            sender.send(b"child", Deadline(1))
            os._exit(0)
        os.waitpid(pid, 0)
        sender.send(b"parent again", Deadline(1))
    """)
    with UdpReceiver() as receiver:
        subprocess.run([sys.executable, "-c", program, str(receiver.port)], check=True, timeout=20)
        assert {b"parent", b"child", b"parent again"} == set(receiver.wait_for(3))
        assert 2 == len(receiver.senders)
