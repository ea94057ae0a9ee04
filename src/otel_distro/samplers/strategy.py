# SPDX-License-Identifier: Apache-2.0
"""Sampling strategies as Jaeger sends them, in JSON or protobuf. Pure.

Strategy
  Probabilistic   one rate for the service
  RateLimiting    traces a second for the service
  PerOperation    a rate by span name, with a default and a lower bound
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from otel_distro.wire.protobuf import delimited, utf8

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_OPERATIONS = 2000


class Probabilistic(NamedTuple):
    """rate: from 0 to 1."""

    rate: float


class RateLimiting(NamedTuple):
    """per_second: 0 or more."""

    per_second: float


class PerOperation(NamedTuple):
    """default_rate: for other operations. lower_bound: traces a second that each operation gets in any case.
    rates: span name to rate, at most MAX_OPERATIONS."""

    default_rate: float
    lower_bound: float
    rates: dict[str, float]


Strategy: TypeAlias = Probabilistic | RateLimiting | PerOperation


class StrategyError(ValueError):
    """The answer holds no strategy that can be used; the text says why."""


def from_json(body: bytes) -> Strategy:
    """The first of operationSampling, probabilisticSampling, rateLimitingSampling that is given.

    strategyType is ignored: servers disagree about its form. A missing number is 0. Raises StrategyError.
    Source: Jaeger, sampling.proto and its JSON mapping.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise StrategyError("the answer is not JSON") from error
    if not isinstance(answer, dict):
        raise StrategyError("the answer is not a JSON object")
    operations = _part(answer, "operationSampling")
    if operations is not None:
        return _per_operation(operations)
    probabilistic = _part(answer, "probabilisticSampling")
    if probabilistic is not None:
        return Probabilistic(_rate(probabilistic.get("samplingRate")))
    limiting = _part(answer, "rateLimitingSampling")
    if limiting is not None:
        return RateLimiting(_per_second(limiting.get("maxTracesPerSecond")))
    raise StrategyError("the answer holds no strategy")


def _per_operation(part: dict[str, object]) -> PerOperation:
    listed = part.get("perOperationStrategies")
    if listed is None:
        listed = []
    if not isinstance(listed, list) or len(listed) > MAX_OPERATIONS:
        raise StrategyError(f"perOperationStrategies is no list of at most {MAX_OPERATIONS}")
    rates: dict[str, float] = {}
    for item in listed:
        operation = item.get("operation") if isinstance(item, dict) else None
        if not isinstance(operation, str):
            raise StrategyError("an operation has no name")
        rates[operation] = _rate((_part(item, "probabilisticSampling") or {}).get("samplingRate"))
    default_rate = _rate(part.get("defaultSamplingProbability"))
    return PerOperation(default_rate, _per_second(part.get("defaultLowerBoundTracesPerSecond")), rates)


def _part(answer: dict[str, object], name: str) -> dict[str, object] | None:
    part = answer.get(name)
    if part is not None and not isinstance(part, dict):
        raise StrategyError(f"{name} is no object")
    return part


def _rate(value: object) -> float:
    number = _number(value)
    if not 0.0 <= number <= 1.0:
        raise StrategyError(f"sampling rate {number:g} is not between 0 and 1")
    return number


def _per_second(value: object) -> float:
    number = _number(value)
    if not 0.0 <= number < float("inf"):
        raise StrategyError(f"{number:g} traces per second is not possible")
    return number


def _number(value: object) -> float:
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise StrategyError("a rate is not a number")
    try:
        return float(value)
    except OverflowError as error:
        raise StrategyError("a rate is too large") from error


def request_message(service_name: str) -> bytes:
    """SamplingStrategyParameters of `/jaeger.api_v2.SamplingManager/GetSamplingStrategy`."""
    return delimited(b"\x0a", utf8(service_name))


def from_protobuf(body: bytes) -> Strategy:
    """SamplingStrategyResponse, chosen as in from_json: presence decides, since a rate of 0 is empty.

    Raises StrategyError.
    """
    parts = {number: value for number, value in _fields(body) if isinstance(value, bytes)}
    if 4 in parts:
        return _per_operation_message(parts[4])
    if 2 in parts:
        return Probabilistic(_rate(_double(parts[2], 1)))
    if 3 in parts:
        for number, value in _fields(parts[3]):
            if number == 1 and isinstance(value, int):
                return RateLimiting(_per_second(value - (1 << 64) if value >> 63 else value))
        return RateLimiting(0.0)
    raise StrategyError("the answer holds no strategy")


def _per_operation_message(body: bytes) -> PerOperation:
    rates: dict[str, float] = {}
    for number, value in _fields(body):
        if number != 3 or not isinstance(value, bytes):
            continue
        if len(rates) == MAX_OPERATIONS:
            raise StrategyError(f"more than {MAX_OPERATIONS} operations")
        operation, rate = "", 0.0
        for item_number, item in _fields(value):
            if item_number == 1 and isinstance(item, bytes):
                operation = item.decode("utf-8", "replace")
            elif item_number == 2 and isinstance(item, bytes):
                rate = _rate(_double(item, 1))
        rates[operation] = rate
    return PerOperation(_rate(_double(body, 1)), _per_second(_double(body, 2)), rates)


def _double(body: bytes, wanted: int) -> float:
    found = 0.0
    for number, value in _fields(body):
        if number == wanted and isinstance(value, float):
            found = value
    return found


def _fields(body: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Field number and value: varint, double, or bytes. Fields of other kinds are an error."""
    at, end = 0, len(body)
    while at < end:
        tag, at = _read_varint(body, at)
        kind = tag & 7
        if kind == 0:
            value, at = _read_varint(body, at)
            yield tag >> 3, value
        elif kind == 1 and at + 8 <= end:
            yield tag >> 3, float(struct.unpack_from("<d", body, at)[0])
            at += 8
        elif kind == 2:
            size, at = _read_varint(body, at)
            if size > end - at:
                raise StrategyError("the answer is cut off")
            yield tag >> 3, body[at : at + size]
            at += size
        else:
            raise StrategyError("the answer is no sampling strategy")


def _read_varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(body) and shift < 64:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise StrategyError("the answer is cut off")
