# SPDX-License-Identifier: Apache-2.0
"""What a row of the table of variables is."""

# annotations are evaluated here: typing compiles each one that is text, which costs start-up time

from typing import Any, Literal, NamedTuple, TypeAlias

from otel_distro.settings.parse import Parser

Kind: TypeAlias = Literal["read", "fallback", "passed on", "no effect", "internal"]


class Variable(NamedTuple):
    """One row.

    default: in the variable's own unit, as its parser would return it; None when there is none.
    doc: what it does, in a sentence or two. source: the document that defines it, with its section.
    kind: "read"; "fallback" (read only where no OTEL_* variable decides); "passed on" (for an instrumentor,
        unchanged; checked only where a bad value could break the app); "no effect"; "internal".
    secret: its value is never shown.
    shown: how the default is described, where `default` cannot say it.
    """

    name: str
    parse: Parser
    default: Any
    doc: str
    source: str
    group: str
    kind: Kind = "read"
    secret: bool = False
    shown: str = ""


def rows(
    group: str, source: str, *described: tuple[Any, ...], kind: Kind = "read", secret: bool = False
) -> list[Variable]:
    """Rows of one group and source, each described by name, parser, default, doc and, where needed, shown."""
    table = []
    for row in described:
        name, parse, default, doc = row[:4]
        table.append(Variable(name, parse, default, doc, source, group, kind, secret, "".join(row[4:])))
    return table
