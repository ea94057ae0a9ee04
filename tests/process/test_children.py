# SPDX-License-Identifier: Apache-2.0
"""Child processes: what is traced is traced once, everything else is left as it would be without us."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.harness.backend import Backend
from tests.harness.programs import OURS, environment, sending_to

# its own interpreter reads nothing of the user's, so that what their sitecustomize prints is the program's
ISOLATED = [sys.executable, "-I", "-m", "otel_distro.run"]

# prints what a program can see of its interpreter, and of us
FACTS = """
import json, os, sys
print(json.dumps({
    "path": sys.path,
    "flags": repr(sys.flags),
    "pythonpath": os.environ.get("PYTHONPATH"),
    "sdk": "opentelemetry" in sys.modules,
    "ours": sorted(name for name in sys.modules if name.startswith("otel_distro")),
    "meta_path": len(sys.meta_path),
}))
"""

SPAN = """
from opentelemetry import trace
with trace.get_tracer("test").start_as_current_span({name!r}):
    pass
"""


def run(
    command: list[str], cwd: Path, variables: dict[str, str] | None = None, launcher: list[str] = OURS
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*launcher, *command],
        cwd=cwd,
        env=environment(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def facts(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert (done.stderr, done.returncode) == ("", 0)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def foreign_pythons() -> list[str]:
    """Interpreters of this machine for which otel-distro is not installed, by resolved path."""
    names = ["python3", *(f"python3.{minor}" for minor in range(8, 15))]
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin", "/usr/local/bin"]
    found = [shutil.which(name, path=folder) for folder in folders if "shims" not in folder for name in names]
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found += [str(path) for path in sorted(versions.glob("*/bin/python3"))]
    here = {Path(sys.executable).resolve(), Path(sys.base_prefix, "bin", "python3").resolve()}
    pythons = {Path(path).resolve() for path in found if path} - here
    return sorted(str(path) for path in pythons if path.name.startswith("python3") and _runs(path))


def _runs(path: Path) -> bool:
    program = "import sys; sys.exit(sys.version_info < (3, 8))"
    done = subprocess.run([path, "-c", program], capture_output=True, timeout=20, check=False)
    return done.returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [["-c", FACTS], ["tool.py"], ["-m", "tool"], ["sub/tool.py"]],
    ids=["-c", "script", "-m", "script in a folder"],
)
def test_sys_path_is_as_without_us(arguments: list[str], tmp_path: Path) -> None:
    """P26: the path of scripts, modules and commands is theirs; the working directory is not added to it."""
    (tmp_path / "sub").mkdir()
    for file in (tmp_path / "tool.py", tmp_path / "sub" / "tool.py"):
        file.write_text(FACTS)
    command = [sys.executable, *arguments]
    plain = facts(run(command, tmp_path, launcher=[]))
    ours = facts(run(command, tmp_path))
    assert ours["path"] == plain["path"]
    assert ours["flags"] == plain["flags"]
    assert not ours["sdk"]


def test_files_in_the_working_directory_shadow_nothing(tmp_path: Path) -> None:
    """P26: a json.py that lies about is not imported by a tool in a folder below, nor by its children."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    program = "import json, subprocess, sys\nprint(json.dumps(1), flush=True)\n"
    child = "import subprocess, sys\nsubprocess.run([sys.executable, 'sub/leaf.py'], check=True)\n"
    (tmp_path / "sub" / "leaf.py").write_text("import json\nprint(json.dumps(2))\n")
    (tmp_path / "sub" / "tool.py").write_text(program + child)
    done = run([sys.executable, "sub/tool.py"], tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("1\n2\n", "", 0)


def test_pythonpath_of_the_user_is_kept(tmp_path: Path) -> None:
    """The user's entries stay, in their order; ours is found by no program on sys.path."""
    theirs = os.pathsep.join([str(tmp_path / "one"), str(tmp_path / "two")])
    command = [sys.executable, "-c", FACTS]
    plain = facts(run(command, tmp_path, {"PYTHONPATH": theirs}, launcher=[]))
    ours = facts(run(command, tmp_path, {"PYTHONPATH": theirs}))
    assert ours["path"] == plain["path"]
    assert ours["pythonpath"].endswith(os.pathsep + theirs)


@pytest.mark.parametrize("origin", ["-c", "multiprocessing"])
def test_idle_child_loads_no_sdk(origin: str, tmp_path: Path) -> None:
    """P9: a child that does nothing traceable loads a few small modules of ours, and no OpenTelemetry."""
    loaded = "import sys; print(sorted(n for n in sys.modules if n.startswith(('opentel', 'otel_'))))"
    if origin == "-c":
        program = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {loaded!r}])\n"
    else:
        program = (
            "import multiprocessing\n"
            f"def work():\n    {loaded}\n"
            "if __name__ == '__main__':\n"
            "    process = multiprocessing.get_context('spawn').Process(target=work)\n"
            "    process.start()\n"
            "    process.join()\n"
        )
    (tmp_path / "parent.py").write_text(program)
    done = run([sys.executable, "parent.py"], tmp_path)
    assert (done.stderr, done.returncode) == ("", 0)
    assert "opentelemetry" not in done.stdout
    assert 0 < done.stdout.count("otel_distro") < 15


