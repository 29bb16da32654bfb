"""Transpiles against a backend's target, and looks at what came of it."""

from qiskit import QuantumCircuit, transpile
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime import SamplerV2 as Sampler

service = QiskitRuntimeService()
backend = service.least_busy(operational=True, simulator=False, min_num_qubits=5)
ghz = QuantumCircuit(4)
ghz.h(0)
for target in range(1, 4):
    ghz.cx(0, target)
ghz.measure_all()
isa = transpile(ghz, target=backend.target, optimization_level=2, seed_transpiler=5)
edges = set(backend.coupling_map.get_edges())
for instruction in isa.data:
    if instruction.operation.name == "barrier":
        continue
    assert instruction.operation.name in backend.target.operation_names
    qubits = tuple(isa.find_bit(qubit).index for qubit in instruction.qubits)
    if instruction.operation.num_qubits == 2:
        assert qubits in edges or qubits[::-1] in edges
counts = Sampler(mode=backend).run([isa], shots=500).result()[0].join_data().get_counts()
assert counts["0000"] + counts["1111"] == 500, counts
print("shots", sum(counts.values()))
