"""Shots, against exact probabilities."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Parameter, ParameterVector
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import DensityMatrix, Statevector
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from swqr_adapters.execution import sampling
from swqr_adapters.execution.device import Device
from swqr_adapters.execution.sampling import sample

Make = Callable[..., Device]
ChiSquare = Callable[[Any, Any], float]
WORST = 1.9  # chi square per degree of freedom; seeds are fixed, so this is no matter of luck


def noisy_circuit(seed: int) -> QuantumCircuit:
    """Return a circuit for manila with gates, delays and resets on all qubits."""
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(5)
    for _ in range(3):
        for qubit in range(5):
            circuit.rz(float(rng.random() * 6), qubit)
            circuit.sx(qubit)
            if rng.random() < 0.5:
                circuit.delay(int(rng.integers(1, 100)) * 160, qubit)
            if rng.random() < 0.15:
                circuit.reset(qubit)
        for qubit in range(4):
            circuit.cx(*((qubit, qubit + 1) if rng.random() < 0.5 else (qubit + 1, qubit)))
    return circuit


def exact_on_manila(circuit: QuantumCircuit, device: Device) -> Any:
    """Return the probabilities of all bit strings by Aer's model of the full backend."""
    simulator = AerSimulator.from_backend(FakeManilaV2(), method="density_matrix")
    saved = circuit.copy()
    saved.save_density_matrix()
    chances = DensityMatrix(simulator.run(saved).result().data()["density_matrix"]).probabilities()
    assert device.errors is not None
    flips: Any = np.eye(1)
    for qubit in range(5):
        wrong = device.errors.readout_error(qubit)
        flips = np.kron([[1 - wrong, wrong], [wrong, 1 - wrong]], flips)
    return flips @ chances


def test_an_ideal_bell_pair_gives_only_equal_bits(device: Make) -> None:
    circuit = QuantumCircuit(127, 2)
    circuit.h(3)
    circuit.cx(3, 90)
    circuit.measure([3, 90], [0, 1])

    counts = sample(circuit, [], shots=10_000, seed=1, device=device("ideal_127"))["c"].get_counts()

    assert set(counts) == {"00", "11"}
    assert abs(counts["00"] - 5000) < 250


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noisy_shots_are_distributed_as_on_the_full_device(
    seed: int, device: Make, chi_square: ChiSquare
) -> None:
    manila = device("ibm_manila")
    circuit = noisy_circuit(seed)
    chances = exact_on_manila(circuit, manila)
    circuit.measure_all()

    counts = sample(circuit, [], shots=200_000, seed=seed, device=manila)["meas"].get_counts()

    assert chi_square(counts, chances) < WORST


def test_noisy_trajectories_have_the_same_distribution(
    device: Make, chi_square: ChiSquare, monkeypatch: pytest.MonkeyPatch
) -> None:
    manila = device("ibm_manila")
    circuit = noisy_circuit(4)
    chances = exact_on_manila(circuit, manila)
    circuit.measure_all()
    monkeypatch.setattr(sampling, "fits_density_matrix", lambda _part, _shots: False)

    counts = sample(circuit, [], shots=15_000, seed=4, device=manila)["meas"].get_counts()

    assert chi_square(counts, chances) < WORST


@pytest.mark.parametrize("method", ["automatic", "statevector", "matrix_product_state"])
def test_ideal_shots_are_distributed_as_the_state_says(
    method: str, device: Make, chi_square: ChiSquare
) -> None:
    circuit = efficient_su2(6, reps=2)
    values = np.random.default_rng(7).random(circuit.num_parameters)
    chances = Statevector(circuit.assign_parameters(values)).probabilities()
    circuit.measure_all()

    registers = sample(
        circuit, values, shots=50_000, seed=2, device=device("ideal_6", method=method)
    )

    assert chi_square(registers["meas"].get_counts(), chances) < WORST


