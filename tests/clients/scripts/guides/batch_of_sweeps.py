"""Parameter sweeps, several jobs in one batch."""

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import Batch, QiskitRuntimeService
from qiskit_ibm_runtime import SamplerV2 as Sampler

service = QiskitRuntimeService()
backend = service.backend("ibm_manila")
theta = Parameter("theta")
circuit = QuantumCircuit(1)
circuit.rx(theta, 0)
circuit.measure_all()
isa = generate_preset_pass_manager(backend=backend, optimization_level=1).run(circuit)

with Batch(backend=backend):
    sampler = Sampler()
    jobs = [
        sampler.run([(isa, np.linspace(low, low + np.pi / 2, 5))], shots=200)
        for low in (0, np.pi / 2)
    ]
ones = [
    job.result()[0].data.meas.get_counts(index).get("1", 0) for job in jobs for index in range(5)
]
assert ones[0] == 0, ones
assert ones[-1] == 200, ones
print("jobs", len(jobs), "points", len(ones))
