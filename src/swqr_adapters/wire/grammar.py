"""The grammar of JSON, looked at in steps: where the members of one object stand in its text."""

import codecs
import json
import re
from collections.abc import Generator
from typing import Final

from swqr_core.errors import InvalidInputError, PayloadTooLargeError

__all__ = ["BODY_REFUSED", "Scan", "check_utf8", "refuse", "unexpected"]

BODY_REFUSED: Final = 1208
"""The registry's code of a body that failed validation."""

Steps = Generator[None, None, int]

_STEP: Final = 16_384  # bytes of small tokens between two pauses: a few milliseconds
_TURNS: Final = 500  # and so many of them where they are very small
_WINDOW: Final = 262_144  # bytes of one long string between two pauses
_LONGEST: Final = 2**22  # bytes of one blank or number, in which there is no pause

# NaN and the infinities are no JSON, and official clients send them.
_SPACE: Final = rb"[ \t\n\r]*+"
_SCALAR: Final = (
    rb"(?:-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
    rb"|true|false|null|NaN|-?Infinity)"
)
_PIECE: Final = rb'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+'
_STRING: Final = rb'"' + _PIECE + rb'"'
_NAME: Final = _STRING + _SPACE + rb":" + _SPACE


def _value_pattern(depth: int) -> bytes:
    """Return a pattern for values in which nothing nests deeper than *depth*."""
    value = rb"(?:" + _STRING + rb"|" + _SCALAR + rb")"
    for _ in range(depth):
        item, member = value + _SPACE, _NAME + value + _SPACE
        value = (
            rb"(?:" + _STRING + rb"|" + _SCALAR
            + rb"|\[" + _SPACE + rb"(?:" + item + rb"(?:," + _SPACE + item + rb")*+)?+\]"
            + rb"|\{" + _SPACE + rb"(?:" + member + rb"(?:," + _SPACE + member + rb")*+)?+\})"
        )  # fmt: skip
    return value


_RUN_DEPTH: Final = 3
_RUN_VALUE: Final = _value_pattern(_RUN_DEPTH)

_skip = re.compile(_SPACE).match
_scalar = re.compile(_SCALAR + rb"(?![0-9A-Za-z.+\-_])").match
_string = re.compile(_STRING).match
_piece = re.compile(_PIECE).match
# Runs of whole items: one step for a row of numbers, or of circuits.
_items = re.compile(rb"(?:" + _SPACE + _RUN_VALUE + _SPACE + rb",)*+").match
_members = re.compile(rb"(?:" + _SPACE + _NAME + _RUN_VALUE + _SPACE + rb",)*+").match

_QUOTE, _COMMA, _COLON = b'",:'
_OPEN: Final = {ord("{"): ord("}"), ord("["): ord("]")}
_END_OBJECT: Final = ord("}")
_LONGEST_ESCAPE: Final = 6


def refuse(problem: str) -> InvalidInputError:
    """Return the error that says what is wrong with a body."""
    return InvalidInputError("body", problem, BODY_REFUSED)


def unexpected(body: bytes, at: int) -> InvalidInputError:
    """Return the error that says where a body stops being JSON."""
    if at >= len(body):
        return refuse(f"is not JSON: it ends early, at byte {len(body)}")
    return refuse(f"is not JSON: unexpected {body[at : at + 1]!r} at byte {at}")


def check_utf8(body: bytes) -> Generator[None, None, None]:
    """Look at a body in steps.

    Raises:
        InvalidInputError: It is not UTF-8, or begins with a byte order mark.
    """
    if body.startswith(codecs.BOM_UTF8):
        raise refuse("begins with a byte order mark: send plain UTF-8")
    decoder = codecs.getincrementaldecoder("utf-8")()
    for begin in range(0, len(body), _WINDOW):
        window = body[begin : begin + _WINDOW]
        try:
            decoder.decode(window, final=begin + _WINDOW >= len(body))
        except UnicodeDecodeError as error:
            raise refuse(f"is not UTF-8: {error.reason} near byte {begin + error.start}") from None
        yield


def _short(found: re.Match[bytes]) -> int:
    """Return where a blank or a number has ended."""
    begin, end = found.span()
    if end - begin >= _LONGEST:
        raise refuse(f"has a blank or a number of {_LONGEST} bytes or more at byte {begin}")
    return end


