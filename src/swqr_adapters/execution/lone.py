"""Single qubits, simulated in NumPy: a Bloch vector for every point of a sweep.

A register that is measured as a whole has mostly such qubits. Gates are rotations of the vector,
errors affine maps of it, so the result is exact, with noise and without.
"""

import math
from functools import cache
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from .binding import Binding
from .channels import RunErrors
from .noise import superop_to_ptm
from .parts import Part
from .steps import Step

__all__ = ["bloch_vectors"]

Floats = npt.NDArray[np.float64]

_PAULIS: Final = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
#: Rotations about an axis by their first parameter, whatever their global phase.
_AXES: Final = {"rx": 0, "ry": 1, "rz": 2, "p": 2, "u1": 2}


def bloch_vectors(part: Part, binding: Binding, errors: RunErrors | None) -> Floats:
    """Return the Bloch vector of a one-qubit part at each point, shape (points, 3).

    Args:
        part: A part of one qubit without measurements on the way.
        binding: The sweep's points.
        errors: The run's errors; None for an ideal one.
    """
    vectors = np.zeros((len(binding), 3))
    vectors[:, 2] = 1.0
    for step in part.steps:
        if step.name == "reset":
            vectors[:] = (0.0, 0.0, 1.0)
        elif step.name != "delay":
            vectors = _rotate(vectors, step, binding)
        superop = None if errors is None else errors.after(step)
        if superop is not None:
            transfer = superop_to_ptm(superop)
            vectors = vectors @ transfer[1:, 1:].T + transfer[1:, 0]
    return vectors


def _rotate(vectors: Floats, step: Step, binding: Binding) -> Floats:
    operation = step.operation
    if not operation.params:
        if step.name in _FIXED:
            return vectors @ _standard_rotation(step.name).T
        return vectors @ _rotation(operation.to_matrix()).T
    if step.name in {"unitary", "pauli"}:
        return vectors @ _rotation(operation.to_matrix()).T
    numbers = binding.evaluate(operation.params)
    if step.name in _AXES:
        return _turn(vectors, _AXES[step.name], numbers[0])
    columns = np.broadcast_arrays(*numbers)
    if columns[0].ndim == 0:
        matrix = type(operation)(*(float(column) for column in columns)).to_matrix()
        return vectors @ _rotation(matrix).T
    rotations = np.stack(
        [
            _rotation(type(operation)(*(float(number) for number in row)).to_matrix())
            for row in zip(*columns, strict=True)
        ]
    )
    return cast("Floats", np.einsum("nij,nj->ni", rotations, vectors))


def _turn(vectors: Floats, axis: int, angle: float | Floats) -> Floats:
    if isinstance(angle, float):
        cos: float | Floats = math.cos(angle)
        sin: float | Floats = math.sin(angle)
    else:
        cos, sin = np.cos(angle), np.sin(angle)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turned = vectors.copy()
    turned[:, first] = cos * vectors[:, first] - sin * vectors[:, second]
    turned[:, second] = sin * vectors[:, first] + cos * vectors[:, second]
    return turned


def _rotation(unitary: Any) -> Floats:
    """Return the 3x3 rotation of the Bloch vector that a 2x2 unitary makes."""
    moved = unitary @ _PAULIS @ unitary.conj().T
    return cast("Floats", np.einsum("iab,jba->ij", _PAULIS, moved).real / 2)


_FIXED: Final = frozenset({"h", "id", "s", "sdg", "sx", "sxdg", "t", "tdg", "x", "y", "z"})


@cache
def _standard_rotation(name: str) -> Floats:
    from qiskit.circuit.library import get_standard_gate_name_mapping

    return _rotation(get_standard_gate_name_mapping()[name].to_matrix())
