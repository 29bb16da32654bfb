"""Shots of stabilizer states, drawn from one simulated shot."""

from collections.abc import Callable

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import Statevector, random_clifford

from swqr_adapters.execution.device import Device
from swqr_adapters.execution.sampling import sample

SHOTS = 4000

Devices = Callable[..., Device]


@pytest.mark.parametrize("seed", range(8))
def test_a_random_stabilizer_state_shows_its_exact_distribution(device: Devices, seed: int) -> None:
    gates = random_clifford(5, seed=seed).to_circuit()
    order = [int(qubit) for qubit in np.random.default_rng(seed).permutation(5)[:4]]
    circuit = QuantumCircuit(5, 4)
    circuit.compose(gates, range(5), inplace=True)
    circuit.measure(order, range(4))
    exact = Statevector(gates).probabilities_dict(order, decimals=9)

    found = sample(
        circuit, [], shots=SHOTS, seed=seed, device=device("ideal_5", method="stabilizer")
    )["c"]

    counts = found.get_counts()
    sigma = {text: np.sqrt(SHOTS * chance * (1 - chance)) for text, chance in exact.items()}
    assert counts.keys() == exact.keys()
    assert all(abs(counts[text] - SHOTS * exact[text]) <= 5 * sigma[text] for text in exact)


def test_a_ghz_state_of_127_qubits_shows_all_zeros_or_all_ones(device: Devices) -> None:
    circuit = QuantumCircuit(127)
    circuit.h(0)
    for qubit in range(1, 127):
        circuit.cx(qubit - 1, qubit)
    circuit.measure_all()

    found = sample(circuit, [], shots=SHOTS, seed=1, device=device("ideal_127"))["meas"]

    counts = found.get_counts()
    assert counts.keys() == {"0" * 127, "1" * 127}
    assert abs(counts["0" * 127] - SHOTS / 2) <= 5 * np.sqrt(SHOTS / 4)


def test_points_of_a_sweep_over_clifford_angles_are_drawn_each_by_itself(device: Devices) -> None:
    circuit, angle = QuantumCircuit(18), Parameter("a")
    circuit.sx(0)
    circuit.rz(angle, 0)
    circuit.sx(0)
    for qubit in range(1, 18):
        circuit.cx(qubit - 1, qubit)
    circuit.measure_all()

    found = sample(circuit, [[0.0], [np.pi]], shots=50, seed=1, device=device("ideal_18"))

    seen = [found["meas"].get_counts(point).keys() for point in range(2)]
    assert seen == [{"1" * 18}, {"0" * 18}]


def test_two_bits_of_one_qubit_agree(device: Devices) -> None:
    circuit = QuantumCircuit(17, 18)
    circuit.h(0)
    for qubit in range(1, 17):
        circuit.cx(qubit - 1, qubit)
    circuit.measure(range(17), range(17))
    circuit.measure(3, 17)

    found = sample(circuit, [], shots=10, seed=1, device=device("ideal_17"))["c"]

    bits = found.to_bool_array(order="little")
    assert (bits[:, 3] == bits[:, 17]).all()
