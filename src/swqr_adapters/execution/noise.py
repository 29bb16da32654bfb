"""The errors of a device's instructions, one by one, worked out when a job first needs them.

The model is Aer's model of a backend (``NoiseModel.from_backend``): a depolarizing error, chosen so
that it and the relaxation together give the gate's reported infidelity, then thermal relaxation of
each qubit for the gate's duration at zero temperature; relaxation during delays; a symmetric
readout error on measurements. Only the errors of what a circuit uses are ever built, so a job
costs what its own qubits cost.
"""

import math
from itertools import product
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
from attrs import define, field

from .calibration import Calibration

__all__ = ["NoiseLibrary", "noise_library", "superop_to_ptm"]

Matrix = npt.NDArray[Any]
Place = tuple[int, ...]

_PAULIS: Final = (
    np.eye(2, dtype=complex),
    np.array([[0, 1], [1, 0]], dtype=complex),
    np.array([[0, -1j], [1j, 0]], dtype=complex),
    np.array([[1, 0], [0, -1]], dtype=complex),
)
#: Not unitary, so they relax but have no gate error of their own.
_NO_GATES: Final = frozenset({"delay", "measure", "reset"})
_MAX_KEPT: Final = 100_000  # delays come in any length


@define(eq=False)
class NoiseLibrary:
    """All errors of one device.

    Superoperators act on column-stacked density matrices, the first qubit being the least
    significant, as in Qiskit.

    Attributes:
        calibration: The device; it is kept, so that its id stays its own.
    """

    calibration: Calibration
    _superops: dict[tuple[str, Place], Matrix | None] = field(factory=dict, repr=False)
    _delays: dict[tuple[int, float], Matrix | None] = field(factory=dict, repr=False)
    _waits: dict[tuple[int, float], Any] = field(factory=dict, repr=False)
    _errors: dict[tuple[str, Place], Any] = field(factory=dict, repr=False)
    _twirled: dict[tuple[str, Place, float], Matrix] = field(factory=dict, repr=False)

    def superop(self, name: str, place: Place) -> Matrix | None:
        """Return the error that follows an instruction; None if there is none."""
        key = (name, place)
        if key not in self._superops:
            self._superops[key] = self._build(name, place)
        return self._superops[key]

    def twirled(self, name: str, place: Place, gain: float = 1.0) -> Matrix | None:
        """Return the Pauli twirl of an instruction's error, its rates times *gain*.

        The twirl is the average over all Paulis around the gate: what infinitely many
        randomizations give. A gain of 0 is no error, of 1 the error itself.
        """
        key = (name, place, gain)
        if key not in self._twirled:
            superop = self.superop(name, place)
            if superop is None:
                return None
            fidelities = np.clip(np.diag(superop_to_ptm(superop)), 1e-12, 1.0)
            self._twirled[key] = _pauli_channel(fidelities**gain)
        return self._twirled[key]

    def twirled_probabilities(
        self, name: str, place: Place, gain: float = 1.0
    ) -> list[tuple[str, float]] | None:
        """Return the Paulis of :meth:`twirled` with their probabilities; None if it has no error.

        A Pauli's last letter is the first qubit, as in Qiskit.
        """
        superop = self.superop(name, place)
        if superop is None:
            return None
        fidelities = np.clip(np.diag(superop_to_ptm(superop)), 1e-12, 1.0) ** gain
        chances = np.clip(_commutation(len(place)) @ fidelities / len(fidelities), 0, None)
        chances /= chances.sum()
        labels = ["".join(letters) for letters in product("IXYZ", repeat=len(place))]
        return [(label, float(p)) for label, p in zip(labels, chances, strict=True) if p > 0]

    def overhead(self, name: str, place: Place) -> float:
        """Return γ of an instruction's twirled error: the sampling cost of inverting it."""
        superop = self.superop(name, place)
        if superop is None:
            return 1.0
        logs = np.log(np.clip(np.diag(superop_to_ptm(superop)), 1e-12, 1.0))
        signs = _commutation(len(place))
        rates = signs @ logs / len(logs)
        return math.exp(2 * float(np.clip(rates[1:], 0, None).sum()))

    def depolarizing(self, name: str, place: Place) -> float:
        """Return the strength of the depolarizing part of an instruction's error.

        It is what is missing from relaxation alone to the reported infidelity, within the bounds
        of what is physical.
        """
        error = self.calibration.record(name, place).error
        if not error or name in _NO_GATES:
            return 0.0
        size = 2 ** len(place)
        relax = self._relax_all(name, place)
        fidelity = 1.0 if relax is None else (float(np.trace(relax)) / size + 1) / (size + 1)
        if error <= 1 - fidelity:
            return 0.0
        missing = min(error, size / (size + 1)) - (1 - fidelity)
        return float(min(size * missing / (size * fidelity - 1), size**2 / (size**2 - 1)))

    def relaxation(self, qubit: int, seconds: float) -> Matrix | None:
        """Return what a qubit suffers in a delay; None if it is not known to decay."""
        key = (qubit, seconds)
        if key not in self._delays:
            if len(self._delays) >= _MAX_KEPT:
                self._delays.clear()
            self._delays[key] = self._relax(qubit, seconds)
        return self._delays[key]

    def readout_error(self, qubit: int) -> float:
        """Return the probability that a measurement of a qubit is told wrong, either way."""
        return min(self.calibration.record("measure", (qubit,)).error or 0.0, 1.0)

    def aer_errors(self, wanted: set[tuple[str, Place]]) -> dict[tuple[str, Place], Any]:
        """Return Aer's ``QuantumError`` of each wanted instruction that has an error."""
        missing = {key for key in wanted if key not in self._errors}
        if missing:
            self._errors.update(dict.fromkeys(missing))
            self._errors.update(_aer_errors(self.calibration, missing))
        return {key: error for key in wanted if (error := self._errors[key]) is not None}

    def aer_relaxation(self, qubit: int, seconds: float) -> Any:
        """Return Aer's ``QuantumError`` of a delay; None if there is none."""
        key = (qubit, seconds)
        if key not in self._waits:
            from qiskit_aer.noise import thermal_relaxation_error

            if len(self._waits) >= _MAX_KEPT:
                self._waits.clear()
            never = self.relaxation(qubit, seconds) is None
            t1, t2 = self.times(qubit)
            self._waits[key] = None if never else thermal_relaxation_error(t1, t2, seconds)
        return self._waits[key]

    def times(self, qubit: int) -> tuple[float, float]:
        """Return T1 and T2 of a qubit in seconds; T2 at most twice T1, unknown ones infinite."""
        t1, t2 = self.calibration.t1[qubit], self.calibration.t2[qubit]
        if t1 is None:
            return math.inf, math.inf if t2 is None else t2
        return t1, min(2 * t1 if t2 is None else t2, 2 * t1)

    def _relax(self, qubit: int, seconds: float) -> Matrix | None:
        t1, t2 = self.times(qubit)
        if seconds <= 0 or (math.isinf(t1) and math.isinf(t2)):
            return None
        stays, coherent = math.exp(-seconds / t1), math.exp(-seconds / t2)
        superop = np.diag([1.0, coherent, coherent, stays])
        superop[0, 3] = 1 - stays
        return superop

    def _build(self, name: str, place: Place) -> Matrix | None:
        relax = self._relax_all(name, place)
        strength = self.depolarizing(name, place)
        depolarize = _depolarizing(strength, len(place)) if strength else None
        if relax is None or depolarize is None:
            return depolarize if relax is None else relax
        return relax @ depolarize

    def _relax_all(self, name: str, place: Place) -> Matrix | None:
        seconds = self.calibration.record(name, place).duration
        if not seconds or name == "measure":
            return None  # a measurement has a readout error, and in Aer's model no other
        relax = None
        for qubit in place:
            single = self._relax(qubit, seconds)
            if single is None:
                single = np.eye(4)
            relax = single if relax is None else _tensor(relax, single)
        return relax


