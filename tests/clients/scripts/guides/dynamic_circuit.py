"""A dynamic circuit: a qubit is measured, and reset by a conditional gate."""

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime import SamplerV2 as Sampler

service = QiskitRuntimeService()
backend = service.backend("ibm_torino")
qubit, before, after = QuantumRegister(1), ClassicalRegister(1, "a"), ClassicalRegister(1, "b")
circuit = QuantumCircuit(qubit, before, after)
circuit.h(0)
circuit.measure(0, before)
with circuit.if_test((before, 1)):
    circuit.x(0)
circuit.measure(0, after)
isa = generate_preset_pass_manager(backend=backend, optimization_level=1).run(circuit)

data = Sampler(mode=backend).run([isa], shots=400).result()[0].data
assert 100 < data.a.get_counts()["1"] < 300, data.a.get_counts()
assert data.b.get_counts()["0"] > 350, data.b.get_counts()
print("shots", data.b.num_shots)
