"""The duration model."""

from collections.abc import Callable

import pytest
from qiskit import QuantumCircuit

from swqr_adapters.execution.device import Device
from swqr_adapters.execution.durations import circuit_seconds, job_seconds

Make = Callable[..., Device]


def test_a_circuit_takes_as_long_as_its_longest_path(device: Make) -> None:
    own = device("ibm_manila")
    assert own.calibration is not None
    record = own.calibration.record
    circuit = QuantumCircuit(5, 1)
    circuit.sx(0)
    circuit.rz(1.0, 0)
    circuit.cx(0, 1)
    circuit.x(3)
    circuit.measure(1, 0)
    parts = [("sx", (0,)), ("cx", (0, 1)), ("measure", (1,))]

    assert circuit_seconds(circuit, own) == pytest.approx(
        sum(record(*part).duration or 0 for part in parts)
    )


def test_delays_and_barriers_count(device: Make) -> None:
    circuit = QuantumCircuit(2)
    circuit.delay(3, 0, unit="us")
    circuit.barrier()
    circuit.delay(2000, 1, unit="dt")

    assert circuit_seconds(circuit, device("ideal_2")) == pytest.approx(5e-6)


def test_loops_count_each_round_and_choices_their_longest(device: Make) -> None:
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop(range(10)):
        circuit.x(0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.x(0)
    with otherwise:
        circuit.x(0)
        circuit.x(0)

    assert circuit_seconds(circuit, device("ideal_1")) == pytest.approx(12 * 50e-9)


def test_a_job_takes_its_overhead_and_its_executions(device: Make) -> None:
    assert job_seconds([(1e-3, 1000), (0.0, 10)], device("ideal_1")) == pytest.approx(
        2 + 1000 * (1e-3 + 250e-6) + 10 * 250e-6
    )


def test_a_repetition_delay_replaces_the_devices(device: Make) -> None:
    assert job_seconds([(0.0, 1000)], device("ibm_washington")) == pytest.approx(2 + 1000 * 150e-6)
    assert job_seconds([(0.0, 1000)], device("ibm_washington"), rep_delay=0) == pytest.approx(2)


def test_fixed_seconds_come_first(device: Make) -> None:
    assert job_seconds([(1.0, 10**6)], device("ideal_1", job_seconds=0.5)) == 0.5
