"""A search as one uploaded program over the same search as a session's jobs, near and far away.

Both find an angle in steps of one estimation each, on a warm cloud. What a program costs is a new
process with Qiskit in it, unless one waits; what it saves is the way there and back for each step.
"""

from functools import partial
from typing import Any

from benchmarks._measure import Row, interleaved, report
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import EstimatorV2

from swqr_adapters.clock import SystemClock
from swqr_adapters.facade import QiskitRuntimeService, Session
from swqr_core import Runtime
from swqr_core.config.connect import connect_transport
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.wrappers import SlowTransport

ROUNDS = 3
STEPS = 40
FAR = 0.1
URL = "memory://?noise=off&workers=1&programs=limits"
METADATA = {"name": "search", "max_execution_time": 3600}
PROGRAM = f"""
def main(backend, user_messenger, *, circuit, observable):
    estimator, angle, step = backend.estimator(resilience_level=0), 0.0, 0.7
    for _ in range({STEPS}):
        angles = [[angle - step], [angle], [angle + step]]
        data = estimator.run([(circuit, observable, angles)], precision=0.02).result()[0].data
        angle, step = angles[int(data.evs.argmin())][0], step * 0.8
        user_messenger.publish(angle)
    return angle
"""


def ansatz() -> QuantumCircuit:
    """Return a circuit in the device's own gates."""
    circuit = QuantumCircuit(2)
    circuit.x(0)
    circuit.rz(Parameter("theta"), 0)
    circuit.sx(0)
    circuit.cx(0, 1)
    return circuit


OBSERVABLE = SparsePauliOp(["ZZ", "XX", "YY"], [1.0, 0.5, -0.5])


def as_jobs(service: Any) -> float:
    """Search with a job for each step."""
    angle, step = 0.0, 0.7
    circuit = ansatz()
    with Session(backend=service.backend("ideal_5")) as session:
        estimator = EstimatorV2(mode=session, options={"resilience_level": 0})
        for _ in range(STEPS):
            angles = [[angle - step], [angle], [angle + step]]
            data = estimator.run([(circuit, OBSERVABLE, angles)], precision=0.02).result()[0].data
            angle, step = angles[int(data.evs.argmin())][0], step * 0.8
    return angle


def as_program(service: Any, program_id: str) -> float:
    """Search with one job."""
    inputs = {"circuit": ansatz(), "observable": OBSERVABLE}
    found: float = service.run(program_id, inputs, {"backend_name": "ideal_5"}).result()
    return found


async def cloud(delay: float) -> RuntimeTransport:
    """Return a cloud that is *delay* seconds away."""
    inner = await connect_transport(URL)
    return SlowTransport(inner, SystemClock(), there=delay, back=delay)


def main() -> bool:
    """Print the table; return whether every bound was kept."""
    rows = []
    for where, delay, bound in (("in this process", 0.0, 15.0), ("0.1 s away", FAR, 0.6)):
        runtime = Runtime(partial(cloud, delay))
        service = QiskitRuntimeService(runtime=runtime)
        program_id = service.upload_program(PROGRAM, METADATA)
        taken = interleaved(
            {
                "jobs": partial(as_jobs, service),
                "program": partial(as_program, service, program_id),
            },
            ROUNDS,
            warm=1,
        )
        runtime.close()
        name = f"{STEPS} steps as one program, {where}"
        rows.append(Row(name, "as jobs of a session", taken["program"], taken["jobs"], bound))
    return report(rows)
