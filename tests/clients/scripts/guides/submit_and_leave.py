"""Submits a job, writes its id to a file, and does not wait."""

import sys
from pathlib import Path

from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime import SamplerV2 as Sampler

service = QiskitRuntimeService(instance="crn:v1:of:somebody:else")
backend = service.backend("ibm_manila")
circuit = QuantumCircuit(2)
circuit.x(0)
circuit.measure_all()
isa = generate_preset_pass_manager(backend=backend, optimization_level=1).run(circuit)
job = Sampler(mode=backend).run([isa], shots=50)
Path(sys.argv[1]).write_text(job.job_id())
print("submitted", job.job_id())
