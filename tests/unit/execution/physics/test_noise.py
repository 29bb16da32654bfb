# ruff: noqa: SLF001  # Aer offers no other view of its errors
"""Errors of single instructions, against Aer's model of the whole backend."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from qiskit.quantum_info import PTM, Pauli, SuperOp
from qiskit_aer.noise import NoiseModel, thermal_relaxation_error
from qiskit_ibm_runtime import fake_provider

from swqr_adapters.execution.device import Device
from swqr_adapters.execution.noise import superop_to_ptm

Make = Callable[..., Device]
BACKENDS = {
    "ibm_manila": fake_provider.FakeManilaV2,
    "ibm_yorktown": fake_provider.FakeYorktownV2,
    "ibm_lima": fake_provider.FakeLimaV2,
    "ibm_armonk": fake_provider.FakeArmonkV2,
}


def is_channel(found: Any, expected: Any) -> None:
    assert found is not None
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("name", BACKENDS)
def test_every_gate_error_is_aers(name: str, device: Make) -> None:
    model = NoiseModel.from_backend(BACKENDS[name]())
    library = device(name).errors
    assert library is not None
    expected = {
        (gate, qubits): SuperOp(error).data
        for gate, places in model._local_quantum_errors.items()
        for qubits, error in places.items()
    }

    found = {key: library.superop(*key) for key in expected}

    for key, superop in expected.items():
        is_channel(found[key], superop)


@pytest.mark.parametrize("name", BACKENDS)
def test_no_instruction_errs_that_does_not_in_aer(name: str, device: Make) -> None:
    own = device(name)
    model = NoiseModel.from_backend(BACKENDS[name]())
    known = {(g, q) for g, places in model._local_quantum_errors.items() for q in places}
    assert own.errors is not None
    assert own.calibration is not None

    found = {
        (gate, qubits)
        for gate, places in own.calibration.table.items()
        for qubits in places or ()
        if own.errors.superop(gate, qubits) is not None
    }

    assert found == known


def test_readout_errors_are_aers(device: Make) -> None:
    model = NoiseModel.from_backend(fake_provider.FakeManilaV2())
    library = device("ibm_manila").errors
    assert library is not None

    for (qubit,), error in model._local_readout_errors.items():
        wrong = library.readout_error(qubit)
        np.testing.assert_allclose(error.probabilities, [[1 - wrong, wrong], [wrong, 1 - wrong]])


@pytest.mark.parametrize("qubit", range(5))
def test_relaxation_in_a_delay_is_aers(qubit: int, device: Make) -> None:
    library = device("ibm_lima").errors  # it has qubits with T2 above and below T1
    assert library is not None
    expected = SuperOp(thermal_relaxation_error(*library.times(qubit), 3e-6)).data

    is_channel(library.relaxation(qubit, 3e-6), expected)


def test_a_twirled_error_is_the_average_over_all_paulis(device: Make) -> None:
    library = device("ibm_manila").errors
    assert library is not None
    superop = library.superop("cx", (0, 1))
    paulis = [SuperOp(Pauli("".join(p))).data for p in product("IXYZ", repeat=2)]
    average = sum(pauli @ superop @ pauli for pauli in paulis) / 16

    is_channel(library.twirled("cx", (0, 1)), average)


def test_a_gain_of_two_is_the_error_twice(device: Make) -> None:
    library = device("ibm_manila").errors
    assert library is not None
    once = library.twirled("cx", (0, 1))
    assert once is not None

    is_channel(library.twirled("cx", (0, 1), 2.0), once @ once)


def test_twirled_probabilities_are_those_of_the_channel(device: Make) -> None:
    library = device("ibm_manila").errors
    assert library is not None
    chances = library.twirled_probabilities("cx", (0, 1))
    assert chances is not None

    superop = sum(p * SuperOp(Pauli(label)).data for label, p in chances)

    is_channel(library.twirled("cx", (0, 1)), superop)


def test_a_transfer_matrix_is_qiskits(device: Make) -> None:
    library = device("ibm_manila").errors
    assert library is not None
    superop = library.superop("cx", (1, 0))
    assert superop is not None

    np.testing.assert_allclose(superop_to_ptm(superop), PTM(SuperOp(superop)).data.real, atol=1e-12)


@pytest.mark.parametrize("name", ["Manila", "Almaden", "Armonk"])
def test_a_target_is_the_official_one(name: str, device: Make) -> None:
    expected = getattr(fake_provider, f"Fake{name}V2")().target
    controls = {"if_else", "while_loop", "for_loop", "switch_case"}

    target = device(f"ibm_{name.lower()}").target

    assert set(target.operation_names) == set(expected.operation_names)
    for operation in set(expected.operation_names) - controls:
        assert set(target[operation]) == set(expected[operation])
        for qubits, properties in expected[operation].items():
            found = target[operation][qubits]
            assert (found.error or 0) == pytest.approx(getattr(properties, "error", 0) or 0)
            assert (found.duration or 0) == pytest.approx(getattr(properties, "duration", 0) or 0)
