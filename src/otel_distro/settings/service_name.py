# SPDX-License-Identifier: Apache-2.0
"""A name for the service when the user gave none, from the command that was started.

Files are read as text; no code of the user is imported.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT = ("unknown_service:python", "default")
_SETTINGS = "DJANGO_SETTINGS_MODULE"
_MOST_READ = 20_000

# names that say what a file or a folder is for, not what the program is
_GENERIC = frozenset(
    (
        *(
            "app",
            "apps",
            "application",
            "main",
            "wsgi",
            "asgi",
            "server",
            "run",
            "runserver",
            "manage",
            "config",
        ),
        *(
            "conf",
            "settings",
            "project",
            "src",
            "source",
            "code",
            "core",
            "start",
            "entrypoint",
            "celery",
            "tasks",
        ),
        *("index", "bin", "opt", "home", "root", "tmp", "usr", "srv", "var", "www", "workspace"),
        *("__main__", "__init__"),
    )
)
_PYTHON_OPTIONS = ("-X", "-W", "--check-hash-based-pycs")  # followed by a word of their own
_DJANGO = ("manage", "django-admin", "django")
_APP_OPTIONS = {
    "flask": ("-A", "--app"),
    "celery": ("-A", "--app"),
    "uwsgi": ("-w", "--module", "--wsgi", "--wsgi-file", "--file"),
    "pyuwsgi": ("-w", "--module", "--wsgi", "--wsgi-file", "--file"),
}
_APP_VARIABLES = {"flask": "FLASK_APP", "celery": "CELERY_APP"}
_APP_OPERAND = frozenset(("gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve", "waitress", "granian"))
# their options that stand alone; every other is followed by its value
_FLAGS = frozenset(
    (
        *(
            "--reload",
            "--preload",
            "--daemon",
            "-D",
            "-R",
            "--capture-output",
            "--check-config",
            "--print-config",
        ),
        *(
            "--spew",
            "--no-sendfile",
            "--reuse-port",
            "--proxy-protocol",
            "--log-syslog",
            "--debug",
            "--factory",
        ),
        *("--enable-stdio-inheritance", "--proxy-headers", "--no-proxy-headers", "--use-colors", "--call"),
        *("--no-use-colors", "--access-log", "--no-access-log", "--server-header", "--no-server-header"),
        *("--date-header", "--no-date-header", "--no-server-name", "--no-control-socket"),
        *("--expose-tracebacks", "--no-expose-tracebacks"),
    )
)


class _Command(NamedTuple):
    """program: a file's stem, or a module's name. path: the file, "" for a module."""

    program: str
    arguments: Sequence[str]
    path: str


def detect_here() -> tuple[str, str]:
    """detect() for this process."""
    try:
        cwd = os.getcwd()
    except OSError:  # the directory is gone
        cwd = ""
    argv: Sequence[str] = sys.orig_argv
    if "--multiprocessing-fork" in argv:  # a spawned worker: multiprocessing has brought its parent's words
        argv = getattr(sys, "argv", argv)
    uwsgi = sys.modules.get("uwsgi")
    if uwsgi is not None:  # embeds Python, so the words are its own
        options = {_text(key): _text(value) for key, value in getattr(uwsgi, "opt", {}).items()}
        argv = [
            "uwsgi",
            *(f"--{name}={options[name]}" for name in ("module", "wsgi-file", "wsgi") if name in options),
        ]
    return detect(argv, os.environ, cwd)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def detect(argv: Sequence[str], environ: Mapping[str, str], cwd: str) -> tuple[str, str]:
    """A name and where it came from: "gunicorn app", "manage.py", "module", "script", "directory"...

    argv: a whole command line, with or without the interpreter. Never raises.
    """
    command = _command(argv)
    if command is None:
        return DEFAULT
    folder = os.path.dirname(os.path.join(cwd, command.path)) if command.path else cwd
    program = command.program
    if program in _APP_OPTIONS or program in _APP_OPERAND:
        folder = cwd
        name = _meaning(_app(command, environ))
        if name:
            return name, f"{program} app"
    settings, origin = _django_settings(command, environ, cwd)
    name = _meaning(settings)
    if name:
        return name, origin
    if program in _DJANGO:
        folder = folder if program == "manage" else cwd
    elif program not in _APP_OPTIONS and program not in _APP_OPERAND:
        name = _meaning(program)
        if name:
            return name, "script" if command.path else "module"
    return _of_folder(folder)


def _command(argv: Sequence[str]) -> _Command | None:
    """What is run; None for code on the command line, standard input or an interactive interpreter."""
    words = list(argv)
    if words and _is_interpreter(words[0]):
        del words[0]
        while words and words[0].startswith("-") and words[0][:2] not in ("-m", "-c", "-"):
            del words[: 2 if words[0] in _PYTHON_OPTIONS else 1]
    if not words or not words[0]:
        return None
    first = words[0]
    if first.startswith("-m"):
        module, rest = (first[2:], words[1:]) if first != "-m" else ("".join(words[1:2]), words[2:])
        return _Command(module.removesuffix(".__main__"), rest, "") if module else None
    if first.startswith("-"):
        return None
    stem = _last_part(first)
    for ending in (".py", ".pyc", ".pyz", ".exe"):
        stem = stem.removesuffix(ending)
    if stem == "__main__":  # how sys.argv shows python -m package
        return _Command(_last_part(os.path.dirname(first)), words[1:], "")
    return _Command(stem, words[1:], first)


def _is_interpreter(word: str) -> bool:
    name = _last_part(word).lower().removesuffix(".exe").rstrip("0123456789.")
    return name in ("python", "pythonw", "pypy") or not name


def _last_part(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _app(command: _Command, environ: Mapping[str, str]) -> str:
    """What a server is told to serve: package.module:attribute or a path; "" when the words do not say."""
    if command.program in _APP_OPERAND:
        return _operand(command.arguments)
    given = _option(command.arguments, _APP_OPTIONS[command.program])
    return given or environ.get(_APP_VARIABLES.get(command.program, ""), "")


def _operand(words: Sequence[str]) -> str:
    """The first word that is neither an option nor the value of one."""
    is_value = False
    for word in words:
        if is_value:
            is_value = False
        elif not word.startswith("-"):
            return word
        elif word.startswith("--"):
            is_value = "=" not in word and word not in _FLAGS
        else:
            is_value = len(word) == 2 and word not in _FLAGS  # -w4 holds its value
    return ""


def _option(words: Sequence[str], names: Sequence[str]) -> str:
    """The value of an option, as --app x, --app=x or -Ax."""
    for position, word in enumerate(words):
        if word in names:
            return "".join(words[position + 1 : position + 2])
        for name in names:
            if name.startswith("--") and word.startswith(f"{name}="):
                return word[len(name) + 1 :]
            if len(name) == 2 and word.startswith(name):
                return word[2:]
    return ""


def _django_settings(command: _Command, environ: Mapping[str, str], cwd: str) -> tuple[str, str]:
    """The module of Django's settings and where it is named; "" when nothing names one."""
    if command.program in _DJANGO:
        given = _option(command.arguments, ("--settings",))
        if given:
            return given, "--settings"
    module = environ.get(_SETTINGS, "").strip()
    if module:
        return module, _SETTINGS
    if command.program == "manage" and command.path:
        return _quoted_in(os.path.join(cwd, command.path), _SETTINGS), "manage.py"
    return "", ""


