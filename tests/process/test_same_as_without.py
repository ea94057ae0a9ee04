# SPDX-License-Identifier: Apache-2.0
"""An app under otel-distro-run looks from outside like the same app without it, however it ends."""

from __future__ import annotations

import signal
from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.harness.app_oracle import Oracle
from tests.harness.backend import SERVER, Backend
from tests.harness.programs import free_port

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

APP = """
import os
import sys
import time

from flask import Flask

app = Flask(__name__)


@app.get("/page")
def page():
    return "page"


print(app.test_client().get("/page").data, flush=True)
print("this goes to stderr", file=sys.stderr, flush=True)
"""


class Ending(NamedTuple):
    """How the app ends. sent: whether its span can be expected at the backend."""

    code: str
    status: int
    signal_number: int | None = None
    sent: bool = True


WAIT = 'print("ready", flush=True)\ntime.sleep(30)\n'
ENDINGS = {
    "normal": Ending("", 0),
    "sys.exit": Ending("sys.exit(3)\n", 3),
    "exception": Ending('raise ValueError("mine")\n', 1),
    "SIGTERM": Ending(WAIT, -signal.SIGTERM, signal.SIGTERM),
    "SIGTERM with a handler": Ending(
        "import signal\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n" + WAIT, 5, signal.SIGTERM
    ),
    "SIGINT": Ending(WAIT, -signal.SIGINT, signal.SIGINT),
    "SIGHUP": Ending(WAIT, -signal.SIGHUP, signal.SIGHUP, sent=False),
    "os._exit": Ending("os._exit(4)\n", 4, sent=False),
    "abort": Ending("os.abort()\n", -signal.SIGABRT, sent=False),
}


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return Oracle(tmp_path_factory.mktemp("program"))


@pytest.mark.parametrize("state", ["up", "refused", "silent"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_same_status_and_output(ending: str, state: str, oracle: Oracle) -> None:
    """Same exit status, stdout and stderr, with the backend up, refused and silent; up, the span arrives."""
    code, status, signal_number, sent = ENDINGS[ending]
    backend = None if state == "refused" else Backend("ok" if state == "up" else "silent")
    server: AbstractContextManager[object] = backend or nullcontext()
    with server:
        url = backend.url if backend else f"http://127.0.0.1:{free_port()}"
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_DISTRO_EXIT_TIMEOUT": "500"}
        run = oracle.check(APP + code, variables, signal_number, exit_cost_s=None)
        assert run.status == status
        if state == "up" and backend is not None:
            assert run.own_lines == ()
            assert [span.name for span in backend.spans() if span.kind == SERVER] == (["GET /page"] if sent else [])
        oracle.check_cost(run, APP + code, variables, signal_number, exit_cost_s=0.5)


@pytest.mark.parametrize("state", ["refused", "silent"])
def test_exit_costs_two_seconds_at_most(state: str, oracle: Oracle) -> None:
    """With nothing but the endpoint set, a backend that does not answer holds the exit up by 2 s at most."""
    backend = None if state == "refused" else Backend("silent")
    server: AbstractContextManager[object] = backend or nullcontext()
    with server:
        url = backend.url if backend else f"http://127.0.0.1:{free_port()}"
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
        run = oracle.check(APP, variables)
    assert 1 <= len(run.own_lines) <= 3
    assert all(url in line for line in run.own_lines)
