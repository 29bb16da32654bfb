"""A variational loop in a session: the ground state of one qubit's ZZ + X, by coordinate steps."""

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import EstimatorV2 as Estimator
from qiskit_ibm_runtime import QiskitRuntimeService, Session

service = QiskitRuntimeService(channel="ibm_quantum_platform", token="not used", instance="crn:x")
backend = service.backend("ibm_manila")

angles = ParameterVector("a", 2)
ansatz = QuantumCircuit(2)
ansatz.ry(angles[0], 0)
ansatz.ry(angles[1], 1)
ansatz.cx(0, 1)
ansatz = generate_preset_pass_manager(backend=backend, optimization_level=1).run(ansatz)
observable = SparsePauliOp.from_list([("ZZ", 1.0), ("XI", 0.5)]).apply_layout(ansatz.layout)

point, energies = np.array([0.1, 0.1]), []
with Session(backend=backend) as session:
    estimator = Estimator(mode=session)
    for _step in range(3):
        shifts = np.pi / 2 * np.eye(2)
        values = [point, *(point + shifts), *(point - shifts)]
        evs = estimator.run([(ansatz, observable, values)], precision=0.02).result()[0].data.evs
        energies.append(float(evs[0]))
        point = point - 0.6 * (evs[1:3] - evs[3:5]) / 2
assert energies[-1] < energies[0], energies
print("steps", len(energies), session.status())
