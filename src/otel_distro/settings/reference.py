# SPDX-License-Identifier: Apache-2.0
"""The table of variables for people: the reference page, `--help-env`, and the values in force.

Write the page anew with: python -m otel_distro.settings.reference > docs/reference/environment.md
"""

from __future__ import annotations

import sys
from textwrap import wrap
from typing import TYPE_CHECKING

from otel_distro.settings import redact
from otel_distro.settings.reader import Reader, shown
from otel_distro.settings.variables import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_distro.settings.variable import Variable

_INTRODUCTION = """\
# Environment variables

Everything that otel-distro reads from the environment, and what it passes on to instrumentations. This page
is made from the table in `src/otel_distro/settings/variables.py`; a test fails when they differ.

How values are read:

- An empty value counts as unset. Blanks around a value are ignored, and so is the case of names of choices.
- A value that cannot be used costs only itself: one line says so, and the default is used.
- true/false: only `true`, in any case, is true. Variables that begin with `OTEL_DISTRO_`, and
  `OTEL_PYTHON_DJANGO_INSTRUMENT`, also take yes, on, 1 and no, off, 0.
- Times are whole milliseconds. A timeout of 0 means no limit.
- Lists are separated by commas; empty and repeated members are skipped. `none` counts only alone.
- Lists of regular expressions: one that does not compile is matched as plain text.
- A variable for one signal wins over the one for all signals.
- A variable of an old Jaeger client counts only where no `OTEL_*` variable decides.
- The values of variables marked *secret* are never printed.

`otel-distro config show` prints the values in force, `otel-distro config check` what is wrong with them.
"""
_ABOUT = {
    "Jaeger": "For `OTEL_TRACES_EXPORTER=jaeger`.",
    "Jaeger client": "Those that say where spans go count for `OTEL_TRACES_EXPORTER=jaeger` only.",
    "passed on to instrumentations": "Read by the instrumentation itself.",
    "metrics": "For metrics, if they are exported at all.",
}


def markdown() -> str:
    """The page docs/reference/environment.md."""
    parts = [_INTRODUCTION]
    for group, rows in _groups().items():
        parts.append(f"\n## {group[0].upper()}{group[1:]}\n")
        if group in _ABOUT:
            parts.append(f"\n{_ABOUT[group]}\n")
        parts.append("\n| Variable | Default | Meaning | Source |\n|---|---|---|---|\n")
        parts += [_row(row) for row in rows]
    return "".join(parts)


def help_env() -> str:
    """All variables as plain text, at most 100 columns wide."""
    lines = []
    for group, rows in _groups().items():
        lines += ["", f"{group}:"]
        for row in rows:
            lines.append(f"  {row.name}" + (f"  [{_default(row).strip('()')}]" if _default(row) else ""))
            lines += wrap(_meaning(row), 100, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines[1:]) + "\n"


def shown_values(environ: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Name, value and origin of each variable that is set or has a default; secrets masked."""
    reader = Reader(environ)
    found = []
    for row in VARIABLES:
        value = reader.fallback(row.name) if row.kind == "fallback" else reader.given(row.name)
        if value is not None:
            text = redact.value(row.name, reader.texts[row.name].strip() if _is_nested(value) else shown(value))
            found.append((row.name, text, "environment"))
        elif row.kind == "read" and _default(row):
            found.append((row.name, _default(row), "default"))
    return found


def _is_nested(value: object) -> bool:
    return isinstance(value, tuple) and any(isinstance(item, tuple) for item in value)


def _groups() -> dict[str, list[Variable]]:
    groups: dict[str, list[Variable]] = {}
    for row in VARIABLES:
        if row.kind != "internal":
            groups.setdefault(row.group, []).append(row)
    return groups


def _row(row: Variable) -> str:
    default = f"`{shown(row.default)}`" if _default(row) and not row.shown else row.shown
    cells = (f"`{row.name}`", default, _meaning(row), row.source)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _default(row: Variable) -> str:
    return row.shown or ("" if row.default is None else shown(row.default))


def _meaning(row: Variable) -> str:
    effect = "No effect. " if row.kind == "no effect" else ""
    return effect + row.doc + (" Secret." if row.secret else "")


if __name__ == "__main__":
    sys.stdout.write(markdown())
