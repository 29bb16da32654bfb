"""Cuts one member out of a JSON object by byte range, and puts it in again.

What is cut is neither decoded nor encoded, so it comes back byte for byte. Everything is checked
to be JSON all the same: one member may be tens of megabytes long and still costs no more than a
look at its bytes, in steps that let other tasks run in between.
"""

import asyncio
import json
import re
from collections.abc import Generator, Mapping
from typing import Any, Final

from attrs import field, frozen

from swqr_core.errors import InvalidInputError

from .grammar import Scan, check_utf8, refuse, unexpected

__all__ = ["MAX_DEPTH", "Split", "join", "split", "split_async"]

MAX_DEPTH: Final = 200
"""How deep objects and arrays may be nested. Programs' parameters need about 20."""

_SMALL: Final = 262_144  # up to here the standard parser is done within a few milliseconds
_MAX_HEAD: Final = 262_144

_no_string = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL).sub
_blanks = re.compile(r"[ \t\n\r]+").match
_brackets_only: Final = bytes(set(range(256)) - set(b"[]{}"))
_ENDLESS: Final = "has an integer of thousands of digits"
_value_at: Final = json.JSONDecoder().raw_decode


@frozen
class Split:
    """A JSON object without one of its members.

    Attributes:
        head: The other members.
        value: The exact bytes of the member's value; None if the object has no such member.
    """

    head: Mapping[str, Any]
    value: bytes | None = field(default=None, repr=False)


def split(body: bytes, member: str, *, max_depth: int = MAX_DEPTH) -> Split:
    """Cut *member* out of the JSON object *body*.

    Args:
        body: UTF-8 text of one JSON object.
        member: Which member of it not to decode.
        max_depth: How deep objects and arrays may be nested.

    Raises:
        InvalidInputError: *body* is not UTF-8, not JSON, not an object, nested too deeply, or has
            a member twice; the error says at which byte.
        PayloadTooLargeError: All but the one member is over 256 KiB.
    """
    steps = _split(body, member, max_depth)
    try:
        while True:
            next(steps)
    except StopIteration as done:
        return _split_of(done)


async def split_async(body: bytes, member: str, *, max_depth: int = MAX_DEPTH) -> Split:
    """Do what ``split`` does, and let other tasks run every few milliseconds."""
    steps = _split(body, member, max_depth)
    try:
        while True:
            next(steps)
            await asyncio.sleep(0)
    except StopIteration as done:
        return _split_of(done)


def _split_of(done: StopIteration) -> Split:
    result = done.value
    if not isinstance(result, Split):  # pragma: no cover - the generator returns nothing else
        raise TypeError(result)
    return result


def join(document: Mapping[str, Any], member: str, value: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the pieces of *document* as JSON text with *value* under *member* at its end.

    Concatenated they are the document; *value* is one of them, unchanged and not copied.
    """
    text = json.dumps(document, separators=(",", ":"))
    comma = "," if document else ""
    return f"{text[:-1]}{comma}{json.dumps(member)}:".encode(), value, b"}"


# --- inside ------------------------------------------------------------------------------------


def _split(body: bytes, member: str, max_depth: int) -> Generator[None, None, Split]:
    if len(body) <= _SMALL:
        return _split_small(body, member, max_depth)
    yield from check_utf8(body)
    scan = Scan(body, member, max_depth, _MAX_HEAD)
    yield from scan.run()
    start, end = scan.start, scan.end
    try:
        if start < 0:
            return Split(json.loads(body))
        head = json.loads(body[:start] + b"null" + body[end:])
    except ValueError:  # it is JSON, so that is left
        raise refuse(_ENDLESS) from None
    del head[member]
    return Split(head, body[start:end])


def _split_small(body: bytes, member: str, max_depth: int) -> Split:
    """Let the standard parser walk over the members: it is quick, but stops for nobody."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise refuse(f"is not UTF-8: {error.reason} near byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise refuse("begins with a byte order mark: send plain UTF-8")
    if _depth_of(body, max_depth) > max_depth:
        raise refuse(f"is nested more than {max_depth} deep")
    try:
        head, span = _walk(text, member)
    except json.JSONDecodeError as error:
        early = error.msg.startswith("Unterminated")  # then it points at the string's start
        at = len(body) if early else len(text[: error.pos].encode())
        raise unexpected(body, at) from None
    except RecursionError:
        raise refuse(f"is nested more than {max_depth} deep") from None
    except InvalidInputError:
        raise
    except ValueError:  # whatever is no JSON was told above
        raise refuse(_ENDLESS) from None
    return Split(head, None if span is None else text[span].encode())


def _depth_of(body: bytes, enough: int) -> int:
    """Return how deep the brackets nest, or something up to *enough* if it is not more."""
    most = body.count(b"[") + body.count(b"{")
    if most <= enough:
        return most
    depth = most = 0
    for bracket in _no_string(b"", body).translate(None, _brackets_only):
        depth += 1 if bracket in b"[{" else -1
        most = max(most, depth)
    return most


def _walk(text: str, member: str) -> tuple[dict[str, Any], slice | None]:
    """Return the members of an object but for one, and where that one's value stands."""
    head: dict[str, Any] = {}
    span: slice | None = None
    at = _gap(text, 0)
    if text[at : at + 1] != "{":
        raise refuse("must be a JSON object")
    at = _gap(text, at + 1)
    more = text[at : at + 1] != "}"
    at = at if more else at + 1
    while more:
        name, at = _value_at(text, _at(text, at, '"', keep=True))
        start = _gap(text, _at(text, _gap(text, at), ":"))
        value, at = _value_at(text, start)
        if name in head or (name == member and span is not None):
            raise refuse(f"has the member {name!r:.100} twice")
        if name == member:
            span = slice(start, at)
        else:
            head[name] = value
        at = _gap(text, at)
        more = text[at : at + 1] == ","
        at = _gap(text, at + 1) if more else _at(text, at, "}")
    if _gap(text, at) != len(text):
        raise refuse(f"goes on behind the end of its object, at byte {len(text[:at].encode())}")
    return head, span


def _at(text: str, at: int, wanted: str, *, keep: bool = False) -> int:
    """Return where it goes on behind a character that must be there, or at it."""
    if text[at : at + 1] != wanted:
        raise json.JSONDecodeError("Unexpected", text, at)
    return at if keep else at + 1


def _gap(text: str, at: int) -> int:
    found = _blanks(text, at)
    return at if found is None else found.end()
