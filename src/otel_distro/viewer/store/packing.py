# SPDX-License-Identifier: Apache-2.0
"""Values <-> the compressed blobs of a segment. A shared dictionary makes small traces small."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

_WINDOW = 15
# Frequent text of summaries and bodies; changing it changes the format: raise schema.VERSION with it.
_DICTIONARY = (
    b'"exception.stacktrace":"Traceback (most recent call last):\\n  File \\"exception.type":"exception.message":"'
    b'"network.protocol.version":"1.1","network.peer.address":"127.0.0.1","user_agent.original":"Mozilla/5.0 '
    b'"client.address":"127.0.0.1","server.address":"localhost","server.port":8000,"url.scheme":"http","url.path":"/'
    b'"url.full":"http://localhost:"http.request.method":"GET","http.request.method":"POST","http.route":"/'
    b'"http.response.status_code":200,"db.system.name":"postgresql","db.system.name":"sqlite","db.namespace":"'
    b'"db.operation.name":"SELECT","db.collection.name":"db.query.summary":"SELECT "db.query.text":"SELECT FROM WHERE '
    b'INSERT INTO VALUES UPDATE SET DELETE JOIN ORDER BY LIMIT "code.file.path":"/"code.line.number":'
    b'"code.function.name":"messaging.system":"celery","error.type":"status":["GET /","SELECT ","POST /",""],'
    b'[],[],0,"",1,"",0,0,0,0],["{"b":"s":["","r":[["'
)


def pack(value: Any, wide: bool) -> bytes:
    """JSON, deflated. wide: the large window, which pays above some 16 KB."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_plain).encode("utf-8", "replace")
    if wide:
        press = zlib.compressobj(1, zlib.DEFLATED, _WINDOW, 8, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    else:
        press = zlib.compressobj(1, zlib.DEFLATED, 12, 5, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    return press.compress(text) + press.flush()


def unpack_text(blob: bytes) -> bytes:
    """The JSON text of a blob. Raises zlib.error when it is damaged."""
    expand = zlib.decompressobj(_WINDOW, _DICTIONARY)
    return expand.decompress(blob) + expand.flush()


def unpack(blob: bytes) -> Any:
    """The value of a blob. Raises zlib.error or ValueError when it is damaged."""
    return json.loads(unpack_text(blob))


def _plain(value: object) -> object:
    """Bytes have no JSON of their own; attributes of one key named so by a sender read back as bytes."""
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"{type(value).__name__} is no attribute value")


def as_bytes(value: object) -> bytes | None:
    """The bytes that pack() wrote as an object, else None."""
    if isinstance(value, dict) and len(value) == 1:
        text = value.get("$bytes")
        if isinstance(text, str):
            try:
                return base64.b64decode(text, validate=True)
            except ValueError:
                return None  # a sender's own mapping that looks like ours
    return None
