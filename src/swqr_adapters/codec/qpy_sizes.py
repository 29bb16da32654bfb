"""How large the circuits inside the circuits of a QPY file say they are.

The reader makes as many bits as the header of a circuit announces, before it has read the rest of
it, and room for as many kinds of annotations; it aborts the process if it cannot. Circuits stand
inside circuits: as a parameter of an
instruction (the body of a loop), or as the definition of a gate. As in ``qpy_calls``, this looks
at all places instead of walking along the records of every version: in all versions from 5 on,
what comes before such a circuit has one of two forms and says how long it is.
"""

import json
import struct
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from math import inf
from typing import TYPE_CHECKING, Final

from .budget import Budget, Work
from .errors import MalformedPayloadError, UnsafePayloadError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Places = NDArray[np.int64]

__all__ = ["CIRCUIT", "check_sizes", "refuse_over"]

CIRCUIT: Final = struct.Struct("!H1cHIIQIQI")
_HEADER: Final = struct.Struct("!H1cHIIQIQ")  # without what version 12 has added
_KIND, _QUBITS, _CLBITS = 2, 5, 9  # where they stand in it
_PARAMETER: Final = ord("q")  # what it is, and then how long, and then the circuit
_DEFINITION: Final = struct.Struct("!H1cII?QIIQ")  # and then a name, and then the circuit
_TYPE, _DEFINED = 2, 11  # where it says what kind it has, whether it is there, and how long it is
_TYPES: Final = b"igpca"
_EXACT: Final = {b"f": 8, b"i": 8, b"c": 16}
"""How long numbers are, by their kind."""
_SIZED: Final = b"pvexnRm"
"""Kinds of values that have a length of their own."""
_REGISTER: Final = struct.Struct("!1c?IH?")  # and then its name and its bits
_VARIABLE: Final = struct.Struct("!16scH1c")  # and then the width of an integer, and its name
_COUNT: Final = struct.Struct("!I")
_STATE: Final = struct.Struct("!IQ")  # of a kind: how long its name is, and it
_MOST_ANNOTATIONS: Final = 1_000
_VERSION, _LONGER_HEADER = 6, 12  # where it stands in a file; the first with a longer header
_ANNOTATED: Final = 15  # the first version with annotations
_COMPACT: Final = 18  # from here on a register says whether its bits are in a row, by the first
_WINDOW: Final = 2**22  # bytes that are looked at together
_PROBED: Final = 4096  # bytes of metadata that are looked at
_ENDLESS: Final = 2**62


def check_sizes(raw: bytes, budget: Budget, *, starts: Iterable[int]) -> None:
    """Check what every place that reads as the header of a circuit announces.

    Args:
        raw: The file.
        starts: Where its circuits start, whose headers were checked.
        budget: What a circuit may announce.

    Raises:
        UnsafePayloadError: It is more than the budget allows.
    """
    strict = raw[_VERSION] >= _strict_version()
    annotated = strict and raw[_VERSION] >= _ANNOTATED
    work = Work(len(raw), of="circuits")
    header = _HEADER if raw[_VERSION] < _LONGER_HEADER else CIRCUIT
    found = _places(raw, budget, strict=strict, large=not annotated)
    for place, end in chain(((start, len(raw)) for start in starts if annotated), found):
        name, kind, phase, qubits, clbits, metadata, *_ = _HEADER.unpack_from(raw, place)
        if phase != _EXACT.get(kind, phase):
            continue
        text = place + header.size + name + phase
        if text + metadata <= end or (
            not strict and _is_json(raw[text : min(end, text + _PROBED)])
        ):
            refuse_over(budget, where="a circuit inside the circuit", qubits=qubits, clbits=clbits)
            if annotated:
                _check_annotations(raw, place, text + metadata, work)


def _check_annotations(raw: bytes, place: int, at: int, work: Work) -> None:
    """Check for how many kinds of annotations the reader of a circuit would make room.

    Args:
        raw: The file.
        place: Where the circuit starts.
        at: Where its registers start.
        work: What may be walked along.
    """
    *_, registers, _, variables = CIRCUIT.unpack_from(raw, place)
    try:
        for _ in range(registers):
            work.spend(_REGISTER.size)
            _, _, size, name, _ = _REGISTER.unpack_from(raw, at)
            at += _REGISTER.size
            if raw[_VERSION] >= _COMPACT:
                at, bits = at + 1, 4 if any(raw[at : at + 1]) else 4 * size
            else:
                bits = 8 * size
            at += name + bits
        for _ in range(variables):
            work.spend(_VARIABLE.size)
            _, _, name, kind = _VARIABLE.unpack_from(raw, at)
            at += _VARIABLE.size + (4 if kind == b"u" else 0) + name
        (kinds,) = _COUNT.unpack_from(raw, at)
        if kinds > _MOST_ANNOTATIONS:
            raise UnsafePayloadError(
                "$",
                f"a circuit announces {kinds} kinds of annotations (limit {_MOST_ANNOTATIONS}): "
                "send one with fewer",
            )
        at += _COUNT.size
        for _ in range(kinds):
            name, size = _STATE.unpack_from(raw, at)
            at += _STATE.size + name + size
            if at > len(raw):
                raise MalformedPayloadError("$", "the QPY file is cut off")
    except struct.error:
        return  # the reader does not come so far either


