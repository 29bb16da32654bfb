"""The search of ``vqe_session.py`` as one program, which runs beside the device.

There every step of the search is a job that travels to the cloud and back. Here the whole search is
uploaded and is one job; each energy comes back as an interim result while it runs.
"""

from typing import Any

from vqe_session import (  # type: ignore[import-not-found] # it lies beside this
    GROUND_STATE,
    HYDROGEN,
    ansatz,
)

from swqr_adapters.facade import QiskitRuntimeService

PROGRAM = """
import math

from qiskit.transpiler import generate_preset_pass_manager


def main(backend, user_messenger, *, ansatz, observable, steps=6, precision=0.02):
    circuit = generate_preset_pass_manager(optimization_level=1, backend=backend).run(ansatz)
    observable = observable.apply_layout(circuit.layout)
    estimator = backend.estimator(resilience_level=0)
    angle, step = 0.0, math.pi / 2
    for number in range(1, steps + 1):
        angles = [[angle - step], [angle], [angle + step]]
        data = estimator.run([(circuit, observable, angles)], precision=precision).result()[0].data
        best = int(data.evs.argmin())
        angle, step = angles[best][0], step / 2
        energy, error = float(data.evs[best]), float(data.stds[best])
        user_messenger.publish({"step": number, "energy": energy, "error": error, "angle": angle})
    return {"energy": energy, "angle": angle}
"""
METADATA = {
    "name": "ground-state",
    "max_execution_time": 300,
    "description": "Finds the angle with the lowest energy, three evaluations at a time.",
    "spec": {
        "parameters": {
            "type": "object",
            "properties": {
                "steps": {"type": "integer", "minimum": 1},
                "precision": {"type": "number", "exclusiveMinimum": 0},
            },
            "required": ["ansatz", "observable"],
        },
        "return_values": {"type": "object", "required": ["energy", "angle"]},
    },
}


def show(_: str, result: dict[str, Any]) -> None:
    """Print an energy as soon as it is known."""
    if "step" in result:
        print("{step}: {energy:9.5f} +- {error:.5f} at {angle:8.5f}".format(**result))


def main() -> None:
    """Upload the search and run it once."""
    # The source is ours, so it may run on machines that isolate programs too little for others'.
    with QiskitRuntimeService(transport="memory://?seed=7&noise=off&programs=limits") as service:
        program_id = service.upload_program(PROGRAM, METADATA)
        inputs = {"ansatz": ansatz(), "observable": HYDROGEN}
        job = service.run(program_id, inputs, {"backend_name": "ibm_brisbane"}, show)
        found = job.result()

        print(f"found: {found['energy']:9.5f} at {found['angle']:8.5f}")
        print(f"exact: {GROUND_STATE:9.5f}")
        print(f"job {job.job_id()}: {job.usage():.1f} s of device time")


if __name__ == "__main__":
    main()
