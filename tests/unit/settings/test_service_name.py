# SPDX-License-Identifier: Apache-2.0
"""A name for the service, from the command."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.settings.service_name import DEFAULT, detect

if TYPE_CHECKING:
    from pathlib import Path

MANAGE = """#!/usr/bin/env python
import os, sys
# DJANGO_SETTINGS_MODULE 'not.this'
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{}")
"""


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("gunicorn -k gevent -w 1 -b 0.0.0.0:8000 shop.wsgi:application", ("shop", "gunicorn app")),
        ("/v/bin/python /v/bin/gunicorn --reload shop.wsgi", ("shop", "gunicorn app")),
        ("gunicorn -w4 --bind=:80 app:app", ("store", "directory")),
        ("python -m gunicorn src.shop.wsgi", ("shop", "gunicorn app")),
        ("uvicorn --workers 2 --reload shop.main:app", ("shop", "uvicorn app")),
        ("hypercorn -b :80 shop:app", ("shop", "hypercorn app")),
        ("daphne -p 80 shop.asgi:application", ("shop", "daphne app")),
        ("waitress-serve --port=80 --call shop:create", ("shop", "waitress-serve app")),
        ("uwsgi --http :80 --module shop.wsgi", ("shop", "uwsgi app")),
        ("celery -A proj.tasks worker", ("proj", "celery app")),
        ("celery --app=proj worker", ("proj", "celery app")),
        ("flask --app hello run", ("hello", "flask app")),
        ("flask --app src/hello.py run", ("hello", "flask app")),
        ("python -m flask run", ("store", "directory")),
        ("python -mshop", ("shop", "module")),
        ("python3.12 -X dev -W ignore -m shop.worker --x", ("shop", "module")),
        ("/x/shop/__main__.py", ("shop", "module")),
        ("python -u scripts/import_orders.py", ("import_orders", "script")),
        ("python app.py", ("store", "directory")),
        ("/v/bin/pytest -k x", ("pytest", "script")),
        ("django-admin runserver --settings=shop.settings", ("shop", "--settings")),
        ("python -c pass", DEFAULT),
        ("python -", DEFAULT),
        ("python", DEFAULT),
        ("python -m", DEFAULT),
        ("", DEFAULT),
    ],
)
def test_command(command: str, expected: tuple[str, str]) -> None:
    """The name that means something, and where it was found."""
    assert expected == detect(command.split(), {}, "/srv/store")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("shop.settings", ("shop", "manage.py")),
        ("config.settings", ("bookstore", "directory")),
        ("settings", ("bookstore", "directory")),
        ("shop.conf.prod", ("shop", "manage.py")),
    ],
)
def test_django(tmp_path: Path, settings: str, expected: tuple[str, str]) -> None:
    """The settings that manage.py names, read as text; a name such as config says nothing."""
    project = tmp_path / "bookstore"
    project.mkdir()
    (project / "manage.py").write_text(MANAGE.format(settings))
    assert expected == detect(["python", "manage.py", "runserver"], {}, str(project))
    assert expected == detect(["python", "bookstore/manage.py", "migrate"], {}, str(tmp_path))
    assert expected == detect([str(project / "manage.py")], {}, "/")


def test_environment_wins_over_manage_py() -> None:
    """As it does for Django."""
    environ = {"DJANGO_SETTINGS_MODULE": "shop.settings", "FLASK_APP": "store.web:create_app()"}
    assert detect(["python", "manage.py"], environ, "/x") == ("shop", "DJANGO_SETTINGS_MODULE")
    assert detect(["gunicorn", "config.wsgi"], environ, "/x") == ("shop", "DJANGO_SETTINGS_MODULE")
    assert detect(["flask", "run"], environ, "/x") == ("store", "flask app")


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/srv/store", ("store", "directory")),
        ("/srv/store/src", ("store", "directory")),
        ("/app", DEFAULT),
        ("/", DEFAULT),
        ("", DEFAULT),
        ("/home/ada", DEFAULT),
        ("/home/ada/app", DEFAULT),
    ],
)
def test_folder(folder: str, expected: tuple[str, str]) -> None:
    """The folder, or the one above; never a person's."""
    assert expected == detect(["python", "app.py"], {}, folder)


def test_pyproject(tmp_path: Path) -> None:
    """The project's own name before its folder's."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "bookshop"\n')
    assert detect(["python", "main.py"], {}, str(tmp_path)) == ("bookshop", "pyproject.toml")


@given(st.lists(st.text(max_size=20), max_size=5), st.dictionaries(st.just("DJANGO_SETTINGS_MODULE"), st.text()))
def test_never_raises(argv: list[str], environ: dict[str, str]) -> None:
    """Whatever the words are."""
    name, origin = detect(argv, environ, "/nowhere")
    assert name
    assert origin


PROGRAM = """
import multiprocessing
from otel_distro.settings.service_name import detect_here


def show(_):
    return detect_here()


if __name__ == "__main__":
    print(detect_here())
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(show, [1])[0])
"""


def test_spawned_worker_has_its_parents_name(tmp_path: Path) -> None:
    """Although its own command line is `python -c`."""
    (tmp_path / "orders.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "orders.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["('orders', 'script')"] * 2