def _is_json(raw: bytes) -> bool:
    """Return whether metadata that goes on beyond its circuit can be read, as far as is seen."""
    text = ""
    try:
        decoder = getincrementaldecoder(json.detect_encoding(raw))("surrogatepass")
        text = decoder.decode(raw, final=len(raw) < _PROBED)
        json.loads(text)
    except json.JSONDecodeError as error:
        at_the_end = error.msg.startswith("Unterminated") or error.pos >= len(text) - 8
        return at_the_end and len(raw) == _PROBED
    except (ValueError, RecursionError):
        return False
    return True


@cache
def _strict_version() -> float:
    """Return the oldest version whose reader takes no file that ends before its parts do.

    That is the one in Rust; the one in Python reads what there is.
    """
    from qiskit.qpy import common

    return float(getattr(common, "QPY_RUST_READ_MIN_VERSION", inf))


def refuse_over(budget: Budget, *, where: str, **announced: int) -> None:
    """Compare what a circuit announces with a budget.

    Raises:
        UnsafePayloadError: It is more.
    """
    over = [
        f"{found} {_NAMES[what]} (limit {limit})"
        for what, found in announced.items()
        if found > (limit := getattr(budget, what))
    ]
    if over:
        raise UnsafePayloadError("$", f"{where} announces {', '.join(over)}: send a smaller one")


_NAMES: Final = {"qubits": "qubits", "clbits": "classical bits", "instructions": "instructions"}


def _places(raw: bytes, budget: Budget, *, strict: bool, large: bool) -> Iterator[tuple[int, int]]:
    """Give each place where a circuit may stand inside, and where it ends.

    Args:
        raw: The file.
        budget: What a circuit may announce.
        strict: Whether a circuit has to end before the file does.
        large: Whether only those with too many bits are of interest.
    """
    import numpy as np

    data = np.frombuffer(raw, np.uint8)
    kinds, types = np.zeros(256, bool), np.zeros(256, bool)
    kinds[list(_SIZED + b"".join(_EXACT))] = True
    types[list(_TYPES)] = True
    whole = len(raw) - _HEADER.size  # where the last header may start

    def likely(sizes: "Places", starts: "Places") -> Iterator[tuple[int, int]]:
        """Choose those that may be circuits; *sizes* are the places of their lengths."""
        sizes, starts = sizes[starts <= whole], starts[starts <= whole]
        lengths = _number(data, sizes, 8)
        right = kinds[data[starts + _KIND]]
        if strict:
            right &= (lengths >= _HEADER.size) & (lengths <= len(raw) - starts)
        if large:
            many = _number(data, starts + _QUBITS, 4) > budget.qubits
            right &= many | (_number(data, starts + _CLBITS, 4) > budget.clbits)
        ends = np.minimum(starts[right] + lengths[right], len(raw))
        yield from zip(starts[right].tolist(), ends.tolist(), strict=True)

    for begin in range(0, max(whole, 0), _WINDOW):
        window = data[begin : min(begin + _WINDOW, whole)]
        marks = np.flatnonzero(window == _PARAMETER) + begin
        yield from likely(marks + 1, marks + 1 + 8)
        head = _DEFINITION.size
        window = data[begin + _TYPE : min(begin + _WINDOW, len(raw) - head) + _TYPE]
        marks = np.flatnonzero(types[window]) + begin
        marks = marks[data[marks + _DEFINED] != 0]
        yield from likely(marks + _DEFINED + 1, marks + head + _number(data, marks, 2))


def _number(data: "NDArray[np.uint8]", places: "Places", size: int) -> "Places":
    """Return the big-endian numbers at some places."""
    import numpy as np

    found = np.zeros(len(places), np.int64)
    for index in range(size):
        found = (found << 8) | data[places + index]
    found[found < 0] = _ENDLESS
    return found
