"""Request bodies: read within limits of size and time, and taken apart."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import ClientError, web
from aiohttp.http_exceptions import HttpProcessingError

from swqr_adapters.wire.splicing import Split, split_async
from swqr_core.errors import InvalidInputError, PayloadTooLargeError

from .budget import Budget
from .problems import HttpProblem
from .settings import ServerSettings

__all__ = ["UNCOUNTED", "Bodies"]

_SMALL: Final = 262_144
UNCOUNTED: Final = 16_384
"""The largest body that no room is held for: connections are few enough for that. Who is not known
yet may send no more."""

_REFUSED: Final = 1208
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"


class Bodies:
    """Reads bodies. Large ones wait until there is room for them.

    Args:
        settings: The limits.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self.budget = Budget(settings.bodies_in_flight_bytes)

    @asynccontextmanager
    async def split(
        self, request: web.BaseRequest, member: str, *, limit: int | None = None
    ) -> AsyncIterator[Split]:
        """Read a JSON object with one member cut out; room is held for it inside this context.

        Args:
            request: The request.
            member: The name of the member.
            limit: The most bytes, if they are fewer than the server's own.

        Raises:
            HttpProblem: Its type is wrong, or it did not come in time.
            InvalidInputError: It is no such object.
            PayloadTooLargeError: It is over the limit.
        """
        _check_type(request, _JSON)
        most = self._settings.max_body_bytes
        async with self._read(request, min(most, limit or most)) as body:
            yield await split_async(body, member, max_depth=self._settings.max_depth)

    async def document(self, request: web.BaseRequest, *, limit: int = _SMALL) -> Mapping[str, Any]:
        """Read a small JSON object.

        Args:
            request: The request.
            limit: The most bytes.

        Raises:
            HttpProblem: Its type is wrong, or it did not come in time.
            InvalidInputError: It is no such object.
            PayloadTooLargeError: It is over the limit.
        """
        _check_type(request, _JSON)
        async with self._read(request, limit) as body:
            # The name is one that no document has: nothing is cut out.
            return (await split_async(body, "\0", max_depth=self._settings.max_depth)).head

    @asynccontextmanager
    async def raw(self, request: web.BaseRequest, limit: int) -> AsyncIterator[bytes]:
        """Read a body of any type as it is; room is held for it inside this context.

        Raises:
            HttpProblem: It did not come in time.
            PayloadTooLargeError: It is over *limit* bytes.
        """
        async with self._read(request, limit) as body:
            yield body

    async def form(self, request: web.BaseRequest) -> dict[str, str]:
        """Read a form.

        Raises:
            HttpProblem: Its type is wrong, or it did not come in time.
            InvalidInputError: It is no form.
            PayloadTooLargeError: It is over the limit.
        """
        _check_type(request, _FORM)
        async with self._read(request, UNCOUNTED) as body:
            try:
                pairs = parse_qsl(
                    body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50
                )
            except ValueError:
                raise InvalidInputError("body", "is no form", _REFUSED) from None
            return dict(pairs)

    @asynccontextmanager
    async def _read(self, request: web.BaseRequest, limit: int) -> AsyncIterator[bytes]:
        announced = request.content_length
        if announced is not None and announced > limit:
            raise PayloadTooLargeError("body", announced, limit)
        # What does not say how long it is may be as long as is allowed.
        expected = (limit if request.can_read_body else 0) if announced is None else announced
        if request.headers.get("Content-Encoding", "identity") != "identity":
            expected = limit
        if expected <= UNCOUNTED:
            yield await self._bytes(request, limit)
        else:
            async with self.budget.hold(expected, timeout=self._settings.read_timeout):
                yield await self._bytes(request, limit)

    async def _bytes(self, request: web.BaseRequest, limit: int) -> bytes:
        settings, size = self._settings, 0
        pieces: list[bytes] = []
        try:
            async with asyncio.timeout(settings.body_timeout):
                while True:
                    async with asyncio.timeout(settings.read_timeout):
                        piece = await request.content.readany()
                    if not piece:
                        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
                    size += len(piece)
                    if size > limit:
                        raise PayloadTooLargeError("body", size, limit)
                    pieces.append(piece)
        except TimeoutError:
            raise HttpProblem(
                408, "the body did not arrive in time", "Send it without long pauses.", close=True
            ) from None
        except (ClientError, HttpProcessingError, ConnectionError, web.RequestPayloadError):
            raise HttpProblem(
                400, "the body is broken or ends early", "Send all of it.", close=True
            ) from None


def _check_type(request: web.BaseRequest, wanted: str) -> None:
    given = request.headers.get("Content-Type")
    if given is None:
        return
    kind = given.partition(";")[0].strip().lower()
    if kind != wanted and not (wanted == _JSON and kind.endswith("+json")):
        raise HttpProblem(415, f"a body of type {kind!r:.100} is not understood", f"Send {wanted}.")
