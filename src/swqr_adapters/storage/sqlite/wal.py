"""What SQLite's write-ahead log says about how the last writer ended.

SQLite reads that file up to the last transaction that is whole, and says nothing about what comes
behind it. Behind it may be the beginning of a commit that a crash has cut off: nobody was told of
that. Or a damaged page in the middle hides commits that were confirmed: that must not pass in
silence. The layout is that of https://www.sqlite.org/fileformat2.html, section 4.
"""

import struct
import sys
from array import array
from enum import Enum
from pathlib import Path
from typing import Final

__all__ = ["Ending", "ending"]

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_MAGIC: Final = 0x377F0682  # the last bit: checksums of big-endian words
_WORD: Final = 0xFFFFFFFF


class Ending(Enum):
    """How a write-ahead log ends."""

    WHOLE = "whole"
    """With a whole transaction, or there is none."""
    TORN = "torn"
    """With a transaction that was cut off: nobody was told that it had happened."""
    DAMAGED = "damaged"
    """Behind a damaged page there are whole transactions, which SQLite would leave out."""


def ending(path: Path) -> Ending:
    """Look how a write-ahead log ends.

    Raises:
        OSError: It cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Ending.WHOLE
    if len(data) < _HEADER.size:
        return Ending.TORN if data else Ending.WHOLE
    magic, _, page, _, *salts, first, second = _HEADER.unpack_from(data)
    if magic & ~1 != _MAGIC:
        return Ending.DAMAGED if any(data[: _HEADER.size]) else Ending.WHOLE
    swapped = bool(magic & 1) != (sys.byteorder == "big")
    sums = _sums(data[: _HEADER.size - 8], (0, 0), swapped=swapped)
    if sums != (first, second):
        return Ending.DAMAGED
    return _walk(data, page, salts, sums, swapped=swapped)


def _walk(
    data: bytes, page: int, salts: list[int], sums: tuple[int, int], *, swapped: bool
) -> Ending:
    sound, commits_behind, anything_behind = True, 0, False
    for at in range(_HEADER.size, len(data), _FRAME.size + page):
        head = data[at : at + _FRAME.size]
        body = data[at + _FRAME.size : at + _FRAME.size + page]
        if len(head) < _FRAME.size:
            anything_behind = True
            break
        _, size, *frame_salts, one, two = _FRAME.unpack(head)
        if frame_salts != salts:  # left from an earlier round, or damaged
            sound = False
            continue
        if sound:
            sums = _sums(head[:8] + body, sums, swapped=swapped)
            sound = sums == (one, two) and len(body) == page
        if sound:
            anything_behind = not size  # until its commit comes, it is a beginning only
        else:
            anything_behind = True
            commits_behind += bool(size)
    if commits_behind > 1:
        return Ending.DAMAGED
    return Ending.TORN if anything_behind else Ending.WHOLE


def _sums(data: bytes, sums: tuple[int, int], *, swapped: bool) -> tuple[int, int]:
    words = array("I", data[: len(data) & ~7])
    if swapped:
        words.byteswap()
    one, two = sums
    pairs = iter(words)
    for even, odd in zip(pairs, pairs, strict=True):
        one = (one + even + two) & _WORD
        two = (two + odd + one) & _WORD
    return one, two
