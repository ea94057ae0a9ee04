# SPDX-License-Identifier: Apache-2.0
"""gevent: nothing that it patches is imported before it has patched, and nothing of ours blocks its loop."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.harness.backend import SERVER, Backend
from tests.harness.programs import LAUNCHER, environment, free_port, sending_to, serving

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS = 8
SLOW_S = 0.4

APP = f"""
import time

from flask import Flask

app = Flask(__name__)


@app.get("/page/<word>")
def page(word):
    import requests
    from urllib3.util.ssl_ import create_urllib3_context

    create_urllib3_context().minimum_version  # without end, when ssl was imported before it was patched
    return word + requests.__name__


@app.get("/slow")
def slow():
    time.sleep({SLOW_S})
    return "slow"


@app.get("/ready")
def ready():
    return "ready"
"""

SCRIPT = """
from gevent import monkey

monkey.patch_all()

import threading

from flask import Flask

app = Flask(__name__)
app.add_url_rule("/page", view_func=lambda: "page")
answers = []
threads = [threading.Thread(target=lambda: answers.append(app.test_client().get("/page").data)) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(answers)
"""


def test_https_works_and_slow_requests_stay_concurrent(tmp_path: Path) -> None:
    """P6: `gunicorn -k gevent`, nothing set: every page is a 200 and traced, and eight slow ones take as one."""
    (tmp_path / "app.py").write_text(APP)
    port = free_port()
    command = ["gunicorn", "--bind", f"127.0.0.1:{port}", "-k", "gevent", "-w", "1", "app:app"]
    with Backend() as backend, serving(command, tmp_path, sending_to(backend.url), port) as server:
        for number in range(REQUESTS):
            assert server.get(f"/page/{number}") == f"{number}requests"
        began = time.monotonic()
        with ThreadPoolExecutor(REQUESTS) as pool:
            assert list(pool.map(server.get, ["/slow"] * REQUESTS)) == ["slow"] * REQUESTS
        assert time.monotonic() - began < SLOW_S * REQUESTS / 2
        backend.wait_for(2 * REQUESTS + 1)
        server.stop()
        names = [span.name for span in backend.spans()]
        assert (names.count("GET /page/<word>"), names.count("GET /slow")) == (REQUESTS, REQUESTS)
        assert backend.duplicates() == []
    assert "Warning" not in server.stderr
    assert "Error" not in server.stderr


def test_script_that_patches_first_ends_quietly(tmp_path: Path) -> None:
    """A script that begins with patch_all(): its spans arrive, and nothing is said at the end."""
    (tmp_path / "script.py").write_text(SCRIPT)
    with Backend() as backend:
        done = subprocess.run(
            [*LAUNCHER, sys.executable, "script.py"],
            cwd=tmp_path,
            env=environment(sending_to(backend.url)),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert (done.stdout, done.stderr, done.returncode) == (f"{[b'page'] * 3}\n", "", 0)
        assert [span.name for span in backend.spans() if span.kind == SERVER] == ["GET /page"] * 3
