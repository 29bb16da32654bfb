"""Options of error suppression and mitigation."""

from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import EstimatorV2 as Estimator
from qiskit_ibm_runtime import QiskitRuntimeService

service = QiskitRuntimeService()
backend = service.backend("ibm_manila")
bell = QuantumCircuit(2)
bell.h(0)
bell.cx(0, 1)
isa = generate_preset_pass_manager(backend=backend, optimization_level=1).run(bell)
observables = [SparsePauliOp(label).apply_layout(isa.layout) for label in ("ZZ", "XX", "ZI")]

estimator = Estimator(mode=backend)
estimator.options.resilience_level = 1
estimator.options.default_precision = 0.05
estimator.options.dynamical_decoupling.enable = True
estimator.options.twirling.enable_gates = True
estimator.options.twirling.num_randomizations = 8
result = estimator.run([(isa, observables)]).result()
evs, stds = result[0].data.evs, result[0].data.stds
assert evs[0] > 0.8, evs
assert evs[1] > 0.8, evs
assert abs(evs[2]) < 0.3, evs
print("observables", len(stds))
