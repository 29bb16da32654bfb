"""The program ``executor``: quantum programs of plain circuits and of randomized ones.

Answers come in the schema version of the question. Kerneled results are made from the bits: an
ideal point at -1 for a 0 and at +1 for a 1, in arbitrary units, blurred by a Gaussian that tells
the two apart in all but one of 30,000 shots.
"""

import json
import operator
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from swqr_adapters.clock import SystemClock
from swqr_adapters.codec.errors import is_about_input
from swqr_adapters.codec.tensors import bits_to_tensor, write_tensor
from swqr_adapters.execution.checks import KERNELED_BITS, check_circuit, check_executions
from swqr_adapters.execution.device import Device
from swqr_adapters.execution.durations import REP_DELAY, circuit_seconds, job_seconds, later
from swqr_adapters.execution.errors import ProgramError
from swqr_adapters.execution.inputs import metrics
from swqr_adapters.execution.result import ProgramResult
from swqr_adapters.execution.sampling import sample
from swqr_core.ports.executor import ExecutionRequest

from ._quantum_program import Item, QuantumProgram, read_program
from ._randomize import draw

if TYPE_CHECKING:
    from qiskit.primitives import BitArray

__all__ = ["run"]

BLUR: Final = 0.25  # of a kerneled point, in units of half the distance between 0 and 1
BAD_ARGUMENTS: Final = 1002


def run(request: ExecutionRequest) -> ProgramResult:
    """Run the job.

    Raises:
        PayloadError: The parameters cannot be read; the error says where.
        ProgramError: What they ask for cannot be run.
    """
    device = Device.from_spec(request.device)
    program = read_program(request.params, device)
    for index, item in enumerate(program.items):
        check_circuit(item.circuit, device, f"item {index}")
    executions = [program.shots * item.size for item in program.items]
    each = KERNELED_BITS if program.meas_level in {"kerneled", "both"} else 1
    bits = [item.circuit.num_clbits * each for item in program.items]
    check_executions(sum(executions), sum(map(operator.mul, executions, bits)))
    start = SystemClock().now()
    seeds = np.random.SeedSequence(request.seed).spawn(len(program.items))
    data = [
        _run_item(program, index, item, device, np.random.default_rng(seed))
        for index, (item, seed) in enumerate(zip(program.items, seeds, strict=True))
    ]
    lengths = [circuit_seconds(item.circuit, device) for item in program.items]
    used = job_seconds(
        zip(lengths, executions, strict=True), device, rep_delay=program.options.get("rep_delay")
    )
    work = [count * (length + REP_DELAY) for length, count in zip(lengths, executions, strict=True)]
    shares = [used * part / (sum(work) or 1.0) for part in work]
    answer = {
        "schema_version": program.version,
        "data": data,
        "metadata": {"chunk_timing": list(_chunks(program, shares, start))},
        **program.echo,
    }
    return ProgramResult(
        result=json.dumps(answer, separators=(",", ":")).encode(),
        quantum_seconds=used,
        metrics=metrics([item.circuit for item in program.items], sum(executions), lengths),
        logs=tuple(_remarks(program)),
    )


def _run_item(
    program: QuantumProgram,
    index: int,
    item: Item,
    device: Device,
    generator: np.random.Generator,
) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    values = item.arguments
    if item.samplex is not None:
        try:
            outputs = draw(item.samplex, item.samplex_arguments, item.shape, generator)
        except BaseException as exc:
            if not is_about_input(exc):
                raise
            raise ProgramError(
                f"The samplex of item {index} cannot be sampled: {exc}",
                BAD_ARGUMENTS,
                "Check its samplex_arguments and shape.",
            ) from exc
        values = outputs.pop("parameter_values", None)
    if values is None:
        values = np.empty((0,))
    values = np.broadcast_to(values, (*item.shape, item.circuit.num_parameters))
    bits = sample(
        item.circuit,
        values,
        shots=program.shots,
        seed=int(generator.integers(2**63)),
        device=device,
    )
    results = {
        name: write_tensor(array, compressed=program.compressed) for name, array in outputs.items()
    }
    for name, found in bits.items():
        results.update(_levels(name, found, program, generator))
    metadata: dict[str, Any] | None = None if program.version == "v0.1" else {}
    return {"results": results, "metadata": metadata}


def _levels(
    name: str, found: "BitArray", program: QuantumProgram, generator: np.random.Generator
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return a register's results at the level that was asked for."""
    level, compressed = program.meas_level, program.compressed
    if level in {"classified", "both"}:
        yield name, bits_to_tensor(found.array, found.num_bits, compressed=compressed)
    if level == "classified":
        return
    points = found.to_bool_array(order="little") * 2.0 - 1.0
    blur = generator.normal(scale=BLUR, size=(2, *points.shape))
    points = points + blur[0] + 1j * blur[1]
    if level == "avg_kerneled":
        yield f"{name}_avg_iq", write_tensor(points.mean(axis=-2), compressed=compressed)
    else:
        yield f"{name}_iq", write_tensor(points, compressed=compressed)


def _chunks(
    program: QuantumProgram, seconds: list[float], start: datetime
) -> Iterator[dict[str, Any]]:
    """Yield when each chunk ran, by the duration model: one after the other from *start*."""
    begin, passed = start, 0.0
    for index, (item, took) in enumerate(zip(program.items, seconds, strict=True)):
        step = item.chunk_size or max(item.size, 1)
        for first in range(0, item.size, step):
            size = min(step, item.size - first)
            passed += took * size / item.size
            stop = later(begin, passed)
            part: dict[str, Any] = {"idx_item": index, "size": size}
            if program.version >= "v1.0":
                part["permutation"] = list(range(len(item.shape)))
                part["element_range"] = [first, first + size, 1]
            yield {"start": _iso(start), "stop": _iso(stop), "parts": [part]}
            start = stop


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _remarks(program: QuantumProgram) -> Iterator[str]:
    """Yield what the caller asked for and will not find in the answer."""
    for option in ("scheduler_timing", "stretch_values"):
        if program.options.get(option):
            yield f"{option} is left out: circuits are simulated, not scheduled"
    if program.options.get("init_qubits") is False:
        yield "init_qubits is taken as true: every shot begins in the ground state"