class Scan:
    """One look at a body; ``run`` makes it, in steps.

    Args:
        body: UTF-8 text.
        member: The member to find.
        max_depth: How deep objects and arrays may be nested.
        max_head: How many bytes may stand outside of the member's value.

    Attributes:
        start: Where the member's value starts; -1 if there is no such member.
        end: Where it has ended; -1 before that.
    """

    def __init__(self, body: bytes, member: str, max_depth: int, max_head: int) -> None:
        self.start = self.end = -1
        self._max_head = max_head
        self._body = body
        self._member = member
        self._max_depth = max_depth
        self._names: set[str] = set()
        self._closers = bytearray()
        self._wanted = False  # whether the next value at the top is the member's

    def run(self) -> Generator[None, None, None]:
        """Check the whole body.

        Raises:
            InvalidInputError: It is no JSON object, nested too deeply, or has a member twice.
            PayloadTooLargeError: There is too much of it outside of the member's value.
        """
        body, closers, turns = self._body, self._closers, 0
        at = paused = self._blank(0)
        if at == len(body) or body[at] != ord("{"):
            raise refuse("must be a JSON object")
        at, first = self._enter(at), True
        while closers:
            turns += 1
            if at - paused > _STEP or turns > _TURNS:
                yield
                paused, turns = at, 0
            self._check_head(at)
            following = self._blank(self._skip_run(at))
            first = first and following == self._blank(at)
            at = following
            if first and self._byte(at) == closers[-1]:  # an empty one
                closers.pop()
                at, first = self._leave(at + 1)
                continue
            if closers[-1] == _END_OBJECT:
                at = yield from self._name(at)
            if len(closers) == 1 and self._wanted:
                self.start = at
            if self._byte(at) in _OPEN:
                at, first = self._enter(at), True
                continue
            at, first = self._leave((yield from self._scalar(at)))
        if self._blank(at) != len(body):
            raise refuse(f"goes on behind the end of its object, at byte {at}")
        self._check_head(len(body))

    def _check_head(self, at: int) -> None:
        """Refuse what is too much as soon as it is: all of it will be decoded."""
        if self.start < 0:
            size = at
        elif self.end < 0:
            return  # it is the member's value that goes on
        else:
            size = at - (self.end - self.start)
        if size > self._max_head:
            raise PayloadTooLargeError(
                f"all of the body but {self._member!r}", size, self._max_head
            )

    def _skip_run(self, at: int) -> int:
        """Return where a run of whole items or members behind *at* has ended."""
        if not 1 < len(self._closers) <= self._max_depth - _RUN_DEPTH:
            return at  # each name at the top is looked at
        run = _members if self._closers[-1] == _END_OBJECT else _items
        found = run(self._body, at, at + _STEP)
        return at if found is None else found.end()

    def _enter(self, at: int) -> int:
        self._closers.append(_OPEN[self._body[at]])
        if len(self._closers) > self._max_depth:
            raise refuse(f"is nested more than {self._max_depth} deep at byte {at}")
        return at + 1

    def _leave(self, at: int) -> tuple[int, bool]:
        """Go on behind a value that has ended at *at*: behind a comma, or out of all."""
        closers = self._closers
        while closers:
            if len(closers) == 1 and self._wanted:
                self.end, self._wanted = at, False
            at = self._blank(at)
            if self._byte(at) == _COMMA:
                return at + 1, False
            at = self._expect(at, closers[-1])
            closers.pop()
        return at, False

    def _name(self, at: int) -> Steps:
        begin = at
        at = yield from self._text(at)
        if len(self._closers) == 1:
            self._check_head(at)
            name = json.loads(self._body[begin:at])
            if name in self._names:
                raise refuse(f"has the member {name!r:.100} twice")
            self._names.add(name)
            self._wanted = name == self._member
        return self._blank(self._expect(self._blank(at), _COLON))

    def _scalar(self, at: int) -> Steps:
        if self._body[at] == _QUOTE:
            return (yield from self._text(at))
        found = _scalar(self._body, at, at + _LONGEST)
        if found is None:
            raise unexpected(self._body, at)
        return _short(found)

    def _text(self, at: int) -> Steps:
        """Return where the string that begins at *at* has ended."""
        body = self._body
        whole = _string(body, at, at + _STEP)
        if whole is not None:
            return whole.end()
        at = self._expect(at, _QUOTE)
        while True:
            limit = at + _WINDOW
            found = _piece(body, at, limit)
            end = at if found is None else found.end()
            if end < len(body) and body[end] == _QUOTE:
                return end + 1
            # An escape may lie across the end of the window: it is looked at again.
            if end == at or end < limit - _LONGEST_ESCAPE:
                raise unexpected(body, end)
            at = end
            yield

    def _blank(self, at: int) -> int:
        found = _skip(self._body, at, at + _LONGEST)
        return at if found is None else _short(found)

    def _byte(self, at: int) -> int:
        if at >= len(self._body):
            raise unexpected(self._body, at)
        return self._body[at]

    def _expect(self, at: int, wanted: int) -> int:
        if self._byte(at) != wanted:
            raise unexpected(self._body, at)
        return at + 1
