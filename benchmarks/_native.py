"""The tiny job of the servers' and clients' tables."""

from math import pi

from qiskit import QuantumCircuit

__all__ = ["native_pair"]


def native_pair() -> QuantumCircuit:
    """Return an entangled pair of qubits in the gates of ``ibm_brisbane``, measured."""
    circuit = QuantumCircuit(2)
    circuit.rz(pi / 2, 1)
    circuit.sx(1)
    circuit.rz(pi / 2, 1)
    circuit.ecr(1, 0)
    circuit.measure_all()
    return circuit
