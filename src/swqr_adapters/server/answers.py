"""Answers: JSON, text in pieces, and nothing."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from typing import Any, Final

from aiohttp import web

from .budget import Budget

__all__ = ["TEXT", "empty", "finish", "json_answer", "raw_json", "room", "stream", "text_answer"]

_log = logging.getLogger(__name__)

TEXT: Final = "text/plain; charset=utf-8"
_JSON: Final = "application/json"
_PIECE: Final = 262_144
_encode = json.JSONEncoder(separators=(",", ":")).encode


def json_answer(
    document: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a document as JSON."""
    return web.Response(
        body=_encode(document).encode(), status=status, content_type=_JSON, headers=headers
    )


def raw_json(body: bytes) -> web.Response:
    """Return what is JSON text already."""
    return web.Response(body=body, content_type=_JSON)


def text_answer(text: str) -> web.Response:
    """Return plain text."""
    return web.Response(body=text.encode(), headers={"Content-Type": TEXT})


def empty() -> web.Response:
    """Return 204: no body, and no length of one."""
    return web.Response(status=204)


def room(budget: Budget, size: int, *, timeout: float) -> AbstractAsyncContextManager[None]:
    """Hold room for an answer of that size, best from before it is read; small ones need none.

    Raises:
        HttpProblem: There was none within *timeout* seconds; see ``Budget.hold``.
    """
    return nullcontext() if size <= _PIECE else budget.hold(size, timeout=timeout)


async def stream(
    request: web.BaseRequest,
    pieces: Iterable[bytes],
    *,
    content_type: str,
    budget: Budget | None,
    timeout: float,
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """Send pieces one after the other; a reader that takes nothing for too long is left.

    Small answers are sent as one. What is larger counts against *budget* until it is sent.

    Args:
        request: The request to answer.
        pieces: The parts of the body.
        content_type: Its type.
        budget: What all large answers may take together; None if the caller holds room for it.
        timeout: Seconds in which the reader must take a piece.
        headers: Further headers.
    """
    more = {**(headers or {}), "Content-Type": content_type}
    parts = [piece for piece in pieces if piece]
    size = sum(map(len, parts))
    if size <= _PIECE or request.method == "HEAD":
        return web.Response(body=b"".join(parts), headers=more)
    response = web.StreamResponse(headers={**more, "Content-Length": str(size)})
    async with nullcontext() if budget is None else room(budget, size, timeout=timeout):
        await response.prepare(request)
        await _send(request, response, _cut(parts), timeout)
    return response


async def stream_unsized(
    request: web.BaseRequest,
    pieces: AsyncGenerator[bytes, None],
    *,
    content_type: str,
    timeout: float,
) -> web.StreamResponse:
    """Send pieces as they come, in chunks. Where they fail, the connection is cut."""
    if request.method == "HEAD":
        return web.Response(headers={"Content-Type": content_type})
    response = web.StreamResponse(headers={"Content-Type": content_type})
    await response.prepare(request)
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                if not await _send(request, response, _cut([piece]), timeout):
                    break
    except Exception:  # noqa: BLE001 - whatever it is, the reader must not take it for all
        # The answer has begun: all that can still be told is that this is not the whole of it.
        _log.exception("an answer was cut off")
        _abort(request)
    return response


async def finish(request: web.BaseRequest, response: web.StreamResponse, *, timeout: float) -> None:
    """Send what is left of an answer; a reader that takes nothing for too long is left.

    Args:
        request: The request.
        response: The answer, of which nothing, a part or all may be sent.
        timeout: Seconds in which the reader must take a piece.
    """
    whole = response.content_length if isinstance(response, web.Response) else None
    try:
        async with asyncio.timeout(timeout * (1 + (whole or 0) // _PIECE)):
            await response.prepare(request)
            await response.write_eof()
    except (TimeoutError, ConnectionError):
        _abort(request)


def _cut(parts: Iterable[bytes]) -> Iterable[memoryview]:
    for part in parts:
        view = memoryview(part)
        for begin in range(0, len(part), _PIECE):
            yield view[begin : begin + _PIECE]


async def _send(
    request: web.BaseRequest,
    response: web.StreamResponse,
    views: Iterable[memoryview],
    timeout: float,
) -> bool:
    """Return whether the reader took everything."""
    try:
        for view in views:
            async with asyncio.timeout(timeout):
                await response.write(view)
    except (TimeoutError, ConnectionError):
        _abort(request)
        return False
    return True


def _abort(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def listing(documents: Iterable[Any]) -> bytes:
    """Return documents as the inside of a JSON list."""
    return ",".join(map(_encode, documents)).encode()
