# SPDX-License-Identifier: Apache-2.0
"""The twelve rules of who may ask what, as a matrix over plain HTTP."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from otel_distro.viewer.web import access
from otel_distro.viewer.web.http import Request as HttpRequest
from tests.harness.viewer_process import OTLP, ViewerProcess
from tests.harness.viewer_spans import Request

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "t" * 43
POLICY = access.Policy(TOKEN, 16686, ("viewer.internal",), ("https://app.example",))
NAVIGATION = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def request(method: str = "GET", headers: dict[str, str] | None = None) -> HttpRequest:
    """A request whose head says this."""
    given = {"host": "localhost:16686", **{name.lower(): value for name, value in (headers or {}).items()}}
    return HttpRequest(method, "/", given, keep_alive=True, port=16686)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("localhost:16686", True),
        ("LOCALHOST.", True),
        ("shop.localhost:1", True),
        ("127.0.0.1:16686", True),
        ("[::1]:16686", True),
        ("10.1.2.3", True),
        ("viewer.internal:9", True),
        ("", False),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("10.evil.example", False),
        ("evil.example:localhost", False),
        ("user@localhost", False),
        ("localhost/x", False),
        ("local host", False),
        ("notlocalhost", False),
        ("[::1", False),
    ],
)
def test_host_names(host: str, allowed: bool) -> None:
    """Only names that nobody else can point here; the port is not looked at."""
    assert allowed is access.host_allowed(host, POLICY.allowed_hosts)


@pytest.mark.parametrize(
    ("role", "method", "headers", "status"),
    [
        (access.PAGE, "GET", {}, None),
        (access.PAGE, "GET", NAVIGATION, None),
        (access.PAGE, "GET", {**NAVIGATION, "Sec-Fetch-Dest": "iframe"}, 403),
        (access.PAGE, "GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        (access.PAGE, "POST", NAVIGATION, 403),
        (access.PAGE, "GET", {"Host": "evil.example"}, 421),
        (access.ASSET, "GET", NAVIGATION, 403),
        (access.ASSET, "GET", {"Sec-Fetch-Site": "same-origin"}, None),
        (access.API, "GET", {}, 401),
        (access.API, "GET", {"Authorization": f"Bearer {TOKEN}"}, None),
        (access.API, "GET", {"Authorization": f"bearer  {TOKEN}"}, None),
        (access.API, "GET", {"Authorization": f"Bearer {TOKEN}x"}, 401),
        (
            access.API,
            "GET",
            {"Authorization": "Basic dTp0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0"},
            None,
        ),
        (access.API, "GET", {"Authorization": "Basic !!"}, 401),
        (access.API, "GET", {"Cookie": f"a=b; {access.cookie_name(POLICY)}={access.cookie_value(POLICY)}"}, None),
        (access.API, "GET", {"Cookie": f"{access.cookie_name(POLICY)}={TOKEN}"}, 401),
        (access.API, "GET", {"Authorization": f"Bearer {TOKEN}", "Origin": "http://localhost:3000"}, 403),
        (access.API, "GET", {"Authorization": f"Bearer {TOKEN}", "Origin": "null"}, 403),
        (access.API, "GET", {"Authorization": f"Bearer {TOKEN}", "Origin": "http://localhost:16686"}, None),
        (access.API, "GET", {"Authorization": f"Bearer {TOKEN}", **NAVIGATION}, 403),
        (access.API, "GET", {"Authorization": f"Bearer {TOKEN}", "Sec-Fetch-Site": "same-site"}, 403),
        (access.ACTION, "POST", {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}, None),
        (access.ACTION, "POST", {"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/plain"}, 415),
        (access.ACTION, "POST", {"Content-Type": "application/json"}, 401),
        (access.INGEST, "POST", {}, None),
        (access.INGEST, "POST", {"Host": "evil.example"}, 421),
        (access.INGEST, "POST", {"Origin": "http://localhost:3000"}, 403),
        (access.INGEST, "POST", {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}, None),
        (access.INGEST, "POST", {"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_who_may_ask(role: str, method: str, headers: dict[str, str], status: int | None) -> None:
    """Host, Origin, Sec-Fetch-*, token, content type."""
    refusal = access.check(request(method, headers), role, POLICY)

    assert status == (None if refusal is None else refusal.status)


def test_every_answer_carries_the_safe_headers(viewer: ViewerProcess) -> None:
    """Pages, assets, data, errors: CSP without anything inline, nosniff, no referrer, no framing, no CORS."""
    for path in ("/", "/app.js", "/api/services", "/api/ui/status", "/nothing", "/api/traces/zz"):
        headers = viewer.ask("GET", path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in headers["content-security-policy"]
        assert "nosniff" == headers["x-content-type-options"]
        assert "no-referrer" == headers["referrer-policy"]
        assert "same-origin" == headers["cross-origin-resource-policy"]
        assert "DENY" == headers["x-frame-options"]
        assert "access-control-allow-origin" not in headers
        if path.startswith("/api"):
            assert "no-store" == headers["cache-control"]


def test_the_token_in_the_address_becomes_a_cookie(viewer: ViewerProcess) -> None:
    """303 to the address without it; the cookie is HttpOnly, strict, and does not hold the token."""
    answer = viewer.ask("GET", f"/trace/abc?span=1&t={viewer.token}", with_token=False)
    cookie = answer.headers["set-cookie"]

    assert (303, "/trace/abc?span=1") == (answer.status, answer.headers["location"])
    assert "HttpOnly; SameSite=Strict" in cookie
    assert viewer.token not in cookie
    value = cookie.partition(";")[0]
    assert 200 == viewer.ask("GET", "/api/services", headers={"Cookie": value}, with_token=False).status


def test_a_wrong_token_gives_nothing(viewer: ViewerProcess) -> None:
    """The page's shell holds no data and is shown; no cookie is set."""
    answer = viewer.ask("GET", "/?t=wrong", with_token=False)

    assert 200 == answer.status
    assert "set-cookie" not in answer.headers
    assert 401 == viewer.ask("GET", "/api/ui/traces", with_token=False).status