@pytest.mark.parametrize(
    ("children", "expected"),
    [
        ("all", ["parent", "plain child", "spawned"]),
        ("workers", ["parent", "spawned"]),
        ("none", ["parent"]),
        ("", ["parent", "plain child", "spawned"]),
        ("sometimes", ["parent", "plain child", "spawned"]),
    ],
)
def test_which_children_are_traced(children: str, expected: list[str], tmp_path: Path) -> None:
    """OTEL_DISTRO_CHILDREN: all of them, only the workers, or none but the program itself."""
    program = (
        "import multiprocessing, subprocess, sys\n"
        f"def work():\n    exec({SPAN.format(name='spawned')!r})\n"
        "if __name__ == '__main__':\n"
        f"    exec({SPAN.format(name='parent')!r})\n"
        f"    subprocess.run([sys.executable, '-c', {SPAN.format(name='plain child')!r}], check=True)\n"
        "    process = multiprocessing.get_context('spawn').Process(target=work)\n"
        "    process.start()\n"
        "    process.join()\n"
        "    sys.exit(process.exitcode)\n"
    )
    (tmp_path / "program.py").write_text(program)
    with Backend() as backend:
        environ = {**sending_to(backend.url), "OTEL_DISTRO_CHILDREN": children}
        done = run([sys.executable, "program.py"], tmp_path, environ)
        assert (done.stdout, done.returncode) == ("", 0)
        assert len(done.stderr.splitlines()) == (1 if children == "sometimes" else 0), done.stderr
        assert Counter(span.name for span in backend.spans()) == Counter(expected)


@pytest.mark.parametrize("option", ["-I", "-E", "-S"])
def test_isolated_children_are_untouched(option: str, tmp_path: Path) -> None:
    """F52: a child with -I, -E or -S runs as without us and prints nothing."""
    child = FACTS.replace("\n", "\\n").replace('"', "'")
    program = f'import subprocess, sys\nsubprocess.run([sys.executable, "{option}", "-c", "{child}"], check=True)\n'
    (tmp_path / "parent.py").write_text(program)
    plain = facts(run([sys.executable, "parent.py"], tmp_path, launcher=[]))
    ours = facts(run([sys.executable, "parent.py"], tmp_path))
    assert ours["ours"] == []
    if option == "-S":  # PYTHONPATH is read, site is not: the folder with our sitecustomize.py stays, unread
        ours["path"] = [entry for entry in ours["path"] if not entry.endswith("autoload")]
    assert ours["path"] == plain["path"]
    assert ours["meta_path"] == plain["meta_path"]


@pytest.mark.parametrize("python", foreign_pythons() or [pytest.param("", marks=pytest.mark.skip("only one Python"))])
def test_children_of_other_interpreters_are_untouched(python: str, tmp_path: Path) -> None:
    """P9, F52: an interpreter without otel-distro says nothing and looks as it always does."""
    (tmp_path / "facts.py").write_text(FACTS)
    program = f"import subprocess\nsubprocess.run([{python!r}, 'facts.py'], check=True)\n"
    (tmp_path / "parent.py").write_text(program)
    plain = facts(run([sys.executable, "parent.py"], tmp_path, launcher=[]))
    ours = facts(run([sys.executable, "parent.py"], tmp_path))
    assert {**ours, "pythonpath": None} == {**plain, "pythonpath": None}


