# SPDX-License-Identifier: Apache-2.0
"""Response bodies that are produced while they are sent: their context, their errors, their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation.current import attach, detach
from otel_distro.runtime import guard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from opentelemetry.context import Context

    from otel_distro.instrumentation.http_server import ServerRequest


class _Streamed:
    """What is common: a stream that is thrown away, and neither read to its end nor closed, ends its span too."""

    __slots__ = ("_context", "_request")

    _context: Context
    _request: ServerRequest

    def __del__(self) -> None:
        request = getattr(self, "_request", None)
        if request is not None and not request.is_over:
            guard.call("the span of a forgotten response", request.finish)


class Body(_Streamed):
    """A WSGI response body: each part is made in the request's context; the last or close() ends the span.

    Test clients never close, and some servers do not when a part raises.
    """

    __slots__ = ("_body", "_parts")

    def __init__(self, body: Iterable[bytes], request: ServerRequest, context: Context) -> None:
        self._body = body
        self._parts: Iterator[bytes] | None = None
        self._request = request
        self._context = context

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        token = attach(self._context)
        try:
            parts = self._parts
            if parts is None:
                parts = self._parts = iter(self._body)
            return next(parts)
        except StopIteration:
            guard.call("the span of a streamed response", self._request.finish)
            raise
        except BaseException as error:
            guard.call("the span of a streamed response", _fail, self._request, error)
            raise
        finally:
            detach(token)

    def close(self) -> None:
        """Close the body as its server would, then end the span."""
        close = getattr(self._body, "close", None)
        token = attach(self._context)
        try:
            if close is not None:
                close()
        except BaseException as error:
            guard.call("an exception of a streamed response", self._request.fail, error)
            raise
        finally:
            detach(token)
            guard.call("the span of a streamed response", self._request.finish)


class Parts(_Streamed):
    """An iterator whose items are made in the request's context. The last one ends the span."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Iterator[Any], request: ServerRequest, context: Context) -> None:
        self._parts = parts
        self._request = request
        self._context = context

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        token = attach(self._context)
        try:
            return next(self._parts)
        except StopIteration:
            guard.call("the span of a streamed response", self._request.finish)
            raise
        except BaseException as error:
            guard.call("the span of a streamed response", _fail, self._request, error)
            raise
        finally:
            detach(token)


class AsyncParts(_Streamed):
    """An asynchronous iterator whose items are made in the request's context. The last one ends the span."""

    __slots__ = ("_parts",)

    def __init__(self, parts: AsyncIterator[Any], request: ServerRequest, context: Context) -> None:
        self._parts = parts
        self._request = request
        self._context = context

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        token = attach(self._context)
        try:
            return await self._parts.__anext__()
        except StopAsyncIteration:
            guard.call("the span of a streamed response", self._request.finish)
            raise
        except BaseException as error:
            guard.call("the span of a streamed response", _fail, self._request, error)
            raise
        finally:
            detach(token)


def _fail(request: ServerRequest, error: BaseException) -> None:
    request.fail(error)
    request.finish()  # nothing comes after an exception, and not every caller closes