def test_a_measured_register_of_a_large_device_costs_its_used_qubits(device: Make) -> None:
    circuit = QuantumCircuit(127)
    circuit.h(3)
    circuit.cx(3, 50)
    circuit.x(7)
    circuit.measure_all()

    bits = sample(circuit, [], shots=500, seed=1, device=device("ideal_127"))["meas"]

    ones = bits.to_bool_array(order="little")
    assert ones[:, 7].all()
    assert (ones[:, 3] == ones[:, 50]).all()
    assert not np.delete(ones, [3, 7, 50], axis=1).any()


def test_a_wide_clifford_circuit_runs(device: Make) -> None:
    circuit = QuantumCircuit(100)
    circuit.h(0)
    for qubit in range(99):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()

    counts = sample(circuit, [], shots=200, seed=1, device=device("ideal_100"))["meas"].get_counts()

    assert set(counts) == {"0" * 100, "1" * 100}


def test_a_wide_shallow_circuit_runs(device: Make) -> None:
    circuit = QuantumCircuit(40)
    circuit.ry(np.pi / 3, 0)
    for qubit in range(39):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()

    counts = sample(circuit, [], shots=2000, seed=1, device=device("ideal_40"))["meas"].get_counts()

    assert set(counts) == {"0" * 40, "1" * 40}
    assert counts["1" * 40] / 2000 == pytest.approx(0.25, abs=0.04)


def test_a_sweep_broadcasts_expressions_of_its_parameters(device: Make) -> None:
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(3, 3)
    circuit.ry(2 * a + b - 0.5, 0)
    circuit.cx(0, 1)
    circuit.rx(a * b, 2)
    circuit.measure(range(3), range(3))
    values = np.random.default_rng(3).random((4, 5, 2)) * 3
    shots = 20_000

    bits = sample(circuit, values, shots=shots, seed=3, device=device("ideal_3"))["c"]

    assert bits.shape == (4, 5)
    ones = bits.to_bool_array(order="little").mean(axis=-2)
    x, y = values[..., 0], values[..., 1]
    np.testing.assert_allclose(ones[..., 0], np.sin(x + y / 2 - 0.25) ** 2, atol=0.02)
    np.testing.assert_allclose(ones[..., 1], ones[..., 0])
    np.testing.assert_allclose(ones[..., 2], np.sin(x * y / 2) ** 2, atol=0.02)


def test_an_expression_that_qiskit_does_not_derive_is_worked_out_point_by_point(
    device: Make,
) -> None:
    a = Parameter("a")
    circuit = QuantumCircuit(1, 1)
    circuit.ry(np.pi / 2 * (a.sign() + 1), 0)
    circuit.measure(0, 0)

    bits = sample(circuit, [[-0.3], [0.7]], shots=10, seed=3, device=device("ideal_1"))["c"]

    assert [bits[i].get_counts() for i in range(2)] == [{"0": 10}, {"1": 10}]


def test_values_follow_the_order_of_a_vectors_elements(device: Make) -> None:
    angles = ParameterVector("t", 12)
    circuit = QuantumCircuit(12, 12)
    for qubit in range(12):
        circuit.rx(angles[qubit], qubit)
    circuit.measure(range(12), range(12))
    values = np.where(np.arange(12) == 10, np.pi, 0.0)

    counts = sample(circuit, values, shots=10, seed=1, device=device("ideal_12"))["c"].get_counts()

    assert counts == {"010000000000": 10}


def test_every_register_gets_its_own_bits(device: Make) -> None:
    first, second, loose = ClassicalRegister(2, "first"), ClassicalRegister(9, "second"), Clbit()
    circuit = QuantumCircuit(QuantumRegister(4), first, [loose], second)
    circuit.x([0, 1, 3])
    circuit.measure([0, 1, 2, 3], [first[1], second[8], second[0], loose])

    registers = sample(circuit, [], shots=5, seed=1, device=device("ideal_4"))

    assert registers["first"].get_counts() == {"10": 5}
    assert registers["second"].get_counts() == {"100000000": 5}
    assert set(registers) == {"first", "second"}


