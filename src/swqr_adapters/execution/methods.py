"""How to simulate a part: what is exact, fits into memory, and costs least."""

import math
from typing import Final

from .binding import Binding
from .errors import ProgramError
from .parts import Kind, Part

__all__ = ["choose_method", "fits_density_matrix"]

_CLIFFORD: Final = frozenset(
    {"cx", "cy", "cz", "ecr", "h", "id", "pauli", "s", "sdg", "swap", "sx", "sxdg", "x", "y", "z"}
    | {"delay", "reset", "measure"}
)
_SMALL: Final = 16  # qubits: a state vector costs next to nothing
_VECTOR: Final = 25  # qubits: half a gigabyte
_DENSITY_ALWAYS: Final = 8  # qubits: cheaper than any number of trajectories
_DENSITY_MOST: Final = 11  # qubits: 64 megabytes
_TOLERANCE: Final = 1e-9


def fits_density_matrix(part: Part, shots: int) -> bool:
    """Return whether a density matrix is the way to simulate a part with channels.

    Beyond a few qubits it competes with one state vector per shot: the matrix has as many columns
    as the vector has rows, and a channel costs about five gates.
    """
    size = len(part.qubits)
    return size <= _DENSITY_ALWAYS or (size <= _DENSITY_MOST and 5 * 2**size <= shots)


def choose_method(part: Part, binding: Binding, *, noisy: bool, wanted: str = "automatic") -> str:
    """Return Aer's method for a part's state vectors, for a given circuit always the same.

    Args:
        part: The part.
        binding: The sweep's points.
        noisy: Whether errors are drawn shot by shot.
        wanted: A method that the device's owner asks for; ``automatic`` chooses.

    Raises:
        ProgramError: It is too large for the method that was asked for (code 1520).
    """
    size = len(part.qubits)
    if wanted != "automatic":
        if wanted in {"statevector", "density_matrix"} and size > _VECTOR:
            raise ProgramError(
                f"{size} entangled qubits do not fit into memory by the method {wanted!r}.",
                1520,
                "Let the backend choose its method.",
            )
        return wanted
    if noisy and part.kind is not Kind.DYNAMIC and size > _DENSITY_ALWAYS:
        # One state per shot: a matrix product of small bonds costs less than a long vector.
        small_bonds = 3 * _bond_bound(part) + 4 <= size
        return "matrix_product_state" if small_bonds or size > _VECTOR else "statevector"
    if size <= _SMALL:
        return "statevector"
    if not noisy and _is_clifford(part, binding):
        return "stabilizer"
    if size <= _VECTOR and 3 * _bond_bound(part) >= size:
        return "statevector"
    return "matrix_product_state"


def _is_clifford(part: Part, binding: Binding) -> bool:
    if part.kind is Kind.DYNAMIC:
        return False
    for step in part.steps:
        if step.name == "rz":
            (angle,) = binding.evaluate(step.operation.params)
            angles = [angle] if isinstance(angle, float) else angle.tolist()
            for number in angles:
                if abs(math.remainder(number, math.pi / 2)) > _TOLERANCE:
                    return False
        elif step.name not in _CLIFFORD:
            return False
    return True


def _bond_bound(part: Part) -> int:
    """Return an upper bound of log2 of the bond dimension of a matrix product state."""
    index = {qubit: i for i, qubit in enumerate(part.qubits)}
    crossings = [0] * len(part.qubits)
    for step in part.steps:
        if len(step.qubits) > 1:
            places = sorted(index[qubit] for qubit in step.qubits)
            for cut in range(places[0], places[-1]):
                crossings[cut] += 2 if step.name in {"swap", "unitary"} else 1
    size = len(part.qubits)
    return max(
        (min(count, cut + 1, size - cut - 1) for cut, count in enumerate(crossings)), default=0
    )
