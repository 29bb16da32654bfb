"""What the benchmarks run: circuits of the ideal devices' own gates, and ways to run them."""

from collections.abc import Callable
from math import pi
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager

from swqr_adapters.codec.official import encode_params
from swqr_core import Runtime
from swqr_core.model.ids import BackendName, ProgramId
from swqr_core.model.job import JobSpec

__all__ = ["SWEEP", "ansatz", "bell", "ghz", "isa", "ising", "run", "sampler_bytes", "sweep"]

SWEEP = 100
"""Parameter sets of a sweep."""


def bell() -> QuantumCircuit:
    """Return a Bell pair, measured."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def own_bell() -> QuantumCircuit:
    """Return the Bell pair in the gates of an ideal device."""
    circuit = QuantumCircuit(2)
    circuit.rz(pi / 2, 0)
    circuit.sx(0)
    circuit.rz(pi / 2, 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def ghz(size: int) -> QuantumCircuit:
    """Return a GHZ state, measured."""
    circuit = QuantumCircuit(size)
    circuit.h(0)
    for qubit in range(1, size):
        circuit.cx(qubit - 1, qubit)
    circuit.measure_all()
    return circuit


def ansatz(size: int = 5, *, measured: bool = False) -> QuantumCircuit:
    """Return a layered circuit with many parameters."""
    circuit = efficient_su2(size, reps=2)
    if measured:
        circuit.measure_all()
    return circuit


def ising(size: int = 5) -> SparsePauliOp:
    """Return a transverse-field Ising chain's energy: 2 * size - 1 terms."""
    chain = [("ZZ", [i, i + 1], -1.0) for i in range(size - 1)]
    field = [("X", [i], -0.5) for i in range(size)]
    return SparsePauliOp.from_sparse_list(chain + field, num_qubits=size)


def sweep(circuit: QuantumCircuit) -> Any:
    """Return ``SWEEP`` sets of parameters of a circuit."""
    return np.random.default_rng(1).uniform(-3, 3, (SWEEP, circuit.num_parameters))


def run(primitive: Any, pub: Any) -> Any:
    """Return the result of one pub, run by an official primitive."""
    return primitive.run([pub]).result()


def isa(circuit: QuantumCircuit, backend: Any) -> QuantumCircuit:
    """Return the circuit in a backend's own gates."""
    return generate_preset_pass_manager(
        optimization_level=1, backend=backend, seed_transpiler=1
    ).run(circuit)


def sampler_params(circuit: QuantumCircuit, shots: int) -> bytes:
    """Return a sampler job's parameters, as the official client sends them."""
    pubs = [(circuit, None, shots)]
    return encode_params("sampler", {"pubs": pubs, "support_qiskit": True, "version": 2})


def sampler_bytes(
    runtime: Runtime, backend: str, circuit: QuantumCircuit, shots: int
) -> Callable[[], bytes]:
    """Return what runs a sampler job from bytes to bytes."""
    params = sampler_params(circuit, shots)
    spec = JobSpec(program_id=ProgramId("sampler"), backend=BackendName(backend))
    return lambda: runtime.submit(spec, params).result()