_LIBRARIES: Final[dict[int, NoiseLibrary]] = {}


def noise_library(calibration: Calibration) -> NoiseLibrary:
    """Return the one library of a device in this process."""
    library = _LIBRARIES.get(id(calibration))
    if library is None:
        library = _LIBRARIES[id(calibration)] = NoiseLibrary(calibration)
    return library


def _tensor(low: Matrix, high: Matrix) -> Matrix:
    """Return the channel of two independent ones; *low* acts on the less significant qubits."""
    a, b = math.isqrt(low.shape[0]), math.isqrt(high.shape[0])
    product = np.einsum(
        "CRcr,DSds->DCSRdcsr", low.reshape(a, a, a, a), high.reshape(b, b, b, b), optimize=False
    )
    return cast("Matrix", product.reshape((a * b) ** 2, (a * b) ** 2))


def _depolarizing(strength: float, num_qubits: int) -> Matrix:
    size = 2**num_qubits
    superop = (1 - strength) * np.eye(size**2)
    diagonal = np.arange(size) * (size + 1)  # where |i><i| sits in a stacked matrix
    superop[np.ix_(diagonal, diagonal)] += strength / size
    return superop


def _pauli_vectors(num_qubits: int) -> Matrix:
    """Return column-stacked, normalised Paulis as columns; qubit 0 is the fastest index."""
    paulis = [np.eye(1, dtype=complex)]
    for _ in range(num_qubits):
        paulis = [np.kron(high, low) for high in _PAULIS for low in paulis]
    vectors = np.stack([p.T.reshape(-1) for p in paulis], axis=1)
    return cast("Matrix", vectors / math.sqrt(2**num_qubits))


