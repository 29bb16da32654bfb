"""What a QPY file would make Qiskit's reader call by name, found before the reader sees it.

The reader looks the name of an instruction up in ``qiskit.circuit.library``, ``qiskit.circuit``
and ``qiskit.circuit.controlflow``, and calls what it finds there with the file's parameters; that
of a synthesis it looks up in ``qiskit.synthesis.evolution``. Gates, instructions and syntheses
are what these are for. Everything else that has a name there (functions, circuits that build
themselves, a module's own machinery) is refused.

A walk along the records would need every detail of every version. This looks at all places
instead: in all versions from 5 on, wherever a circuit is nested, a record has a fixed form and its
name follows at once. So no record can be missed, and other bytes that look like one are very rare.
"""

import json
import struct
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Final

from .budget import Work
from .errors import UnsafePayloadError, shorten

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["check_calls"]

_RECORD: Final = struct.Struct("!HHHIIBHqII")
_PARAMETERS, _CONTROLS = 2, 8  # where a record says how many it has
# They are called with their parameters and then the number of controls, and compute with as many
# bits. Too many parameters would put another number in its place.
_COUNTED: Final = {
    b"MCPhaseGate": 1,
    b"MCU1Gate": 1,
    b"MCXGate": 0,
    b"MCXGrayCode": 0,
    b"MCXRecursive": 0,
    b"MCXVChain": 0,
}
# They work in their constructors as much as an integer says, and no file that Qiskit writes
# with them can be read again.
_COSTLY: Final = frozenset({b"PiecewiseChebyshevGate", b"WeightedSumGate"})
_DEFINITION: Final = struct.Struct("!H1cII?QIIQ")
_EVOLUTION: Final = struct.Struct("!Q?1cQQ")
_EVOLUTION_NAME: Final = b"###PauliEvolutionGate_"
_OPERATOR: Final = struct.Struct("!Q")
_SPARSE: Final = struct.Struct("!4xQQQQ")
_WINDOW: Final = 2**22  # bytes that are looked at together


def check_calls(raw: bytes, *, qubits: int) -> None:
    """Check that the reader would call nothing but gates, instructions and syntheses.

    Args:
        raw: The file, of version 5 or newer.
        qubits: How many qubits may control one gate.

    Raises:
        UnsafePayloadError: It would.
    """
    for start, name in _records(raw):
        if name not in _COUNTED:
            raise UnsafePayloadError(
                "$",
                f"{shorten(name.decode())} is no instruction but something else of Qiskit's "
                "library, which would be called: append a gate, or one of another name",
            )
        record = _RECORD.unpack_from(raw, start)
        if record[_PARAMETERS] > _COUNTED[name] or record[_CONTROLS] > qubits:
            raise UnsafePayloadError(
                "$",
                f"{name.decode()} with {record[_PARAMETERS]} parameters and {record[_CONTROLS]} "
                f"controls (limits {_COUNTED[name]} and {qubits}): send a smaller gate",
            )
    for synthesis in _syntheses(raw):
        if synthesis not in _known_syntheses():
            raise UnsafePayloadError("$", f"{shorten(synthesis)} is no synthesis of an evolution")


def _records(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Give each place where a record of an instruction with a watched name may start."""
    import numpy as np

    names, openings, ends = _watched()
    head = _RECORD.size
    data = np.frombuffer(raw, np.uint8)
    for begin in range(0, max(len(raw) - head, 0), _WINDOW):
        initials = data[begin + head : begin + head + _WINDOW]
        lengths = data[begin + 1 :][: len(initials)]
        zero = data[begin:][: len(initials)] == 0  # no name has more than 255 characters
        places = np.flatnonzero(zero & openings[lengths, initials]) + begin
        last = np.minimum(places + head + data[places + 1] - 1, len(raw) - 1)
        places = places[ends[data[places + head], data[last]]]
        for start in places.tolist():
            name = raw[start + head : start + head + raw[start + 1]]
            if name in names:
                yield start, name


def _syntheses(raw: bytes) -> Iterator[str]:
    """Give the name of each synthesis that an evolution gate of the file asks for.

    Where the bytes after a name are no definition, the reader fails as this does. From version 17
    on a byte says which form an operator has; the reader tries both layouts, and so does this.
    """
    view, work = memoryview(raw), Work(2 * len(raw), of="definitions of evolutions")
    place = raw.find(_EVOLUTION_NAME)
    while place >= 0:
        start = max(place - _DEFINITION.size, 0)
        length, _, _, _, exists, size, *_ = _DEFINITION.unpack_from(raw, start)
        if exists and length >= len(_EVOLUTION_NAME):
            definition = view[place + length :]
            definition = definition[: min(size, len(definition))]
            for forms in (False, True):
                try:
                    text = bytes(_synthesis(definition, work, forms=forms))
                    yield str(json.loads(text)["class"])
                except UnsafePayloadError:
                    raise
                except (struct.error, ValueError, KeyError, TypeError, RecursionError):
                    continue
        place = raw.find(_EVOLUTION_NAME, place + 1)


def _synthesis(definition: memoryview, work: Work, *, forms: bool) -> memoryview:
    """Return the text that names the synthesis of an evolution."""
    operators, _, _, time, size = _EVOLUTION.unpack_from(definition)
    rest = definition[_EVOLUTION.size :]
    for _ in range(operators):
        work.spend(1)
        form = _OPERATOR
        if forms:
            form = _SPARSE if any(rest[:1]) else _OPERATOR
            rest = rest[1:]
        rest = _after(rest, form.size + sum(form.unpack_from(rest)))
    rest = _after(rest, time)
    text = rest[: min(size, len(rest))]
    work.spend(len(text))
    return text


def _after(view: memoryview, size: int) -> memoryview:
    return view[min(size, len(view)) :]


@cache
def _refused() -> frozenset[bytes]:
    """Return what this Qiskit has under a name that the reader looks up, and is no operation."""
    from qiskit import circuit
    from qiskit.circuit import Operation, controlflow, library

    return (
        frozenset(
            name.encode()
            for module in (library, circuit, controlflow)
            for name in _names(module)
            if not _is_a(getattr(module, name, None), Operation)
        )
        | _COSTLY
    )


@cache
def _watched() -> "tuple[frozenset[bytes], NDArray[np.bool], NDArray[np.bool]]":
    """Return all names to look for, their lengths with first letters, and their first and last."""
    import numpy as np

    names = _refused() | _COUNTED.keys()
    openings, ends = np.zeros((256, 256), bool), np.zeros((256, 256), bool)
    for name in names:
        openings[len(name), name[0]] = True
        ends[name[0], name[-1]] = True
    return names, openings, ends


@cache
def _known_syntheses() -> frozenset[str]:
    from qiskit.synthesis import evolution

    return frozenset(
        name
        for name in _names(evolution)
        if _is_a(getattr(evolution, name, None), evolution.EvolutionSynthesis)
    )


def _names(module: ModuleType) -> set[str]:
    """Return all that `getattr` finds: what a module inherits from its type is not in its `dir`."""
    return {*dir(module), *dir(type(module))}


def _is_a(value: object, kind: type) -> bool:
    return isinstance(value, type) and issubclass(value, kind)
