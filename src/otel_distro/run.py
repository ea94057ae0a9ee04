# SPDX-License-Identifier: Apache-2.0
"""`otel-distro-run [options] [--] CMD ...`: start CMD traced, by exec.

The launcher only sets variables and replaces itself, so pid, exit status, signals and stdin are CMD's own.
It imports os and sys and nothing else unless there is something to say: its time is the app's start-up time.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

AUTOLOAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "autoload")
USAGE = "usage: otel-distro-run [options] [--] CMD ..."

HELP = f"""{USAGE}

Start CMD with OpenTelemetry tracing; no line of it changes. Options come before CMD.

  --service NAME         service.name of the traces (OTEL_SERVICE_NAME)
  --endpoint URL         where spans are sent (OTEL_EXPORTER_OTLP_ENDPOINT)
  --viewer auto|on|off   the local viewer; auto: on a terminal, when no destination is named
  --only NAME[,...]      switch on only these instrumentations; globs
  --disable NAME[,...]   leave these instrumentations out; globs
  --quiet                print nothing of our own but errors
  --verbose              print what is set up and why
  --dry-run              print the environment and the command, start nothing
  --help-env             list every environment variable
  --version              print the version
  --help                 print this text

Options only set variables; all OTEL_* variables work as the specification says.

  otel-distro-run python manage.py runserver
  otel-distro-run flask --app shop run --debug
  otel-distro-run gunicorn shop.wsgi
  OTEL_EXPORTER_OTLP_ENDPOINT=https://otel.example.com:4318 otel-distro-run gunicorn shop.wsgi
  OTEL_TRACES_EXPORTER=console otel-distro-run python manage.py runserver

Exit status: CMD's own; 2 usage, 126 CMD cannot be executed, 127 CMD is not found.
"""

# option -> the variables it sets; a list option is appended to nothing: the flag wins over the environment
VALUE_OPTIONS = {
    "--service": ("OTEL_SERVICE_NAME",),
    "--endpoint": ("OTEL_EXPORTER_OTLP_ENDPOINT",),
    "--only": ("OTEL_DISTRO_INSTRUMENTATIONS",),
    "--disable": ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",),
    "--viewer": ("OTEL_DISTRO_VIEWER",),
}
FLAG_OPTIONS = {
    "--quiet": (("OTEL_DISTRO_QUIET", "true"),),
    "--verbose": (("OTEL_LOG_LEVEL", "info"),),
}


class UsageError(Exception):
    """The command line of the launcher itself is wrong; its text is the reason."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the launcher. Returns an exit status only when CMD was not started."""
    try:
        plan = parse(sys.argv[1:] if arguments is None else list(arguments))
        while plan.command and _is_this_launcher(plan.command[0]):  # started twice is started once
            inner = parse(plan.command[1:])
            inner.variables = {**plan.variables, **inner.variables}
            plan = inner
    except UsageError as error:
        _say(f"error: {error}")
        _say("Try 'otel-distro-run --help'")
        return 2
    if plan.shows:
        sys.stdout.write(_shown(plan.shows))
        return 0
    environ = child_environment(os.environ, plan.variables)
    if plan.dry_run:
        return _dry_run(environ, plan.command)
    program = find_program(plan.command[0], environ)
    if program is None:
        return _not_found(plan.command[0], environ)
    if not os.access(program, os.X_OK) or os.path.isdir(program):
        return _not_executable(plan.command[0], program)
    if not _announce(plan.command, environ):
        return 1
    return _execute(program, plan.command, environ)


class Plan:
    """What the command line asked for. shows: `help`, `help-env`, `version` or ""."""

    __slots__ = ("command", "dry_run", "shows", "variables")

    def __init__(self) -> None:
        self.shows = ""
        self.dry_run = False
        self.variables: dict[str, str] = {}
        self.command: list[str] = []


def parse(words: list[str]) -> Plan:
    """Read the launcher's own options up to CMD. Raises UsageError."""
    plan = Plan()
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "-":
        name, has_value, value = words[at].partition("=")
        at += 1
        if name == "--" and not has_value:
            break
        if name in VALUE_OPTIONS:
            if not has_value:
                if at >= len(words):
                    raise UsageError(f"{name} needs a value")
                value = words[at]
                at += 1
            for variable in VALUE_OPTIONS[name]:
                plan.variables[variable] = value
        elif has_value:
            raise UsageError(f"{name} takes no value" if _is_option(name) else f"unknown option {name}{_meant(name)}")
        elif name in FLAG_OPTIONS:
            plan.variables.update(FLAG_OPTIONS[name])
        elif name == "--dry-run":
            plan.dry_run = True
        elif name in ("--help", "-h"):
            plan.shows = plan.shows or "help"
        elif name in ("--help-env", "--version"):
            plan.shows = plan.shows or name[2:]
        else:
            raise UsageError(f"unknown option {name}{_meant(name)}")
    plan.command = words[at:]
    if not plan.command and not plan.shows:
        raise UsageError("no command given")
    return plan


def child_environment(environ: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """The environment CMD starts with: autoload first on PYTHONPATH, once, and nothing empty beside it.

    An empty PYTHONPATH entry means the current directory, so an unset or empty PYTHONPATH must not leave one.
    """
    child = dict(environ)
    child.update(variables)
    others = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry != AUTOLOAD]
    child["PYTHONPATH"] = os.pathsep.join([AUTOLOAD, *others]) if any(others) else AUTOLOAD
    child["OTEL_DISTRO_LAUNCH"] = f"{os.getpid()};{sys.prefix}"
    return child