def _quoted_in(path: str, key: str) -> str:
    """The dotted name in quotes after the key: setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")."""
    for line in _lines(path):
        _, found, rest = line.partition("#")[0].partition(key)
        if found:
            for part in rest.replace("'", '"').split('"'):
                if part and all(word.isidentifier() for word in part.split(".")):
                    return part
    return ""


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_MOST_READ).split("\n")
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return []


def _meaning(target: str) -> str:
    """The part of package.module:attribute, or of a path, that names the program; "" when none does."""
    drive, rest = (target[:2], target[2:]) if target[1:3] == ":\\" else ("", target)
    path = drive + rest.partition(":")[0].replace("\\", "/").strip().rstrip("/")
    if "/" in path or path.endswith(".py"):
        parts = [part for part in path.removesuffix(".py").split("/") if part]
        candidates = parts[:-3:-1]  # the file, then its folder
    else:
        parts = path.split(".")
        candidates = parts[:-1] or parts  # the last is the module inside the package
    return next((part for part in candidates if part.strip(".") and part.lower() not in _GENERIC), "")


def _of_folder(folder: str) -> tuple[str, str]:
    """The project's name in pyproject.toml, or that of the folder, or of the one above it."""
    for line in _lines(os.path.join(folder, "pyproject.toml")) if folder else ():
        key, equals, value = line.partition("=")
        if equals and key.strip() == "name" and value.strip(" \t\r\"'"):
            return value.strip(" \t\r\"'"), "pyproject.toml"
    parts = [part for part in os.path.normpath(folder).replace("\\", "/").split("/") if part] if folder else []
    for length in (len(parts), len(parts) - 1):
        if length > 0 and not (length > 1 and parts[length - 2] in ("home", "Users")):  # that names a person
            part = parts[length - 1]
            if part.strip(".") and not part.endswith(":") and part.lower() not in _GENERIC:
                return part, "directory"
    return DEFAULT