def test_the_last_measurement_into_a_bit_counts(device: Make) -> None:
    circuit = QuantumCircuit(2, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.measure(1, 0)

    counts = sample(circuit, [], shots=5, seed=1, device=device("ideal_2"))["c"].get_counts()

    assert counts == {"0": 5}


def test_bits_that_nothing_writes_are_zero(device: Make) -> None:
    counts = sample(QuantumCircuit(2, 3), [], shots=5, seed=1, device=device("ideal_2"))["c"]

    assert counts.get_counts() == {"000": 5}


def test_a_circuit_without_bits_has_no_registers(device: Make) -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)

    assert sample(circuit, [], shots=5, seed=1, device=device("ideal_2")) == {}


def test_a_measurement_on_the_way_collapses(device: Make) -> None:
    circuit = QuantumCircuit(2, 4)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.measure(0, 1)
    circuit.cx(0, 1)
    circuit.reset(0)
    circuit.measure([0, 1], [2, 3])

    counts = sample(circuit, [], shots=1000, seed=1, device=device("ideal_2"))["c"].get_counts()

    assert set(counts) == {"0000", "1011"}


def test_a_reset_in_an_entangled_part_leaves_the_partner_mixed(device: Make) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.reset(0)
    circuit.h(0)
    circuit.measure([0, 1], [0, 1])

    counts = sample(circuit, [], shots=8000, seed=1, device=device("ideal_2"))["c"].get_counts()

    assert all(abs(counts[key] - 2000) < 200 for key in ("00", "01", "10", "11"))


def test_teleportation_works_and_idle_parts_stay_out_of_it(device: Make) -> None:
    qubits, bits = QuantumRegister(127), ClassicalRegister(2, "bell")
    out, other = ClassicalRegister(1, "out"), ClassicalRegister(1, "other")
    circuit = QuantumCircuit(qubits, bits, out, other)
    circuit.ry(np.pi / 3, 5)
    circuit.h(6)
    circuit.cx(6, 7)
    circuit.cx(5, 6)
    circuit.h(5)
    circuit.measure([5, 6], bits)
    with circuit.if_test((bits[1], 1)):
        circuit.x(7)
    with circuit.if_test((bits[0], 1)):
        circuit.barrier()
        circuit.z(7)
    circuit.measure(7, out)
    circuit.x(100)
    circuit.measure(100, other)

    registers = sample(circuit, [], shots=4000, seed=1, device=device("ideal_127"))

    assert registers["out"].get_counts()["1"] / 4000 == pytest.approx(0.25, abs=0.03)
    assert registers["other"].get_counts() == {"1": 4000}


@pytest.mark.parametrize("kind", ["while_loop", "if_test", "switch", "for_loop"])
@pytest.mark.parametrize("goes_on", [False, True])
def test_what_is_measured_in_blocks_alone_is_measured(
    kind: str, goes_on: bool, device: Make
) -> None:
    bit = ClassicalRegister(1, "bit")
    circuit = QuantumCircuit(QuantumRegister(1), bit)
    circuit.x(0)
    match kind:
        case "while_loop":
            block = circuit.while_loop((bit, 0))
        case "if_test":
            block = circuit.if_test((bit, 0))
        case "for_loop":
            block = circuit.for_loop(range(2))
        case _:
            block = circuit.switch(bit)
    with block as case:
        if kind == "switch":
            with case(0):
                circuit.measure(0, 0)
        else:
            circuit.measure(0, 0)
    if goes_on:
        circuit.x(0)

    registers = sample(circuit, [], shots=10, seed=1, device=device("ideal_1"))

    assert registers["bit"].get_counts() == {"1": 10}