def test_the_token_never_leads_away(viewer: ViewerProcess) -> None:
    """An address that begins with two slashes is not turned into one of another host."""
    answer = viewer.ask("GET", f"//evil.example/?t={viewer.token}", with_token=False)

    assert not answer.headers.get("location", "/x").startswith("//")


@pytest.mark.parametrize("path", ["/api/ui/clear", "/api/ui/import", "/api/ui/stop"])
def test_reading_changes_nothing(viewer: ViewerProcess, path: str) -> None:
    """Changes are POST only, and POST to what is read is refused."""
    assert 404 == viewer.ask("GET", path).status
    assert 405 == viewer.ask("POST", "/api/ui/status", b"{}", {"Content-Type": "application/json"}).status
    assert 405 == viewer.ask("DELETE", "/api/ui/traces").status


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_ingest_takes_no_content_type_of_a_form(viewer: ViewerProcess, kind: str) -> None:
    """A web page can send these without asking."""
    headers = {"Content-Type": kind} if kind else {}

    assert 415 == viewer.ask("POST", "/v1/traces", b"x", headers, with_token=False).status
    assert 415 == viewer.ask("POST", "/api/traces", b"x", headers, with_token=False).status


def test_cors_only_for_named_origins(tmp_path: Path) -> None:
    """--cors-origin lets one web page send spans; it can still read nothing."""
    with ViewerProcess(tmp_path, "--cors-origin", "https://app.example") as process:
        asked = {"Origin": "https://app.example", "Access-Control-Request-Headers": "content-type"}
        preflight = process.ask("OPTIONS", "/v1/traces", headers=asked, with_token=False)
        sent = process.ask(
            "POST", "/v1/traces", Request().bytes(), {"Origin": "https://app.example", "Content-Type": OTLP}
        )
        other = process.ask("POST", "/v1/traces", b"", {"Origin": "https://other.example", "Content-Type": OTLP})
        read = process.ask("GET", "/api/services", headers={"Origin": "https://app.example"})

    assert (204, "https://app.example") == (preflight.status, preflight.headers["access-control-allow-origin"])
    assert (200, "https://app.example") == (sent.status, sent.headers["access-control-allow-origin"])
    assert [403, 403] == [other.status, read.status]


def test_without_auth_only_when_told(tmp_path: Path) -> None:
    """--no-auth answers reads without a token, to this machine's names only."""
    with ViewerProcess(tmp_path, "--no-auth") as process:
        assert 200 == process.ask("GET", "/api/services", with_token=False).status
        assert 421 == process.ask("GET", "/api/services", headers={"Host": "evil.example"}).status


def test_only_loopback_listens(viewer: ViewerProcess) -> None:
    """Another address of this machine does not answer."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        probe.connect(("192.0.2.1", 9))
        address = probe.getsockname()[0]
    except OSError:
        pytest.skip("this machine has no other address")
    finally:
        probe.close()
    if address.startswith("127."):
        pytest.skip("this machine has no other address")
    with pytest.raises(OSError):  # noqa: PT011 - refused or timed out, as the system likes
        socket.create_connection((address, viewer.port), 2).close()


def test_grafana_can_read_with_basic_credentials(viewer: ViewerProcess) -> None:
    """Its Jaeger data source sends user and password; the password is the token."""
    import base64

    basic = base64.b64encode(f"grafana:{viewer.token}".encode()).decode()

    answer = viewer.ask("GET", "/api/services", headers={"Authorization": f"Basic {basic}"}, with_token=False)

    assert 200 == answer.status
    assert "data" in json.loads(answer.body)
