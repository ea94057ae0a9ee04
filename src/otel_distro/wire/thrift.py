# SPDX-License-Identifier: Apache-2.0
"""What Thrift's two protocols share: decoded values, the bounds for hostile input, and the error."""

from __future__ import annotations

from typing import TypeAlias

Value: TypeAlias = "bool | int | float | bytes | list[Value] | Struct"
Struct: TypeAlias = "dict[int, Value]"
"""Field id to value. Text comes as bytes; a map as a list of key, value, key, value ..."""

MAX_DEPTH = 16
MAX_VALUES = 500_000


class ThriftError(ValueError):
    """The bytes are not a message of this protocol, or exceed a bound; the text says which."""


def too_deep() -> ThriftError:
    """For a value that is nested deeper than MAX_DEPTH."""
    return ThriftError(f"values nested deeper than {MAX_DEPTH}")


def cut_off() -> ThriftError:
    """For a message that ends inside a value."""
    return ThriftError("the message ends inside a value")


def too_many() -> ThriftError:
    """For more than MAX_VALUES values."""
    return ThriftError(f"more than {MAX_VALUES} values")