def superop_to_ptm(superop: Matrix) -> Matrix:
    """Return the real Pauli transfer matrix; qubit 0 is the fastest index, in order I X Y Z."""
    vectors = _pauli_vectors(round(math.log(superop.shape[0], 4)))
    return (vectors.conj().T @ superop @ vectors).real


def _pauli_channel(fidelities: Matrix) -> Matrix:
    vectors = _pauli_vectors(round(math.log(len(fidelities), 4)))
    return (vectors * fidelities) @ vectors.conj().T


def _commutation(num_qubits: int) -> Matrix:
    """Return +1 where two Paulis commute and -1 where they do not."""
    single = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])
    signs = np.eye(1)
    for _ in range(num_qubits):
        signs = np.kron(single, signs)
    return signs


def _aer_errors(
    calibration: Calibration, wanted: set[tuple[str, Place]]
) -> dict[tuple[str, Place], Any]:
    """Let Aer build the errors of a few instructions, from a target that has no others."""
    from qiskit.circuit.library import get_standard_gate_name_mapping
    from qiskit.providers import QubitProperties
    from qiskit.transpiler import InstructionProperties, Target
    from qiskit_aer.noise.device import basic_device_gate_errors

    standard = get_standard_gate_name_mapping()
    target = Target(
        num_qubits=calibration.num_qubits,
        qubit_properties=[
            QubitProperties(t1=t1, t2=t2)
            for t1, t2 in zip(calibration.t1, calibration.t2, strict=True)
        ],
    )
    places: dict[str, dict[Place, Any]] = {}
    for name, place in sorted(wanted):
        record = calibration.record(name, place)
        if name in standard and name != "measure" and (record.error or record.duration):
            places.setdefault(name, {})[place] = InstructionProperties(
                error=record.error, duration=record.duration
            )
    for name, props in places.items():
        target.add_instruction(standard[name], props, name=name)
    return {
        (name, tuple(place)): error
        for name, place, error in basic_device_gate_errors(target=target)
    }
