"""``swqr demo``: an ordinary Qiskit Runtime program on the in-memory cloud."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import click
from attrs import asdict, frozen

from swqr_core.errors import InvalidInputError
from swqr_core.model.session import Session as SessionSnapshot

from .official import official_classes

__all__ = ["DemoReport", "demo"]

_QUBITS: Final = 2
_ANGLES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)  # of pi


@frozen(kw_only=True)
class DemoReport:
    """All that the demo shows, as plain JSON values.

    Attributes:
        backend: The backend's name.
        num_qubits: How many qubits it has.
        noise: Whether its noise is simulated.
        session: ``id``, ``state``, ``usage_seconds``, and ``timeline``: a list of ``state``,
            ``at`` (ISO 8601, UTC) and ``reason``.
        jobs: For each job its ``id``, ``program``, ``state`` and ``usage_seconds``.
        counts: How often each bit string was sampled.
        angles: The estimator's parameter values, in radians.
        evs: The estimated expectation values of XX, one for each angle.
        stds: Their standard errors.
    """

    backend: str
    num_qubits: int
    noise: bool
    session: Mapping[str, object]
    jobs: Sequence[Mapping[str, object]]
    counts: Mapping[str, int]
    angles: Sequence[float]
    evs: Sequence[float]
    stds: Sequence[float]


@click.command()
@click.option("--backend", default="ibm_brisbane", show_default=True, help="Where to run.")
@click.option(
    "--shots", default=1024, show_default=True, type=click.IntRange(1, 10_000_000), help="Shots."
)
@click.option("--noise/--no-noise", default=True, show_default=True, help="The device's errors.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Makes the run repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def demo(*, backend: str, shots: int, noise: bool, seed: int | None, as_json: bool) -> None:
    """Run a small program on the in-memory cloud.

    It opens a session, samples a Bell state and estimates XX for several parameter values through
    the official primitives.
    """

    def say(line: str) -> None:
        if not as_json and sys.stderr.isatty():
            click.echo(line, err=True)

    report = run_demo(backend=backend, shots=shots, noise=noise, seed=seed, say=say)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
    else:
        from .demo_view import show

        show(report)


def run_demo(
    *, backend: str, shots: int, noise: bool, seed: int | None, say: Callable[[str], None]
) -> DemoReport:
    """Run the demo and return what came of it.

    Raises:
        SwqrError: Something could not be run; the error says what to do.
    """
    say("Loading Qiskit ...")
    settings = f"noise={'on' if noise else 'off'}" + ("" if seed is None else f"&seed={seed}")
    with official_classes("swqr demo"):
        return _run(f"memory://?{settings}", backend, shots, noise=noise, say=say)


def _run(
    url: str, backend_name: str, shots: int, *, noise: bool, say: Callable[[str], None]
) -> DemoReport:
    import numpy as np
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter
    from qiskit.quantum_info import SparsePauliOp
    from qiskit.transpiler import generate_preset_pass_manager

    from swqr_adapters.facade import EstimatorV2, QiskitRuntimeService, SamplerV2, Session

    service = QiskitRuntimeService(transport=url)
    try:
        backend = service.backend(backend_name)
        if backend.num_qubits < _QUBITS:
            raise InvalidInputError(
                "backend", f"{backend_name} has {backend.num_qubits} qubit, and a pair needs two"
            )
        isa = generate_preset_pass_manager(
            backend=backend, optimization_level=1, seed_transpiler=1
        ).run

        bell = QuantumCircuit(2)
        bell.h(0)
        bell.cx(0, 1)
        bell.measure_all()

        theta = Parameter("theta")
        rotated = QuantumCircuit(2)
        rotated.ry(theta, 0)
        rotated.cx(0, 1)
        rotated = isa(rotated)
        # Turning one qubit of the pair: XX grows with the angle as its sine.
        observable = SparsePauliOp("XX").apply_layout(rotated.layout)
        angles = [float(fraction * np.pi) for fraction in _ANGLES]

        say(f"Running on {backend.name} ...")
        with Session(backend=backend) as session:
            sampled = SamplerV2(mode=session).run([isa(bell)], shots=shots)
            estimator = EstimatorV2(mode=session)
            estimated = estimator.run(
                [(rotated, observable, [[angle] for angle in angles])], precision=shots**-0.5
            )
            counts = sampled.result()[0].data.meas.get_counts()
            data = estimated.result()[0].data

        runtime = service.runtime
        snapshot = runtime.session(session.session_id)
        jobs = [runtime.job(job.job_id()) for job in (sampled, estimated)]
    finally:
        service.close()

    return DemoReport(
        backend=backend.name,
        num_qubits=backend.num_qubits,
        noise=noise,
        session=_session(snapshot),
        jobs=[
            {
                "id": job.id,
                "program": job.spec.program_id,
                "state": job.state.value,
                "usage_seconds": job.usage.quantum_seconds,
            }
            for job in jobs
        ],
        counts={bits: int(count) for bits, count in sorted(counts.items())},
        angles=angles,
        evs=[float(value) for value in data.evs],
        stds=[float(value) for value in data.stds],
    )


def _session(snapshot: SessionSnapshot) -> dict[str, Any]:
    timeline = [
        {"state": step.state.value, "at": step.at.isoformat(), "reason": step.reason}
        for step in snapshot.steps
    ]
    return {
        "id": snapshot.id,
        "state": snapshot.state.value,
        "usage_seconds": snapshot.usage_seconds,
        "timeline": timeline,
    }
