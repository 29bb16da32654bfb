"""Text inside text: bytes as a JSON string and back, exact, in steps that let others run.

Some platforms put a JSON text into a member of another one, or into a file, as a string. What is
wrapped here comes back byte for byte, however long it is and whoever wrote the string.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Final

from swqr_core.errors import InvalidInputError

from .grammar import BODY_REFUSED

__all__ = ["quote", "quote_async", "unquote", "unquote_async"]

_WINDOW: Final = 262_144  # bytes between two pauses: about a millisecond
_QUOTE: Final = b'"'

# Whole escapes, and no half of a pair: a string may be cut behind any of these.
_pieces: Final = re.compile(
    rb'(?:[^"\\\x00-\x1f]++'
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb'|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+'
).match
_ends_in_half: Final = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\Z").search
_PAIR: Final = 12  # bytes of the longest escape: two halves of one character


def quote(data: bytes) -> bytes:
    """Return UTF-8 text as a JSON string in ASCII, its quotation marks included.

    Raises:
        InvalidInputError: *data* is not UTF-8.
    """
    return b"".join([_QUOTE, *_quoted(data), _QUOTE])


async def quote_async(data: bytes) -> bytes:
    """Do what ``quote`` does, and let other tasks run every few milliseconds."""
    return b"".join([_QUOTE, *[piece async for piece in _gently(_quoted(data))], _QUOTE])


def unquote(literal: bytes) -> bytes:
    """Return the UTF-8 text that a JSON string stands for.

    Raises:
        InvalidInputError: *literal* is no JSON string, or stands for what is no text.
    """
    return b"".join(_unquoted(literal))


async def unquote_async(literal: bytes) -> bytes:
    """Do what ``unquote`` does, and let other tasks run every few milliseconds."""
    return b"".join([piece async for piece in _gently(_unquoted(literal))])


async def _gently(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for number, piece in enumerate(pieces):
        if number:
            await asyncio.sleep(0)
        yield piece


def _quoted(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        end = _before_character(data, min(at + _WINDOW, len(data)))
        if end <= at:
            end = min(at + _WINDOW, len(data))  # not UTF-8: decoding says so
        try:
            text = data[at:end].decode()
        except UnicodeDecodeError as error:
            raise _refuse(f"is not UTF-8: {error.reason} near byte {at + error.start}") from None
        yield json.dumps(text)[1:-1].encode("ascii")
        at = end


def _unquoted(literal: bytes) -> Iterator[bytes]:
    if len(literal) < 2 or literal[:1] != _QUOTE or literal[-1:] != _QUOTE:  # noqa: PLR2004 - two marks
        raise _refuse("must be a JSON string")
    at, last = 1, len(literal) - 1
    while at < last:
        limit = min(at + _WINDOW, last)
        end = _end_of_pieces(literal, at, limit, last)
        if end == at:
            raise _refuse(f"is no JSON string: unexpected {literal[at : at + 1]!r} at byte {at}")
        try:
            yield str(json.loads(b'"%b"' % literal[at:end])).encode()
        except UnicodeDecodeError as error:
            raise _refuse(f"is not UTF-8: {error.reason} near byte {at}") from None
        except UnicodeEncodeError:
            raise _refuse(f"has half of a character near byte {at}") from None
        at = end


def _end_of_pieces(literal: bytes, at: int, limit: int, last: int) -> int:
    """Return where a run of whole characters has ended, at *limit* or a little before it."""
    found = _pieces(literal, at, limit)
    end = at if found is None else found.end()
    if end < limit - _PAIR or (limit == last and end < limit):
        raise _refuse(f"is no JSON string: unexpected {literal[end : end + 1]!r} at byte {end}")
    if limit == last:
        return end
    end = max(_before_character(literal, end), at)
    half = _ends_in_half(literal, max(end - _PAIR // 2, at), end)
    return end if half is None else half.start()


def _before_character(data: bytes, end: int) -> int:
    """Return *end*, or where the character begins in whose middle it lies."""
    begin = end
    while 0 < begin < len(data) and end - begin < 4 and data[begin] & 0xC0 == 0x80:  # noqa: PLR2004
        begin -= 1
    return begin


def _refuse(problem: str) -> InvalidInputError:
    return InvalidInputError("text", problem, BODY_REFUSED)
