"""Bodies that come compressed, unpacked by us: piece by piece, whatever they unpack to.

The libraries of the engines take a body that ends in the middle for a whole one. httpx unpacks all
that one read has brought, and several encodings one inside the other: some kilobytes can become
gigabytes before anybody counts them.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zlib import _Decompress as _Unpacker

__all__ = ["ACCEPTED", "BadEncodingError", "unpacked"]

ACCEPTED: Final = "gzip, deflate"
"""What a request says that its answer may be packed with (``Accept-Encoding``)."""

_PIECE: Final = 262_144  # bytes unpacked between two pauses: about a millisecond
_READ: Final = 65_536
_GZIP: Final = 31
_ZLIB: Final = 15
_BARE: Final = -15  # what some servers send as deflate
_IS_ZLIB: Final = 8  # in the low half of the first byte


class BadEncodingError(Exception):
    """A body is not packed as it says, or as was asked for."""


async def unpacked(chunks: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """Yield a body unpacked, in pieces of bounded size.

    Args:
        chunks: The body as it came.
        encoding: Its ``Content-Encoding``.

    Raises:
        BadEncodingError: It cannot be unpacked, or not to its end.
        and what *chunks* raises.
    """
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        async for chunk in chunks:
            yield chunk
        return
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise BadEncodingError(f"it is packed with {encoding[:40]!r}, which was not asked for")
    body = _Body(encoding)
    async for chunk in chunks:
        for start in range(0, len(chunk), _READ):
            rest = chunk[start : start + _READ]
            while rest:
                piece, rest = body.take(rest)
                if piece:
                    yield piece
                if rest:
                    await asyncio.sleep(0)
    for piece in body.end():
        yield piece


class _Body:
    """What is taken in packed and given out in pieces."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._unpacker: _Unpacker | None = None

    def take(self, packed: bytes) -> tuple[bytes, bytes]:
        """Return a piece, and what has to be taken in after it."""
        unpacker = self._unpacker
        # What is packed with gzip may have several members (RFC 1952).
        if unpacker is None or (unpacker.eof and self._encoding != "deflate"):
            unpacker = self._unpacker = self._begin(packed)
        if unpacker.eof:
            raise BadEncodingError("it goes on behind its packed end")
        piece = _unpack(unpacker, packed)
        return piece, unpacker.unconsumed_tail or unpacker.unused_data

    def end(self) -> Iterator[bytes]:
        """Yield what is left when everything was taken in: zlib may hold something back."""
        unpacker = self._unpacker
        while unpacker is not None and not unpacker.eof:
            piece = _unpack(unpacker, b"")
            if not piece:
                raise BadEncodingError("it ends before its packed end")
            yield piece

    def _begin(self, start: bytes) -> "_Unpacker":
        if self._encoding != "deflate":
            return zlib.decompressobj(_GZIP)
        return zlib.decompressobj(_ZLIB if start[0] & 0xF == _IS_ZLIB else _BARE)


def _unpack(unpacker: "_Unpacker", packed: bytes) -> bytes:
    try:
        return unpacker.decompress(packed, _PIECE)
    except zlib.error as error:
        raise BadEncodingError(f"it cannot be unpacked: {error}") from error
