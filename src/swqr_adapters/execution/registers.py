"""The classical registers of all shots, filled bit by bit."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.primitives import BitArray

__all__ = ["Registers"]


class Registers:
    """Packed results of one circuit: for each register (points, shots, bytes), big-endian.

    Bits that are never written are zero.
    """

    def __init__(self, circuit: "QuantumCircuit", points: int, shots: int) -> None:
        self._sizes = {register.name: register.size for register in circuit.cregs}
        self._arrays = {
            name: np.zeros((points, shots, -(-size // 8)), dtype=np.uint8)
            for name, size in self._sizes.items()
        }
        index = {bit: i for i, bit in enumerate(circuit.clbits)}
        self._slots: dict[int, list[tuple[npt.NDArray[Any], int, int]]] = {}
        for register in circuit.cregs:
            array = self._arrays[register.name]
            for position, bit in enumerate(register):
                slot = (array, array.shape[-1] - 1 - position // 8, position % 8)
                self._slots.setdefault(index[bit], []).append(slot)

    @property
    def read(self) -> frozenset[int]:
        """The classical bits that some register shows."""
        return frozenset(self._slots)

    def put(self, clbit: int, points: slice, values: npt.NDArray[Any]) -> None:
        """Write one bit of some points; each bit is written once.

        Args:
            clbit: The circuit's bit.
            points: Which points.
            values: 0 or 1, shape (points, shots).
        """
        for array, byte, position in self._slots.get(clbit, ()):
            array[points, :, byte] |= values.astype(np.uint8) << np.uint8(position)

    def bit_arrays(self, shape: tuple[int, ...]) -> "dict[str, BitArray]":
        """Return the registers, the points arranged as *shape*."""
        from qiskit.primitives import BitArray

        return {
            name: BitArray(array.reshape(*shape, *array.shape[1:]), self._sizes[name])
            for name, array in self._arrays.items()
        }
