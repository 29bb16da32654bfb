"""``swqr run``: a circuit from a file, sampled."""

import io
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import click

from swqr_adapters.execution.text import one_line
from swqr_core.errors import InvalidInputError

from .common import job_goes_on, json_option, print_json, profile_option
from .official import official_classes

__all__ = ["run"]


@click.command()
@click.argument(
    "file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)
)
@profile_option
@json_option
@click.option(
    "--backend", help="Where to run; the shortest queue that is large enough if left out."
)
@click.option("--shots", default=1024, show_default=True, type=click.IntRange(1, 10_000_000))
@click.option(
    "--optimization-level",
    "level",
    default=1,
    show_default=True,
    type=click.IntRange(0, 3),
    help="How hard the transpiler tries.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="For the transpiler.")
@click.option("--timeout", type=click.FloatRange(0), help="Seconds to wait; for ever if left out.")
def run(
    *,
    file: Path,
    profile: str | None,
    as_json: bool,
    backend: str | None,
    shots: int,
    level: int,
    seed: int | None,
    timeout: float | None,
) -> None:
    """Sample the circuit in an OpenQASM 3 or QPY file, and show its counts.

    A dash as FILE stands for standard input.
    """
    with official_classes("swqr run"):
        report = _run(
            _circuit(file),
            profile=profile,
            backend_name=backend,
            shots=shots,
            level=level,
            seed=seed,
            timeout=timeout,
        )
    if as_json:
        print_json(report)
        return
    from .results import show_counts

    click.echo(one_line(f"job {report['job']} on {report['backend']}"))
    show_counts(report["counts"])


def _circuit(file: Path) -> Any:
    """Read a circuit, with the checks that circuits of strangers pass."""
    from swqr_adapters.codec.budget import Budget
    from swqr_adapters.codec.errors import PayloadError
    from swqr_adapters.codec.qpy import load_circuits

    raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        if raw.startswith(b"QISKIT"):
            circuit = load_circuits(raw, Budget())[0]
        else:
            circuit = _from_text(raw.decode("utf-8"))
    except (PayloadError, UnicodeDecodeError) as error:
        raise InvalidInputError(str(file), f"cannot be read: {error}") from error
    if not circuit.num_clbits:
        raise InvalidInputError(str(file), "the circuit measures nothing: add a measurement")
    return circuit


def _from_text(text: str) -> Any:
    import qiskit.qasm2
    import qiskit.qasm3
    from qiskit.exceptions import MissingOptionalLibraryError

    from swqr_adapters.codec.errors import MalformedPayloadError

    if "OPENQASM 2" in text[: text.find(";") + 1]:
        return qiskit.qasm2.loads(text)
    # The parser tells the place on standard error, and raises an empty error.
    with redirect_stderr(io.StringIO()) as told:
        try:
            return qiskit.qasm3.loads(text)
        except MissingOptionalLibraryError:
            raise
        except Exception as error:
            problem = told.getvalue().strip() or str(error) or "a syntax error"
            raise MalformedPayloadError("$", one_line(problem)) from error


def _run(
    circuit: Any,
    *,
    profile: str | None,
    backend_name: str | None,
    shots: int,
    level: int,
    seed: int | None,
    timeout: float | None,
) -> dict[str, Any]:
    from qiskit.transpiler import generate_preset_pass_manager

    from swqr_adapters.facade import QiskitRuntimeService, SamplerV2

    with QiskitRuntimeService(transport=profile) as service:
        name = backend_name or _least_busy(service.runtime, circuit.num_qubits)
        backend = service.backend(name)
        manager = generate_preset_pass_manager(
            backend=backend, optimization_level=level, seed_transpiler=seed
        )
        job = SamplerV2(mode=backend).run([manager.run(circuit)], shots=shots)
        with job_goes_on(job.job_id(), service.runtime, profile):
            counts = job.result(timeout=timeout)[0].join_data().get_counts()
        return {
            "job": job.job_id(),
            "backend": backend.name,
            "shots": shots,
            "counts": dict(sorted(counts.items())),
        }


def _least_busy(runtime: Any, num_qubits: int) -> str:
    found = [
        one
        for one in runtime.backends()
        if one.num_qubits >= num_qubits and one.status == "online" and not one.is_mock
    ]
    if not found:
        raise InvalidInputError("circuit", f"no backend that is online has {num_qubits} qubits")
    return str(min(found, key=lambda one: (one.queue_length, one.num_qubits, one.name)).name)
