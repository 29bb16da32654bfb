"""Expectation values, against density matrices of the whole device."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import DensityMatrix, SparsePauliOp, Statevector
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from swqr_adapters.execution import expectation as expectation_module
from swqr_adapters.execution.device import Device
from swqr_adapters.execution.expectation import attenuation, expectation
from swqr_adapters.execution.sampling import run_errors

Make = Callable[..., Device]


def labels(seed: int, width: int, count: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("IXYZ"), width)) for _ in range(count)]


def noisy_circuit(seed: int) -> QuantumCircuit:
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(5)
    for _ in range(2):
        for qubit in range(5):
            circuit.rz(float(rng.random() * 6), qubit)
            circuit.sx(qubit)
            circuit.delay(int(rng.integers(0, 100)) * 160, qubit)
        for qubit in (0, 1, 3):
            circuit.cx(qubit, qubit + 1)
    circuit.x(2)
    circuit.reset(4)
    circuit.sx(4)
    return circuit


@pytest.mark.parametrize("seed", [1, 2])
def test_noisy_values_are_those_of_the_full_device(seed: int, device: Make) -> None:
    circuit, paulis = noisy_circuit(seed), labels(seed, 5, 25)
    simulator = AerSimulator.from_backend(FakeManilaV2(), method="density_matrix")
    saved = circuit.copy()
    saved.save_density_matrix()
    state = DensityMatrix(simulator.run(saved).result().data()["density_matrix"])
    exact = [state.expectation_value(SparsePauliOp(label)).real for label in paulis]

    found = expectation(circuit, np.zeros((1, 0)), paulis, device=device("ibm_manila"))

    np.testing.assert_allclose(found[0], exact, atol=1e-9)


@pytest.mark.parametrize("method", ["automatic", "matrix_product_state"])
def test_ideal_values_are_those_of_the_state(method: str, device: Make) -> None:
    circuit, paulis = efficient_su2(5, reps=2), labels(3, 5, 30)
    values = np.random.default_rng(4).random((7, circuit.num_parameters))
    exact = [
        [
            Statevector(circuit.assign_parameters(v)).expectation_value(SparsePauliOp(p)).real
            for p in paulis
        ]
        for v in values
    ]

    found = expectation(circuit, values, paulis, device=device("ideal_5", method=method))

    np.testing.assert_allclose(found, exact, atol=1e-9)


@pytest.mark.parametrize("gate", ["rx", "ry", "rz", "p", "u", "r", "u2", "u3"])
def test_a_single_qubit_turns_as_its_gate_says(gate: str, device: Make) -> None:
    count = {"u": 3, "u3": 3, "r": 2, "u2": 2}.get(gate, 1)
    angles = [Parameter(f"a{i}") for i in range(count)]
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.t(0)
    from qiskit.circuit.library import get_standard_gate_name_mapping

    circuit.append(type(get_standard_gate_name_mapping()[gate])(*angles), [0])
    values = np.random.default_rng(5).random((3, count)) * 4
    exact = [
        [
            Statevector(circuit.assign_parameters(v)).expectation_value(SparsePauliOp(p)).real
            for p in "XYZ"
        ]
        for v in values
    ]

    found = expectation(circuit, values, ["X", "Y", "Z"], device=device("ideal_1"))

    np.testing.assert_allclose(found, exact, atol=1e-12)


def test_untouched_qubits_are_zero(device: Make) -> None:
    found = expectation(
        QuantumCircuit(3), np.zeros((2, 0)), ["III", "ZIZ", "XII", "IYI"], device=device("ideal_3")
    )

    assert found.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0]]


def test_a_wide_circuit_is_seen_one_string_at_a_time(device: Make) -> None:
    circuit = QuantumCircuit(60)
    for qubit in range(60):
        circuit.ry(0.1 * qubit, qubit)
    for start in (0, 1):
        for qubit in range(start, 59, 2):
            circuit.rzz(0.3, qubit, qubit + 1)
    paulis = ["I" * (59 - qubit) + "Z" + "I" * qubit for qubit in range(60)]

    found = expectation(circuit, np.zeros((1, 0)), paulis, device=device("ideal_60"))

    np.testing.assert_allclose(found[0], np.cos(0.1 * np.arange(60)), atol=1e-9)


def test_trajectories_come_close_to_the_exact_values(
    device: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    circuit, paulis, manila = noisy_circuit(6), labels(6, 5, 10), device("ibm_manila")
    exact = expectation(circuit, np.zeros((1, 0)), paulis, device=manila)
    monkeypatch.setattr(expectation_module, "fits_density_matrix", lambda _part, _shots: False)

    found = expectation(circuit, np.zeros((1, 0)), paulis, device=manila, seed=1)

    assert np.abs(found - exact).max() < 5 / np.sqrt(expectation_module.TRAJECTORIES)


def test_readout_errors_shrink_each_measured_qubit(device: Make) -> None:
    errors = run_errors(device("ibm_manila"))
    assert errors is not None
    first, second = (1 - 2 * errors.readout_error(qubit) for qubit in (0, 4))

    found = attenuation(["IIIII", "IIIIZ", "XIIIY"], errors)

    np.testing.assert_allclose(found, [1, first, first * second])


def test_nothing_shrinks_on_an_ideal_device(device: Make) -> None:
    errors: Any = run_errors(device("ideal_3"))

    assert attenuation(["ZZZ"], errors).tolist() == [1.0]
