"""The ground state of a hydrogen molecule, by a variational search inside one session.

Every step of the search is a job, and all of them share a session, so on a real device no other
job comes in between. Apart from its import of the service and the session this is a program for
IBM's machines.
"""

import math

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime.executor_estimator import Estimator

from swqr_adapters.facade import QiskitRuntimeService, Session

# H2 at 0.735 angstrom, in the STO-3G basis, parity mapping, two qubits; energies in hartree.
HYDROGEN = SparsePauliOp(
    ["II", "IZ", "ZI", "ZZ", "XX"],
    [-1.05237325, 0.39793742, -0.39793742, -0.0112801, 0.18093119],
)
GROUND_STATE = -1.857275


def ansatz() -> QuantumCircuit:
    """Return the state cos(theta/2) |01> + sin(theta/2) |10>, up to signs."""
    circuit = QuantumCircuit(2)
    circuit.x(0)
    circuit.ry(Parameter("theta"), 1)
    circuit.cx(1, 0)
    return circuit


def main() -> None:
    """Find the angle with the lowest energy, three evaluations at a time."""
    service = QiskitRuntimeService(transport="memory://?seed=7&noise=off")
    backend = service.backend("ibm_brisbane")
    circuit = generate_preset_pass_manager(optimization_level=1, backend=backend).run(ansatz())
    observable = HYDROGEN.apply_layout(circuit.layout)

    angle, step = 0.0, math.pi / 2
    with Session(backend=backend) as session:
        estimator = Estimator(mode=session, options={"resilience_level": 0})
        for number in range(1, 7):
            angles = [[angle - step], [angle], [angle + step]]
            data = estimator.run([(circuit, observable, angles)], precision=0.02).result()[0].data
            best = int(data.evs.argmin())
            angle, step = angles[best][0], step / 2
            print(f"{number}: {data.evs[best]:9.5f} +- {data.stds[best]:.5f} at {angle:8.5f}")

    print(f"exact: {GROUND_STATE:9.5f}")
    print(f"session {session.session_id}: {session.usage():.1f} s of device time")


if __name__ == "__main__":
    main()
