"""A Bell pair: an ordinary Qiskit Runtime program, with one import line changed.

Run it with ``python examples/bell.py``. Take the classes from ``qiskit_ibm_runtime`` again, and it
runs on IBM's machines.
"""

from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime.executor_sampler import Sampler

from swqr_adapters.facade import QiskitRuntimeService, Session

SHOTS = 1000


def main() -> None:
    """Sample a Bell pair on a simulated device, and show what came out."""
    service = QiskitRuntimeService()
    backend = service.least_busy(operational=True, simulator=False, min_num_qubits=127)

    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    isa_circuit = generate_preset_pass_manager(optimization_level=1, backend=backend).run(bell)

    with Session(backend=backend, max_time="10m") as session:
        sampler = Sampler(mode=session)
        job = sampler.run([isa_circuit], shots=SHOTS)
        print(f"job {job.job_id()} in session {session.session_id} on {backend.name}")
        counts = job.result()[0].data.meas.get_counts()

    for bits, count in sorted(counts.items()):
        print(f"{bits} {count:5d} {'#' * round(50 * count / SHOTS)}")
    print(f"session: {session.status()}, {session.usage():.2f} s used")


if __name__ == "__main__":
    main()
