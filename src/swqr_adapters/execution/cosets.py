"""Draw shots of a stabilizer state from one of them.

What a stabilizer state shows in the computational basis is uniform over a coset: any one outcome,
plus any sum of the flips that its stabilizers make. So one simulated shot gives all others.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["draw_coset", "flips_of"]

_DRAWS: Final = 2**24  # random numbers at a time
_FLIPS: Final = frozenset("XY")


def flips_of(stabilizers: Sequence[str], qubits: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Return independent flips of outcomes, one a row, that span all flips.

    Args:
        stabilizers: Generators as text such as ``"-XIZ"``; the last letter is qubit 0.
        qubits: The measured qubits, one for each column of the result.
    """
    rows = [[letters[-1 - qubit] in _FLIPS for qubit in qubits] for letters in stabilizers]
    matrix = np.array(rows, dtype=np.uint8).reshape(len(rows), len(qubits))
    rank = 0
    for column in range(matrix.shape[1]):
        (below,) = np.nonzero(matrix[rank:, column])
        if not len(below):
            continue
        pivot = rank + int(below[0])
        matrix[[rank, pivot]] = matrix[[pivot, rank]]
        others = matrix[:, column].astype(bool)
        others[rank] = False
        matrix[others] ^= matrix[rank]
        rank += 1
    return matrix[:rank]


def draw_coset(
    outcome: Sequence[int],
    flips: npt.NDArray[np.uint8],
    shots: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.uint8]:
    """Return shots: 0 or 1, shape (shots, bits).

    Args:
        outcome: The bits of one shot.
        flips: What :func:`flips_of` returns, its columns as the bits of *outcome*.
        shots: How many.
        rng: Where randomness comes from.
    """
    rank, size = flips.shape
    found = np.empty((shots, size), dtype=np.uint8)
    batch = max(1, _DRAWS // max(rank, size))
    # Sums of at most as many ones as there are qubits are exact in this type, and fast.
    spanning, base = flips.astype(np.float32), np.array(outcome, dtype=np.uint8)
    for start in range(0, shots, batch):
        rows = found[start : start + batch]
        chosen = (rng.random((len(rows), rank)) < 0.5).astype(np.float32)  # noqa: PLR2004  # a coin
        rows[:] = (chosen @ spanning).astype(np.uint16) & 1
        rows ^= base
    return found