def test_control_flow_of_every_kind_runs(device: Make) -> None:
    flags, out = ClassicalRegister(2, "flags"), ClassicalRegister(3, "out")
    circuit = QuantumCircuit(QuantumRegister(4), flags, out)
    with circuit.for_loop(range(3)):
        circuit.x(0)
    circuit.measure(0, flags[0])
    with circuit.while_loop((flags[0], 1)):
        circuit.x(0)
        circuit.x(1)
        circuit.measure(0, flags[0])
    circuit.measure(1, flags[1])
    with circuit.switch(flags) as case:
        with case(0):
            circuit.x(2)
        with case(2):
            circuit.x(3)
    with circuit.if_test((flags, 3)) as otherwise:
        circuit.x(2)
    with otherwise:
        circuit.x(1)
    circuit.measure([1, 2, 3], out)

    registers = sample(circuit, [], shots=10, seed=1, device=device("ideal_4"))

    assert registers["flags"].get_counts() == {"10": 10}
    assert registers["out"].get_counts() == {"100": 10}


def test_real_time_variables_run(device: Make) -> None:
    circuit = QuantumCircuit(3, 3)
    circuit.x(0)
    circuit.measure(0, 0)
    seen = circuit.add_var("seen", expr.lift(circuit.clbits[0]))
    number = circuit.add_var("number", expr.lift(5, types.Uint(3)))
    with circuit.if_test(expr.logic_not(expr.logic_not(seen))):
        circuit.x(1)
        circuit.store(number, expr.bit_xor(number, 3))
        inner = circuit.add_var("inner", expr.equal(number, 6))
        with circuit.if_test(inner):
            circuit.x(2)
    circuit.measure([1, 2], [1, 2])

    counts = sample(circuit, [], shots=10, seed=1, device=device("ideal_3"))["c"].get_counts()

    assert counts == {"111": 10}


@pytest.mark.parametrize("name", ["ideal_2", "ibm_fractional"])
def test_a_steered_circuit_needs_no_measurement(name: str, device: Make) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.store(circuit.clbits[1], expr.lift(True))
    with circuit.if_test((circuit.clbits[1], 1)):
        circuit.x(0)

    bits = sample(circuit, [], shots=10, seed=1, device=device(name))["c"]

    assert bits.get_counts() == {"10": 10}


def test_a_loop_can_be_left_early(device: Make) -> None:
    circuit = QuantumCircuit(3, 3)
    with circuit.for_loop(range(5)):
        circuit.x(0)
        circuit.measure(0, 0)
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.x(1)
            circuit.break_loop()
        circuit.x(2)
    circuit.measure([1, 2], [1, 2])

    counts = sample(circuit, [], shots=10, seed=1, device=device("ideal_3"))["c"].get_counts()

    assert counts == {"011": 10}


def test_a_steered_sweep_gives_each_point_its_own_shots(device: Make) -> None:
    angle = Parameter("angle")
    circuit = QuantumCircuit(2, 2)
    circuit.rx(angle, 0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)

    bits = sample(circuit, [[0.0], [np.pi]], shots=20, seed=1, device=device("ideal_2"))["c"]

    assert bits[0].get_counts() == {"00": 20}
    assert bits[1].get_counts() == {"11": 20}


@pytest.mark.parametrize("steered", [False, True])
def test_noise_acts_on_measurements_on_the_way_as_in_aer(
    *, steered: bool, device: Make, chi_square: ChiSquare
) -> None:
    circuit = QuantumCircuit(5, 3)
    circuit.sx(0)
    circuit.cx(0, 1)
    circuit.measure(0, 0)
    if steered:
        with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
            circuit.x(1)
            circuit.delay(20_000, 1)
        with otherwise:
            circuit.cx(1, 2)
    else:
        circuit.x(0)
        circuit.delay(20_000, 1)
        circuit.cx(0, 1)
    circuit.measure([1, 2], [1, 2])
    simulator = AerSimulator.from_backend(FakeManilaV2())
    expected = simulator.run(circuit, shots=20_000, seed_simulator=5).result().get_counts()
    chances = np.array([expected.get(format(i, "03b"), 0) / 20_000 for i in range(8)])

    bits = sample(circuit, [], shots=10_000, seed=1, device=device("ibm_manila"))["c"]

    # Both sides are samples, so chi square is half as large again.
    assert chi_square(bits.get_counts(), chances) < 1.5 * 2.2


