# SPDX-License-Identifier: Apache-2.0
"""The launcher's command line and the environment it hands on."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from otel_distro import run

if TYPE_CHECKING:
    from pathlib import Path


def test_options_end_at_the_first_other_word() -> None:
    """`run python -c … --help` passes --help on to python."""
    plan = run.parse(["--quiet", "python", "-c", "pass", "--help"])
    assert plan.command == ["python", "-c", "pass", "--help"]
    assert plan.variables == {"OTEL_DISTRO_QUIET": "true"}


def test_a_double_dash_ends_the_options() -> None:
    """A command that begins with a dash can be started."""
    assert run.parse(["--", "-x", "y"]).command == ["-x", "y"]


@pytest.mark.parametrize("words", [["--service", "shop", "x"], ["--service=shop", "x"]])
def test_values_are_taken_with_a_blank_or_an_equals_sign(words: list[str]) -> None:
    """Both spellings of an option's value set the same variable."""
    assert run.parse(words).variables == {"OTEL_SERVICE_NAME": "shop"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "no command given"),
        (["--service"], "--service needs a value"),
        (["--servce", "shop", "x"], "unknown option --servce (did you mean --service?)"),
        (["--quiet=yes", "x"], "--quiet takes no value"),
        (["--nonsense=1", "x"], "unknown option --nonsense"),
    ],
)
def test_bad_usage_names_the_reason(words: list[str], reason: str) -> None:
    """Usage errors say what is wrong in one line."""
    with pytest.raises(run.UsageError) as caught:
        run.parse(words)
    assert str(caught.value) == reason


def test_usage_errors_exit_with_2(capfd: pytest.CaptureFixture[str]) -> None:
    """Bad usage: two lines on stderr, nothing on stdout, status 2."""
    assert run.main(["--bogus"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == ["error: unknown option --bogus", "Try 'otel-distro-run --help'"]


def test_help_is_short(capfd: pytest.CaptureFixture[str]) -> None:
    """--help fits on a screen: under 40 lines, on stdout, status 0."""
    assert run.main(["--help"]) == 0
    out, _ = capfd.readouterr()
    assert len(out.splitlines()) < 40
    assert all(option in out for option in [*run.VALUE_OPTIONS, *run.FLAG_OPTIONS])


@pytest.mark.parametrize("before", [None, "", run.AUTOLOAD])
def test_no_empty_entry_reaches_pythonpath(before: str | None) -> None:
    """An empty PYTHONPATH entry would put the current directory on sys.path."""
    environ = {} if before is None else {"PYTHONPATH": before}
    assert run.child_environment(environ, {})["PYTHONPATH"] == run.AUTOLOAD


def test_the_users_pythonpath_stays_behind_ours_once() -> None:
    """Nested launches add nothing; the user's entries keep their order."""
    once = run.child_environment({"PYTHONPATH": os.pathsep.join(["a", "", "b"])}, {})
    twice = run.child_environment(once, {})
    assert once["PYTHONPATH"].split(os.pathsep) == [run.AUTOLOAD, "a", "", "b"]
    assert twice["PYTHONPATH"] == once["PYTHONPATH"]


def test_flags_win_over_the_environment() -> None:
    """Flag over environment, and nothing else changes."""
    child = run.child_environment({"OTEL_SERVICE_NAME": "old", "X": "y"}, {"OTEL_SERVICE_NAME": "new"})
    assert (child["OTEL_SERVICE_NAME"], child["X"]) == ("new", "y")


def test_an_executable_later_on_path_wins_over_a_plain_file(tmp_path: Path) -> None:
    """As in a shell, a file that cannot be executed does not hide one that can."""
    for folder, mode in (("a", 0o644), ("b", 0o755)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "tool").write_text("#!/bin/sh\n")
        (tmp_path / folder / "tool").chmod(mode)
    path = os.pathsep.join(str(tmp_path / folder) for folder in ("a", "b"))
    assert run.find_program("tool", {"PATH": path}) == str(tmp_path / "b" / "tool")
    only_plain = run.find_program("tool", {"PATH": str(tmp_path / "a")})
    assert only_plain is not None
    assert not stat.S_IMODE(os.stat(only_plain).st_mode) & 0o111


def test_unknown_command_suggests_the_nearest(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Status 127, the reason, a did-you-mean, the usage; as cli.md shows it."""
    (tmp_path / "gunicorn").write_text("#!/bin/sh\n")
    (tmp_path / "gunicorn").chmod(0o755)
    os.environ["PATH"], before = str(tmp_path), os.environ["PATH"]
    try:
        status = run.main(["gunicron", "shop.wsgi"])
    finally:
        os.environ["PATH"] = before
    assert status == 127
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "error: command not found: gunicron"
    assert lines[1].startswith("  tip: did you mean 'gunicorn'? (in ")
    assert lines[2] == f"  {run.USAGE}"


def test_a_script_that_is_not_executable_is_explained(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Status 126 and the command that works."""
    script = tmp_path / "x.py"
    script.write_text("pass\n")
    assert run.main([str(script)]) == 126
    assert capfd.readouterr().err.splitlines() == [
        f"error: {script} is not executable",
        f"  tip: did you mean 'otel-distro-run python {script}'?",
    ]


def test_dry_run_masks_secrets(capfd: pytest.CaptureFixture[str]) -> None:
    """--dry-run prints what would be set and the command, and starts nothing."""
    assert run.main(["--dry-run", "--endpoint", "http://user:hunter2@host:4318", "python", "a b.py"]) == 0
    out, _ = capfd.readouterr()
    assert "hunter2" not in out
    assert out.splitlines()[-1] == "python 'a b.py'"
    assert any(line.startswith("PYTHONPATH=") for line in out.splitlines())
