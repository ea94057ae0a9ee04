# SPDX-License-Identifier: Apache-2.0
"""Zipkin's JSON v2 over HTTP. Deprecated in the specification, which drops it in December 2026.

Source: OpenTelemetry specification, "OpenTelemetry to Zipkin Transformation"; Zipkin API v2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from otel_distro.exporters import http_outcome
from otel_distro.exporters.retry import Delivered, Outcome
from otel_distro.exporters.span_exporter import OutcomeSpanExporter, suppressed, user_agent, with_left_out
from otel_distro.runtime import guard
from otel_distro.transport.errors import TransportError
from otel_distro.transport.http import HttpClient
from otel_distro.wire.otlp_mend import MendedSpan, text_of
from otel_distro.wire.protobuf import utf8

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from otel_distro.runtime.deadline import Deadline
    from otel_distro.settings.settings import ZipkinSettings
    from otel_distro.transport.proxy import Proxy

_KINDS = (None, "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUS = (None, "OK", "ERROR")


class ZipkinSpanExporter(OutcomeSpanExporter):
    """Posts batches to one URL."""

    def __init__(self, settings: ZipkinSettings, destination: str, proxy: Proxy | None = None) -> None:
        """destination: the endpoint as it may be printed. Raises ValueError for an unusable endpoint."""
        self.destination = destination
        self._timeout_s = settings.timeout_s
        headers = [("Content-Type", "application/json"), ("User-Agent", user_agent())]
        self._client = HttpClient(settings.endpoint, headers, proxy=proxy)

    def export_once(self, spans: Sequence[ReadableSpan], deadline: Deadline) -> Outcome:
        """See OutcomeSpanExporter."""
        made = [guard.call("a span could not be encoded", zipkin_span, span) for span in spans]
        left_out = [(index, "it cannot be encoded") for index, span in enumerate(made) if span is None]
        outcome: Outcome = Delivered()
        if len(left_out) < len(made):
            body = json.dumps([span for span in made if span is not None], separators=(",", ":"))
            outcome = self._post(body.encode("ascii"), deadline)
        return with_left_out(outcome, left_out, len(made))

    def interrupt(self) -> None:
        """See OutcomeSpanExporter."""
        self._client.interrupt()

    def after_fork_in_child(self) -> None:
        """See OutcomeSpanExporter."""
        self._client.after_fork_in_child()

    def shutdown(self) -> None:
        """Close the connection."""
        self._client.close()

    def _post(self, body: bytes, deadline: Deadline) -> Outcome:
        with suppressed():
            try:
                reply = self._client.post(body, (), deadline.earlier_of(self._timeout_s))
            except TransportError as error:
                return http_outcome.of_error(error)
        return http_outcome.of_refusal(reply) or Delivered()


def zipkin_span(span: Any) -> dict[str, Any]:
    """One span in Zipkin's JSON v2, as plain values."""
    clean = MendedSpan(span)
    resource = getattr(clean._resource, "attributes", None) or {}
    scope = clean._instrumentation_scope
    tags = {_text(key): _tag(value) for key, value in clean._attributes.items() if value is not None}
    if scope is not None:
        tags["otel.scope.name"] = _text(scope.name or "")
        tags["otel.scope.version"] = _text(scope.version or "")
    if clean._status is not None:
        status = _STATUS[clean._status.status_code._value_]
        tags["otel.status_code"] = status or ""
        tags.pop("error", None)
        if status == "ERROR":
            tags["error"] = _text(clean._status.description)
    for name in ("attributes", "events", "links"):
        dropped = getattr(clean, f"dropped_{name}")
        tags[f"otel.dropped_{name}_count"] = str(dropped) if dropped else ""
    kind = _KINDS[clean._kind._value_]
    made: dict[str, Any] = {
        "traceId": f"{clean._trace_id:032x}",
        "id": f"{clean._span_id:016x}",
        "parentId": f"{clean._parent_id:016x}" if clean._parent_id else None,
        "name": _text(clean._name),
        "kind": kind,
        "timestamp": clean._start_time // 1000,
        "duration": max(1, (clean._end_time - clean._start_time) // 1000),
        "localEndpoint": {"serviceName": _text(resource.get("service.name", "unknown_service"))},
        "remoteEndpoint": _remote_endpoint(clean._attributes) if kind in {"CLIENT", "PRODUCER"} else None,
        "annotations": [
            {
                "timestamp": event.timestamp // 1000,
                "value": f'"{_text(event.name)}": {json.dumps(_tags(event.attributes))}',
            }
            for event in clean._events
        ],
        "tags": {key: value for key, value in tags.items() if value or key == "error"},
    }
    return {key: value for key, value in made.items() if value}


def _remote_endpoint(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """The other side; its name by the specification's order of preference."""
    endpoint: dict[str, Any] = {}
    for key in ("peer.service", "server.address", "network.peer.address", "db.namespace"):
        if attributes.get(key):
            endpoint["serviceName"] = _text(attributes[key])
            break
    address = attributes.get("network.peer.address")
    if isinstance(address, str):
        if ":" in address:
            endpoint["ipv6"] = _text(address)
        elif address.replace(".", "").isdigit():
            endpoint["ipv4"] = address
    port = attributes.get("network.peer.port", attributes.get("server.port"))
    if endpoint and isinstance(port, int) and 0 < port < 65536:
        endpoint["port"] = port
    return endpoint


def _tags(attributes: Mapping[Any, Any]) -> dict[str, str]:
    return {_text(key): _tag(value) for key, value in attributes.items() if value is not None}


def _tag(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple, Mapping)):
        return guard.call("an attribute value has no JSON", _json, value) or ""
    return _text(value)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), default=text_of)


def _text(value: Any) -> str:
    return utf8(text_of(value)).decode()
