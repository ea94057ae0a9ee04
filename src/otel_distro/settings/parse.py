# SPDX-License-Identifier: Apache-2.0
"""Text to typed values. Every parser is pure and never raises: it returns a value, or a Fault.

A parser is handed text that is not empty and has no blanks around it. Source of the rules: OpenTelemetry
Environment Variable Specification, "Parsing".
"""

# annotations are evaluated here: typing compiles each one that is text, which costs start-up time

import os
import re
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

MOST = 2**31 - 1
"""The largest number the specification asks implementations to take; Java users write it for "unlimited"."""

SHORTEST_LIKELY_TIMEOUT_MS = 100


class Fault(NamedTuple):
    """What is wrong with a text.

    reason: without a full stop, and without any part of the text that could be secret.
    instead: what is done about it; "" when the default is used.
    value: what can still be used of the text; None when nothing can.
    """

    reason: str
    instead: str = ""
    value: object = None


Parser: TypeAlias = Callable[[str], object]


def text(raw: str) -> object:
    """Any text; bytes that are no UTF-8 become U+FFFD."""
    return readable(raw)


def readable(raw: str) -> str:
    """The text with every lone surrogate replaced, so that it can be encoded."""
    return raw if raw.isascii() else raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def file(raw: str) -> object:
    """A file that must be readable. The path is kept when it is not: what needs it fails then."""
    try:
        found, readable_file = os.path.exists(raw), os.access(raw, os.R_OK) and not os.path.isdir(raw)
    except ValueError:  # a NUL, or letters that this file system cannot spell
        return Fault("not a path")
    if readable_file:
        return raw
    reason = "not a readable file" if found else "no such file"
    return Fault(reason, "whatever needs it fails until the file is there", raw)


def boolean(raw: str) -> object:
    """Only `true`, in any case, is true."""
    lower = raw.lower()
    if lower in ("true", "false"):
        return lower == "true"
    return Fault("neither true nor false", "using false", value=False)


def switch(raw: str) -> object:
    """The usual words for yes and no: for our own variables, and those of Python that are on by default."""
    lower = raw.lower()
    if lower in ("true", "1", "yes", "on"):
        return True
    if lower in ("false", "0", "no", "off"):
        return False
    return Fault("neither true nor false")


def number(least: int = 0, most: int = MOST, unit: str = "") -> Parser:
    """Whole numbers within bounds."""

    def parse(raw: str) -> object:
        digits = raw[1:] if raw[0] in "+-" else raw
        if not (digits.isascii() and digits.isdigit()):
            return Fault(f"not a whole number{unit}")
        value = int(raw) if len(digits) <= 20 else (-1 if raw[0] == "-" else most + 1)  # int() of a long text is slow
        if value < least:
            return Fault(f"less than {least}")
        return Fault(f"more than {most}") if value > most else value

    return parse


count = number()
size = number(least=1)
port = number(least=1, most=65535)
milliseconds = number(unit=" of milliseconds")


def timeout(raw: str) -> object:
    """Milliseconds; 0 is no limit. A very short one is taken as it is, but was probably meant in seconds."""
    value = milliseconds(raw)
    if isinstance(value, int) and 0 < value < SHORTEST_LIKELY_TIMEOUT_MS:
        return Fault(f"these are milliseconds; for {value} seconds write {value * 1000}", f"using {value} ms", value)
    return value


def fraction(raw: str) -> float | None:
    """A number from 0 to 1; None for anything else."""
    value = decimal(raw)
    return value if value is not None and value <= 1 else None


def decimal(raw: str) -> float | None:
    """A finite number, 0 or more; None for anything else."""
    try:
        value = float(raw)
    except ValueError:
        return None  # the caller has the words for it
    return value if 0 <= value < float("inf") else None


def one_of(*names: str, **aliases: str) -> Parser:
    """An enumeration, in any case. aliases: other spellings that are common, with _ for / and -."""

    def parse(raw: str) -> object:
        lower = raw.lower()
        if lower in names:
            return lower
        known = aliases.get(lower.replace("/", "_").replace("-", "_"))
        return known or Fault(f"unknown; it can be {', '.join(names)}")

    return parse


def members(raw: str) -> list[str]:
    """The members of a comma-separated list, in order, without blanks, empty ones and duplicates."""
    return list(dict.fromkeys(filter(None, (item.strip() for item in readable(raw).split(",")))))


def names(raw: str) -> object:
    """A list of names, kept as they are written."""
    return tuple(members(raw)) or Fault("an empty list")