def test_gates_inside_control_flow_are_twirled_like_the_others(
    device: Make, chi_square: ChiSquare
) -> None:
    plain, steered = (QuantumCircuit(5, 3) for _ in range(2))
    plain.x(1)
    for _ in range(100):  # whose relaxation leads elsewhere than its twirl
        plain.cx(0, 1)
    plain.measure([0, 1], [0, 1])
    with steered.if_test((steered.clbits[2], 0)):
        steered.x(1)
        for _ in range(100):
            steered.cx(0, 1)
    steered.measure([0, 1], [0, 1])
    run: dict[str, Any] = {"device": device("ibm_manila"), "twirled": True}

    expected = sample(plain, [], shots=1_000_000, seed=1, **run)["c"].get_counts()
    found = sample(steered, [], shots=10_000, seed=2, **run)["c"].get_counts()

    chances = np.array([expected.get(format(i, "03b"), 0) / 1_000_000 for i in range(8)])
    assert chi_square(found, chances) < 4


def test_points_that_do_not_differ_still_get_shots_of_their_own(device: Make) -> None:
    angle = Parameter("angle")
    circuit = QuantumCircuit(3, 3)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.h(0)
    circuit.measure(0, 1)
    circuit.rx(angle, 2)
    circuit.measure(2, 2)

    bits = sample(circuit, np.zeros((2, 1)), shots=64, seed=1, device=device("ideal_3"))["c"]

    assert not np.array_equal(bits.array[0], bits.array[1])


@pytest.mark.parametrize("name", ["ideal_5", "ibm_manila"])
def test_a_seed_gives_the_same_shots_again_and_another_others(name: str, device: Make) -> None:
    circuit = noisy_circuit(1)
    circuit.measure_all()
    own = device(name)

    first, again, other = (
        sample(circuit, [], shots=100, seed=seed, device=own)["meas"].array for seed in (1, 1, 2)
    )

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def entangled() -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    circuit.h([0, 1, 2])
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def noisy() -> QuantumCircuit:
    circuit = QuantumCircuit(5)
    circuit.sx([0, 1, 2, 3])
    circuit.cx(0, 1)
    circuit.delay(5000, 1)
    circuit.cx(1, 2)
    circuit.measure_all()
    return circuit


def midway() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 3)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.cx(0, 1)
    circuit.h(0)
    circuit.measure([0, 1], [1, 2])
    return circuit


# The same on every supported Python and NumPy: written down once, never to change.
@pytest.mark.parametrize(
    ("circuit", "name", "expected"),
    [
        (entangled(), "ideal_3", [1, 4, 3, 2, 3, 3, 6, 7, 4, 1, 6, 1]),
        (noisy(), "ibm_manila", [3, 8, 7, 4, 6, 6, 13, 15, 9, 2, 12, 3]),
        (midway(), "ideal_2", [0, 7, 7, 0, 7, 2, 7, 5, 2, 5, 2, 5]),
    ],
)
def test_a_seed_gives_these_very_shots(
    circuit: QuantumCircuit, name: str, expected: list[int], device: Make
) -> None:
    (bits,) = sample(circuit, [], shots=12, seed=2026, device=device(name)).values()

    assert bits.array[:, 0].tolist() == expected


def test_a_composite_gate_is_opened(device: Make) -> None:
    inner = QuantumCircuit(2, name="pair")
    inner.h(0)
    inner.mcx([0], 1)
    circuit = QuantumCircuit(3, 3)
    circuit.append(inner.to_gate().repeat(1), [2, 0])
    circuit.ccz(0, 1, 2)
    circuit.cswap(2, 0, 1)
    circuit.measure(range(3), range(3))

    counts = sample(circuit, [], shots=100, seed=1, device=device("ideal_3"))["c"].get_counts()

    assert set(counts) == {"000", "110"}
