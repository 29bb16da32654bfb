"""A program as the documentation of strangeworks-qiskit-runtime has them."""

from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import SamplerV2 as Sampler
from strangeworks_qiskit_runtime import StrangeworksQiskitRuntimeService
from strangeworks_qiskit_runtime.service import StrangeworksQiskitRuntimeService as Same

assert Same is StrangeworksQiskitRuntimeService
service = StrangeworksQiskitRuntimeService()
backend = service.backend("ibm_manila")
bell = QuantumCircuit(2)
bell.h(0)
bell.cx(0, 1)
bell.measure_all()
isa = generate_preset_pass_manager(backend=backend, optimization_level=1).run(bell)
job = Sampler(mode=backend).run([isa], shots=100)
counts = job.result()[0].data.meas.get_counts()
assert sum(counts.values()) == 100
print("shots", 100)