def find_program(name: str, environ: Mapping[str, str]) -> str | None:
    """The file that a shell would run for name: executable ones first; None when there is none at all."""
    if os.path.dirname(name):
        return name if os.path.exists(name) else None
    found = None
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        for suffix in ("", ".exe", ".bat", ".cmd") if os.name == "nt" else ("",):
            path = os.path.join(folder or os.curdir, name + suffix)
            if os.path.isfile(path):
                if os.access(path, os.X_OK):
                    return path
                found = found or path
    return found


def _is_this_launcher(name: str) -> bool:
    if os.path.basename(name) != "otel-distro-run":
        return False
    program = find_program(name, os.environ)
    return program is not None and os.path.dirname(os.path.abspath(program)) == os.path.dirname(sys.executable)


def _execute(program: str, command: list[str], environ: dict[str, str]) -> int:
    if os.name == "nt":  # exec there ends the parent before the child: wait and pass the status on
        import subprocess

        return subprocess.call([program, *command[1:]], env=environ)
    import _signal  # type: ignore[import-not-found] # `signal` costs an import of enum

    # Python ignores these two for itself, and exec would hand that on to CMD
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(_signal, name):
            _signal.signal(getattr(_signal, name), _signal.SIG_DFL)
    try:
        _exec(program, command, environ)
    except OSError as error:
        _say(f"error: cannot execute {command[0]}: {error.strerror or error}")
        return 126


def _exec(program: str, command: list[str], environ: dict[str, str]) -> NoReturn:
    os.execve(program, command, environ)


def _announce(command: list[str], environ: dict[str, str]) -> bool:
    """Say what is wrong with the settings and, on a terminal or when asked, what is set up.

    Once per process tree, so here and not in the workers. False: strict mode refuses to start.
    """
    _warn_about_interpreter(command, environ)
    if "OTEL_DISTRO_LAUNCH" in os.environ:
        return True
    named = any(name.startswith(("OTEL_", "JAEGER_")) for name in environ if name != "OTEL_DISTRO_LAUNCH")
    if not named and not _is_terminal():
        return True
    from otel_distro.runtime import guard

    # None, when even looking at the settings fails: the command starts all the same
    return guard.load("the settings could not be checked", _announce_settings, command, environ) is not False


def _announce_settings(command: list[str], environ: dict[str, str]) -> bool:
    from otel_distro.cli import banner

    return banner.announce(command, environ, terminal=_is_terminal())


def _is_terminal() -> bool:
    try:
        return os.isatty(2)
    except OSError:
        return False


def _warn_about_interpreter(command: list[str], environ: Mapping[str, str]) -> None:
    if not os.path.basename(command[0]).startswith(("python", "pypy")):
        return
    for word in command[1:]:
        if not word.startswith("-") or word in ("-", "-c", "-m"):
            return
        for letter in word[1:]:
            if letter in "IES":
                what = "site, where tracing starts" if letter == "S" else "PYTHONPATH"
                if environ.get("OTEL_DISTRO_QUIET", "").lower() != "true":
                    _say(f"otel-distro: not instrumented because -{letter} ignores {what}")
                return
            if letter in "cmWX":  # the rest of the word is this option's value
                break


def _not_found(name: str, environ: Mapping[str, str]) -> int:
    _say(f"error: {'no such file' if os.path.dirname(name) else 'command not found'}: {name}")
    if not os.path.dirname(name):
        suggestion = _nearest_program(name, environ)
        if suggestion:
            _say(f"  tip: {suggestion}")
    _say(f"  {USAGE}")
    return 127


def _not_executable(name: str, program: str) -> int:
    if os.path.isdir(program):
        _say(f"error: {name} is a directory")
    else:
        _say(f"error: {name} is not executable")
        if program.endswith(".py"):
            _say(f"  tip: did you mean 'otel-distro-run python {name}'?")
    return 126


def _nearest_program(name: str, environ: Mapping[str, str]) -> str:
    import difflib

    scripts = os.path.dirname(os.path.abspath(sys.executable))
    where: dict[str, str] = {}
    for folder in [*environ.get("PATH", os.defpath).split(os.pathsep), scripts]:
        try:
            for entry in os.listdir(folder or os.curdir):
                where.setdefault(entry, folder)
        except OSError:
            continue  # a PATH entry that does not exist is common and harmless
    if name in where:
        return f"'{name}' is in {where[name]}: activate that environment, or give the whole path"
    near = difflib.get_close_matches(name, where, 1, 0.7)
    return f"did you mean '{near[0]}'? (in {where[near[0]]})" if near else ""


def _dry_run(environ: Mapping[str, str], command: list[str]) -> int:
    from otel_distro.cli import banner

    for line in banner.changed_variables(environ, os.environ):
        sys.stdout.write(line + "\n")
    import shlex

    sys.stdout.write(shlex.join(command) + "\n")
    return 0


def _shown(what: str) -> str:
    if what == "help":
        return HELP
    if what == "version":
        from otel_distro import __version__

        return f"otel-distro {__version__}\n"
    from otel_distro.settings import reference

    return reference.help_env()


def _is_option(name: str) -> bool:
    return name in FLAG_OPTIONS or name in ("--dry-run", "--help", "-h", "--help-env", "--version")


def _meant(name: str) -> str:
    import difflib

    known = [*VALUE_OPTIONS, *FLAG_OPTIONS, "--dry-run", "--help", "--help-env", "--version"]
    near = difflib.get_close_matches(name, known, 1, 0.7)
    return f" (did you mean {near[0]}?)" if near else ""


def _say(text: str) -> None:
    try:
        os.write(2, text.encode("utf-8", "backslashreplace") + b"\n")
    except OSError:
        return  # stderr is closed: there is nobody to tell


if __name__ == "__main__":
    sys.exit(main())
