"""Folding and extrapolation."""

from collections.abc import Callable

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import Operator

from swqr_adapters.execution.channels import RunErrors
from swqr_adapters.execution.device import Device
from swqr_adapters.execution.mitigation import cancellation, extrapolate, fold
from swqr_adapters.execution.options import Pec
from swqr_adapters.execution.sampling import run_errors
from swqr_adapters.execution.steps import Step, read_steps

Make = Callable[..., Device]


def circuit() -> QuantumCircuit:
    own = QuantumCircuit(3)
    own.sx(0)
    own.cx(0, 1)
    own.rzz(0.3, 1, 2)
    own.cz(0, 2)
    own.cx(1, 2)
    return own


def rebuilt(steps: list[Step]) -> Operator:
    own = QuantumCircuit(3)
    for step in steps:
        own.append(step.operation, step.qubits)
    return Operator(own)


@pytest.mark.parametrize("factor", [1, 1.5, 2, 3, 4.2, 5])
@pytest.mark.parametrize("amplifier", ["gate_folding", "gate_folding_front", "gate_folding_back"])
def test_folding_multiplies_the_gates_and_changes_nothing_else(
    factor: float, amplifier: str
) -> None:
    steps = read_steps(circuit())

    folded = fold(steps, factor, amplifier)

    pairs = [sum(len(step.qubits) == 2 for step in own) for own in (steps, folded)]
    assert pairs[1] == pytest.approx(factor * pairs[0], abs=1)
    assert rebuilt(folded).equiv(Operator(circuit()))


@pytest.mark.parametrize(
    ("amplifier", "first"), [("gate_folding_front", 0), ("gate_folding_back", 3)]
)
def test_a_fraction_folds_the_named_end(amplifier: str, first: int) -> None:
    gates = [step for step in fold(read_steps(circuit()), 1.5, amplifier) if len(step.qubits) == 2]

    assert gates[first].qubits == gates[first + 1].qubits == gates[first + 2].qubits


def test_a_parametrized_gate_is_folded_with_its_inverse() -> None:
    own = QuantumCircuit(2)
    angle = Parameter("angle")
    own.rzz(angle, 0, 1)

    folded = fold(read_steps(own), 3, "gate_folding")

    assert [step.operation.params[0] for step in folded] == [angle, -angle, angle]


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("linear", lambda x: 0.9 - 0.1 * x),
        ("polynomial_degree_3", lambda x: 0.9 - 0.1 * x + 0.02 * x**2 - 0.001 * x**3),
        ("exponential", lambda x: -0.9 * np.exp(-0.2 * x)),
        ("double_exponential", lambda x: 0.6 * np.exp(-0.1 * x) + 0.3 * np.exp(-0.7 * x)),
    ],
)
@pytest.mark.parametrize("error", [0.0, 1e-4])
def test_an_extrapolator_finds_its_own_kind(
    name: str, function: Callable[[np.ndarray], np.ndarray], error: float
) -> None:
    factors = np.array([1.0, 2, 3, 4, 5])
    values = function(factors)[np.newaxis]

    found, spread = extrapolate(name, list(factors), values, np.full((1, 5), error), [0.0, 2.0])

    np.testing.assert_allclose(found[0], function(np.array([0.0, 2.0])), atol=1e-4)
    assert (spread > 0).all() == (error > 0)


def test_an_exponential_through_a_change_of_sign_is_no_number() -> None:
    found, _ = extrapolate("exponential", [1, 3], np.array([[0.1, -0.1]]), np.zeros((1, 2)), [0.0])

    assert np.isnan(found).all()


def test_the_fallback_is_the_value_of_least_noise() -> None:
    found, spread = extrapolate(
        "fallback", [3, 1], np.array([[0.1, 0.5]]), np.array([[0.2, 0.3]]), [0.0]
    )

    assert (found.item(), spread.item()) == (0.5, 0.3)


def test_a_small_overhead_leaves_a_part_of_the_errors(device: Make) -> None:
    errors = run_errors(device("ibm_manila"))
    assert isinstance(errors, RunErrors)
    own = QuantumCircuit(5)
    for _ in range(20):
        own.cx(0, 1)
    steps = read_steps(own)

    everything, wide = cancellation(steps, errors, Pec(max_overhead=None))
    some, narrow = cancellation(steps, errors, Pec(max_overhead=1.5))
    gain, _ = cancellation(steps, errors, Pec(noise_gain=0.25))

    assert everything == 0
    assert wide > narrow == pytest.approx(np.sqrt(1.5))
    assert 0 < some < 1
    assert gain == 0.25