def calls(raw: str) -> object:
    """Names with arguments, as `f(a, b)`: separated by the commas that stand outside parentheses."""
    found, depth, begin = [], 0, 0
    for position, letter in enumerate(raw):
        if letter == "," and depth <= 0:
            found.append(raw[begin:position].strip())
            begin = position + 1
        depth += (letter == "(") - (letter == ")")
    found.append(raw[begin:].strip())
    return tuple(dict.fromkeys(filter(None, found)))


def lower_names(raw: str) -> object:
    """A list of names in which case does not matter."""
    return tuple(dict.fromkeys(item.lower() for item in members(raw))) or Fault("an empty list")


def choices(*known: str, **aliases: str) -> Parser:
    """A list of known names in any case, and of names of other packages as they are written.

    `none` stands alone and gives an empty list; beside other names it counts for nothing.
    aliases: deprecated name to name.
    """

    def parse(raw: str) -> object:
        given = members(raw)
        if not given:
            return Fault("an empty list")
        known_case = [item.lower() if item.lower() in known or item.lower() in aliases else item for item in given]
        if [item.lower() for item in known_case] == ["none"]:
            return ()
        rest = [item for item in known_case if item.lower() != "none"]
        value = tuple(dict.fromkeys(aliases.get(item, item) for item in rest))
        old = [item for item in rest if item in aliases]
        if old:
            return Fault(f"{old[0]} is deprecated", f"using {aliases[old[0]]}", value)
        if len(rest) < len(known_case):
            return Fault("none stands alone", f"using {','.join(value)}", value) if value else ()
        return value

    return parse


def subset(*known: str) -> Parser:
    """A list that makes sense only if each name is known; upper case."""

    def parse(raw: str) -> object:
        given = [item.upper() for item in members(raw)]
        for item in given:
            if item not in known:
                return Fault(f"unknown name {item[:40]}")
        return tuple(dict.fromkeys(given)) or Fault("an empty list")

    return parse


def name(*known: str) -> Parser:
    """One name: in any case if it is known, else as it is written, for whoever registered it."""
    return lambda raw: raw.lower() if raw.lower() in known else readable(raw)


def unsupported(reason: str, instead: str, *harmless: str) -> Parser:
    """For variables whose values are not honoured here, except those that ask for what happens anyway."""
    return lambda raw: raw.lower() if raw.lower() in harmless else Fault(reason, instead)


def patterns(raw: str) -> object:
    """Regular expressions that compile alone and joined by |. One that does not is matched as plain text."""
    accepted: list[str] = []
    bad: list[str] = []
    for item in members(raw):
        for candidate in (item, _scoped(item)):
            if _compiles("|".join([*accepted, candidate])):
                accepted.append(candidate)
                break
        else:
            accepted.append(re.escape(item))
            bad.append(item)
    if bad:
        return Fault(f"not a regular expression: {bad[0][:60]}", "matched as plain text", tuple(accepted))
    return tuple(accepted) or Fault("an empty list")


def _scoped(item: str) -> str:
    """(?i)x, which must stand first, as (?i:x), which may stand anywhere."""
    flags, closed, rest = item[2:].partition(")")
    return f"(?{flags}:{rest})" if item.startswith("(?") and closed and flags.isalpha() else item


def _compiles(pattern: str) -> bool:
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError, ValueError, MemoryError):
        return False
    return True


def attributes(raw: str) -> object:
    """key=value pairs, both percent-decoded. Any error costs the whole list.

    Source: Resource SDK, "Specifying resource information via an environment variable".
    """
    found = _pairs(raw)
    return found if isinstance(found, Fault) else tuple(found.items())


def _pairs(raw: str) -> dict[str, str] | Fault:
    found: dict[str, str] = {}
    for position, item in enumerate(_items(raw), 1):
        name_part, equals, value_part = item.partition("=")
        if not equals or not name_part.strip():
            return Fault(f"item {position} is no key=value pair", "the whole list is ignored")
        key, value = unquote(name_part.strip()), unquote(value_part.strip())
        if key is None or value is None:
            return Fault(f"item {position} is not percent-encoded UTF-8", "the whole list is ignored")
        found[key] = value
    return found or Fault("an empty list")


def tags(raw: str) -> object:
    """key=value pairs as jaeger-client took them: nothing is decoded, a bad item costs only itself."""
    pairs = [item.partition("=") for item in _items(readable(raw))]
    good = {key.strip(): value.strip() for key, equals, value in pairs if equals and key.strip()}
    if len(good) < len(pairs) or not pairs:
        return Fault("an item is no key=value pair", "it is ignored", tuple(good.items()) or None)
    return tuple(good.items())