def test_users_sitecustomize_runs_once(tmp_path: Path) -> None:
    """P25: a sitecustomize on the user's PYTHONPATH runs once in each interpreter, children included."""
    folder = tmp_path / "company"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import sys\nprint('company', __file__, sys.argv)\n")
    child = "import sitecustomize; print('child', sitecustomize.__file__)"
    program = f"import subprocess, sys\nsys.stdout.flush()\nsubprocess.run([sys.executable, '-c', {child!r}])\n"
    variables = {"PYTHONPATH": str(folder), "PYTHONUNBUFFERED": "1"}
    plain = run([sys.executable, "-c", program], tmp_path, variables, launcher=[])
    ours = run([sys.executable, "-c", program], tmp_path, variables, ISOLATED)
    assert plain.stdout.count("company ") == 2
    assert (ours.stdout, ours.stderr, ours.returncode) == (plain.stdout, plain.stderr, plain.returncode)


@pytest.mark.parametrize("body", ["raise ValueError('broken')", "import no_such_module_of_the_company"])
def test_broken_sitecustomize_breaks_as_without_us(body: str, tmp_path: Path) -> None:
    """A sitecustomize that raises is the user's own affair: the same message, the same status."""
    folder = tmp_path / "company"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(body)
    command = [sys.executable, "-c", "print('still runs')"]
    plain = run(command, tmp_path, {"PYTHONPATH": str(folder)}, launcher=[])
    ours = run(command, tmp_path, {"PYTHONPATH": str(folder)}, ISOLATED)
    assert (ours.stdout, ours.stderr, ours.returncode) == (plain.stdout, plain.stderr, plain.returncode)


def test_users_usercustomize_runs_once(tmp_path: Path) -> None:
    """F53: a usercustomize in the user's site folder runs once, after everything else."""
    python = Path(sys.base_prefix) / "bin" / "python3"  # a virtual environment has no user site
    site = sysconfig.get_path("purelib", f"{os.name}_user", {"userbase": str(tmp_path)})
    Path(site).mkdir(parents=True)
    (Path(site) / "usercustomize.py").write_text("print('user')\n")
    source = str(Path(__file__).parent.parent.parent / "src")
    libraries = os.pathsep.join([source, sysconfig.get_path("purelib")])
    variables = {"PYTHONUSERBASE": str(tmp_path), "PYTHONPATH": libraries}
    command = [str(python), "-c", "print('program')"]
    plain = run(command, tmp_path, variables, launcher=[])
    if plain.stdout == "program\n":
        pytest.skip("user site folders are off here")
    ours = run(command, tmp_path, variables, ISOLATED)
    assert plain.stdout == "user\nprogram\n"
    assert (ours.stdout, ours.stderr, ours.returncode) == (plain.stdout, plain.stderr, plain.returncode)


@pytest.mark.parametrize("inside", ["command", "child"])
def test_nested_launch_is_harmless(inside: str, tmp_path: Path) -> None:
    """otel-distro-run under otel-distro-run: one span, one pipeline, and PYTHONPATH does not grow."""
    (tmp_path / "leaf.py").write_text(SPAN.format(name="leaf") + FACTS)
    command = [*OURS, sys.executable, "leaf.py"]
    if inside == "child":
        (tmp_path / "parent.py").write_text(f"import subprocess\nsubprocess.run({command!r}, check=True)\n")
        command = [sys.executable, "parent.py"]
    with Backend() as backend:
        once = facts(run([sys.executable, "leaf.py"], tmp_path, sending_to(backend.url)))
        backend.clear()
        twice = facts(run(command, tmp_path, sending_to(backend.url)))
        assert [span.name for span in backend.spans()] == ["leaf"]
        assert twice["pythonpath"] == once["pythonpath"]
        assert twice["meta_path"] == once["meta_path"]
