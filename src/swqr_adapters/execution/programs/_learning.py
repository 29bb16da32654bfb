"""The noise of layers of gates, exactly, from the errors of the device that is simulated.

A learner on hardware repeats a layer and fits decays. Here the error of each gate is known: the
diagonal of its Pauli transfer matrix are the Pauli fidelities ``f_b`` of its twirl, and a
Pauli-Lindblad channel has ``f_b = exp(-2 sum_k rate_k <b, k>)``, where ``<b, k>`` is 1 for Paulis
that anticommute. That is linear in the rates and is solved by one transform, because the error of
a gate touches no other qubit. Channels act after the gates, as the simulator's errors do.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from attrs import field, frozen

from swqr_adapters.execution.device import Device
from swqr_adapters.execution.durations import circuit_seconds

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Gate", "Noise", "layer_noise", "learning_runs", "readout_noise"]

BASES: Final = 9  # measurement bases that cover all Paulis on two qubits
NEGLIGIBLE: Final = 1e-12  # rounding, not noise; also the smallest fidelity that has a logarithm

Places = tuple[int, ...]


@frozen
class Gate:
    """One gate of a layer.

    Attributes:
        name: As the device calls it.
        qubits: The device's qubits it acts on, one or two.
        operation: Qiskit's object, for drawing the layer.
    """

    name: str
    qubits: Places
    operation: Any = field(default=None, eq=False, repr=False)


@frozen(eq=False)
class Noise:
    """A Pauli-Lindblad channel.

    Attributes:
        generators: Letters without ``I``, and the positions they stand at; ``("XZ", (0, 2))`` has
            its X at position 0.
        rates: One rate for each, no unit.
    """

    generators: Sequence[tuple[str, Places]]
    rates: "npt.NDArray[np.float64]"


def layer_noise(
    gates: Iterable[Gate], qubits: Sequence[int], device: Device, *, dressed: bool = False
) -> Noise:
    """Return the noise that follows a layer.

    Args:
        gates: The layer's gates, Cliffords, no two of them on one qubit.
        qubits: The device's qubits that the channel is about; the generators' positions are
            positions in this list.
        device: Where the layer runs.
        dressed: Whether the gates that twirl the layer run before it and are learned with it, as
            they are in boxes: two ``sx`` on each qubit.

    Returns:
        All Paulis on one qubit, then all on two coupled qubits, with their rates; all zero on a
        device without noise. Idle qubits have no noise of their own.
    """
    gates = list(gates)
    position = {qubit: index for index, qubit in enumerate(qubits)}
    pairs = _coupled(gates, position, device)
    generators = [(letter, _place(index)) for index in range(len(qubits)) for letter in "XYZ"]
    generators += [
        ("".join(letters), _place(*pair)) for pair in pairs for letters in product("XYZ", repeat=2)
    ]
    known: defaultdict[tuple[str, Places], float] = defaultdict(float)
    for gate in gates:
        places = [position[qubit] for qubit in gate.qubits]
        for label, rate in _rates(gate.name, gate.qubits, device).items():
            known[_sparse(label, places)] += rate
    if dressed:
        _add_dressing(known, gates, position, device)
    return Noise(generators, np.array([known[generator] for generator in generators]))


def _add_dressing(
    known: defaultdict[tuple[str, Places], float],
    gates: Iterable[Gate],
    position: Mapping[int, int],
    device: Device,
) -> None:
    """Add the errors of the dressing, each carried through the gate behind it."""
    gate_on = {qubit: gate for gate in gates for qubit in gate.qubits}
    for qubit in position:
        rates = _rates("sx", (qubit,), device)
        # The other sx stands behind the first one's error, and exchanges its Y and Z.
        for letter, other in ("XX", "YZ", "ZY"):
            rate = rates.get(letter, 0.0) + rates.get(other, 0.0)
            if rate == 0.0:
                continue
            gate = gate_on.get(qubit)
            if gate is None:
                known[letter, (position[qubit],)] += rate
            else:
                label, places = _carried(letter, qubit, gate), gate.qubits
                known[_sparse(label, [position[place] for place in places])] += rate


def _carried(letter: str, qubit: int, gate: Gate) -> str:
    """Return the label of a Pauli on one qubit of a gate, once the gate has passed."""
    from qiskit.quantum_info import Clifford, Pauli

    before = "".join(letter if place == qubit else "I" for place in reversed(gate.qubits))
    after = Pauli(before).evolve(Clifford(gate.operation), frame="s")
    return str(after.to_label()).lstrip("-")


def readout_noise(qubits: Sequence[int], device: Device) -> Noise:
    """Return the flips before the measurement of each of *qubits*, as rates of X."""
    library = device.errors
    wrong = np.array([0.0 if library is None else library.readout_error(q) for q in qubits])
    rates = -np.log(np.clip(1 - 2 * wrong, NEGLIGIBLE, None)) / 2
    return Noise([("X", (index,)) for index in range(len(qubits))], rates + 0.0)


def learning_runs(
    gates: Sequence[Gate], qubits: Sequence[int], device: Device, *, options: Mapping[str, Any]
) -> list[tuple[float, int]]:
    """Return what learning a layer would take on the device.

    Args:
        gates: The layer's gates; none for a layer of measurements.
        qubits: The device's qubits that are measured.
        device: Where it is learned.
        options: ``layer_pair_depths``, ``num_randomizations``, ``shots_per_randomization``.

    Returns:
        For each depth the seconds of one execution, and how many there are.
    """
    from qiskit import QuantumCircuit

    layer = QuantumCircuit(device.num_qubits)
    for gate in gates:
        layer.append(gate.operation, gate.qubits)
    readout = QuantumCircuit(device.num_qubits, 1)
    readout.measure(qubits, [0] * len(qubits))
    once, end = circuit_seconds(layer, device), circuit_seconds(readout, device)
    shots = options["num_randomizations"] * options["shots_per_randomization"]
    if not gates:
        return [(end, shots)]
    return [(2 * depth * once + end, BASES * shots) for depth in options["layer_pair_depths"]]


def _coupled(
    gates: Iterable[Gate], position: Mapping[int, int], device: Device
) -> list[tuple[int, int]]:
    """Return pairs of positions, low one first, that may have noise in common."""
    found = [gate.qubits for gate in gates if len(gate.qubits) > 1]
    found += [pair for pair in device.coupling or () if all(qubit in position for qubit in pair)]
    ordered = {tuple(sorted(position[qubit] for qubit in pair)) for pair in found}
    return sorted((low, high) for low, high in ordered)


def _rates(name: str, qubits: Places, device: Device) -> dict[str, float]:
    """Return the rates of an instruction's error by label; the last letter is the first qubit."""
    superop = None if device.errors is None else device.errors.superop(name, qubits)
    if superop is None:
        return {}
    from swqr_adapters.execution.noise import superop_to_ptm

    size = len(qubits)
    fidelities = np.clip(np.diag(superop_to_ptm(superop)), NEGLIGIBLE, None)
    # From sum_b (-1)^<b,j> <b,k>, which is -(4^n / 2) for j = k and 0 for other j but the identity.
    rates = _signs(size) @ np.log(fidelities) / 4**size
    labels = ["".join(letters) for letters in product("IXYZ", repeat=size)]
    return {
        label: float(rate)
        for label, rate in zip(labels[1:], rates[1:], strict=True)
        if rate > NEGLIGIBLE
    }


def _sparse(label: str, places: Sequence[int]) -> tuple[str, Places]:
    """Return the generator that has the last letter of *label* at the first of *places*."""
    term = sorted(
        (place, letter)
        for place, letter in zip(places, reversed(label), strict=True)
        if letter != "I"
    )
    return "".join(letter for _, letter in term), tuple(place for place, _ in term)


def _place(*positions: int) -> Places:
    return positions


def _signs(size: int) -> "npt.NDArray[Any]":
    """Return +1 where two Paulis on *size* qubits commute and -1 where they do not."""
    one = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])
    signs = np.eye(1)
    for _ in range(size):
        signs = np.kron(signs, one)
    return signs