def entities(raw: str) -> object:
    """type{id=value,...}[attribute=value,...]@schema_url, separated by ; - the attributes of all of them.

    A malformed entity costs only itself. Source: Entity specification, "EnvEntityDetector" (development).
    """
    found: dict[str, str] = {}
    bad = 0
    for item in filter(None, (part.strip() for part in raw.split(";"))):
        kind, opened, rest = item.partition("{")
        identity, closed, rest = rest.partition("}")
        described, _, _ = rest.strip().removeprefix("[").partition("]")
        ids = _pairs(identity) if opened and closed and kind.strip() else Fault("no identity")
        more = _pairs(described) if described.strip() else {}
        if isinstance(ids, Fault) or isinstance(more, Fault):
            bad += 1
        else:
            found.update(ids)
            found.update(more)
    if bad or not found:
        return Fault("not type{id=value}[attribute=value]", "that entity is ignored", tuple(found.items()) or None)
    return tuple(found.items())


_HEADER_MARKS = frozenset("!#$%&'*+-.^_`|~")
_HEADERS_OF_OURS = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding", "connection"})


def headers(raw: str) -> object:
    """name=value pairs for HTTP: names in lower case, values percent-decoded. A bad item costs only itself.

    `authorization: Bearer x`, as it is written in HTTP, is taken too. Faults never hold a part of the text.
    Source: OTLP Exporter, "Specifying headers via environment variables".
    """
    found: dict[str, str] = {}
    faults: list[str] = []
    for position, item in enumerate(_items(raw), 1):
        parsed = _header(item)
        if isinstance(parsed, Fault):
            faults.append(f"item {position} {parsed.reason}")
        else:
            found[parsed[0]] = parsed[1]
    if faults or not found:
        instead = "going on without it" if len(faults) < 2 else "going on without them"
        return Fault(", ".join(faults[:5]) or "an empty list", instead, tuple(found.items()) or None)
    return tuple(found.items())


def _header(item: str) -> tuple[str, str] | Fault:
    equals, colon = item.find("="), item.find(":")
    end = colon if 0 <= colon < equals or equals < 0 else equals
    if end < 0:
        return Fault("is no name=value pair")
    key, value = item[:end].strip().lower(), item[end + 1 :].strip()
    if not key or not all(letter.isascii() and (letter.isalnum() or letter in _HEADER_MARKS) for letter in key):
        return Fault("has a name that is no header name")
    if key in _HEADERS_OF_OURS:
        return Fault("is a header that the exporter sets itself")
    if ";" in value:
        return Fault("holds a ; which must be written %3B")
    decoded = unquote(value)
    if decoded is None:
        decoded = value  # a literal %: common in tokens, and harmless
    if not decoded.replace("\t", " ").isprintable() or not decoded.strip():
        return Fault("has a value that no header can carry")
    return key, decoded.strip()


def options(raw: str) -> object:
    """`instrumentation.option=value` items; values percent-decoded. A bad item costs only itself."""
    found: list[tuple[str, str, str]] = []
    bad = 0
    for item in _items(readable(raw)):
        where, equals, value = item.partition("=")
        instrumentation, dot, option = where.strip().rpartition(".")
        if equals and dot and instrumentation and option.isidentifier():
            found.append((instrumentation.lower(), option, unquote(value.strip()) or value.strip()))
        else:
            bad += 1
    if bad or not found:
        return Fault("an item is no instrumentation.option=value", "it is ignored", tuple(found) or None)
    return tuple(found)


def _items(raw: str) -> list[str]:
    return list(filter(None, (item.strip() for item in raw.split(","))))


def unquote(raw: str) -> str | None:
    """Percent-decode; None when a % is not followed by two hexadecimal digits or the result is no UTF-8."""
    if "%" not in raw and raw.isascii():
        return raw
    head, *parts = raw.encode("utf-8", "surrogateescape").split(b"%")
    decoded = [head]
    try:
        for part in parts:
            decoded += (bytes((int(_hexadecimal(part[:2]), 16),)), part[2:])
        return b"".join(decoded).decode("utf-8")
    except ValueError:
        return None  # both a bad digit and bad UTF-8


def _hexadecimal(pair: bytes) -> str:
    if len(pair) != 2 or not pair.isalnum():  # int() takes signs, blanks and underscores too
        raise ValueError("not two hexadecimal digits")
    return pair.decode("ascii")
