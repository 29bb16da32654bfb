"""Version 3 of the noise learner: the noise of boxed instructions, one answer for each."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from swqr_adapters.codec.blobs import from_base64
from swqr_adapters.codec.budget import Budget
from swqr_adapters.codec.errors import MalformedPayloadError, PayloadError, shorten
from swqr_adapters.codec.tensors import write_tensor
from swqr_adapters.execution.device import Device
from swqr_adapters.execution.durations import job_seconds
from swqr_adapters.execution.errors import ProgramError
from swqr_adapters.execution.result import ProgramResult

from ._learning import Gate, Noise, layer_noise, learning_runs, readout_noise
from ._quantum_program import load_annotated, read_options

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["learn_boxes"]

VERSIONS: Final = ("v0.1", "v0.2", "v0.3")
JOB_VALIDATION_FAILED: Final = 1002
#: Any of these groups makes the service drop shots; in a simulation it finds nothing to drop.
CHECKS: Final = (
    ("post_selection",),
    ("bit_flip_checks", "pre_circuit"),
    ("bit_flip_checks", "post_circuit"),
)
DEFAULTS: Final[Mapping[str, Any]] = {
    "shots_per_randomization": 128,
    "num_randomizations": 32,
    "layer_pair_depths": [0, 1, 2, 4, 16, 32],
}


def learn_boxes(params: Mapping[str, Any], device: Device) -> ProgramResult:
    """Return the noise of the boxes in a job's parameters.

    Gates are learned as Pauli-Lindblad channels that follow them, measurements as flips (rates of
    X) that precede them. Positions in an answer count the box's qubits in the device's order.

    Raises:
        PayloadError: The parameters cannot be read; the error says where.
        ProgramError: A box holds what cannot be learned.
    """
    version = params["schema_version"]
    if version not in VERSIONS:
        raise ProgramError(
            f"The schema_version {shorten(version)} of the noise learner is not known.",
            JOB_VALIDATION_FAILED,
            f"Use a client that sends one of {', '.join(VERSIONS)}.",
        )
    options = _options(params.get("options", {}))
    boxes = _boxes(params.get("instructions"))
    learned = [
        _learn(index, box, version=version, options=options, device=device)
        for index, box in enumerate(boxes)
    ]
    runs = [run for _, box_runs in learned for run in box_runs]
    answer = {"schema_version": version, "data": [data for data, _ in learned]}
    return ProgramResult(
        result=json.dumps(answer, separators=(",", ":")).encode(),
        quantum_seconds=job_seconds(runs, device, rep_delay=options.get("rep_delay")),
        metrics={"num_circuits": len(boxes), "executions": sum(count for _, count in runs)},
    )


def _options(given: Any) -> Mapping[str, Any]:
    options = {**DEFAULTS, **read_options(given)}
    for name in ("shots_per_randomization", "num_randomizations"):
        if type(options[name]) is not int or options[name] < 1:
            raise MalformedPayloadError(f"$.options.{name}", "a number of at least 1 is due")
    depths = options["layer_pair_depths"]
    if not isinstance(depths, list) or not all(type(d) is int and d >= 0 for d in depths):
        raise MalformedPayloadError("$.options.layer_pair_depths", "a list of depths is due")
    return options


def _enabled(options: Any, path: Sequence[str]) -> bool:
    """Say whether the group of options at *path* is switched on."""
    group, where = options, "$.options"
    for name in path:
        group, where = group.get(name, {}), f"{where}.{name}"
        if not isinstance(group, dict):
            raise MalformedPayloadError(where, "an object is due")
    return bool(group.get("enable"))


def _boxes(node: Any) -> Sequence[Any]:
    if not isinstance(node, dict) or "circuit_b64" not in node:
        raise MalformedPayloadError("$.instructions", "an object with circuit_b64 is due")
    try:
        circuit = load_annotated(from_base64(node["circuit_b64"]), Budget())[0]
    except PayloadError as exc:
        raise exc.at("$.instructions.circuit_b64") from exc
    return list(circuit.data)


def _learn(
    index: int, instruction: Any, *, version: str, options: Mapping[str, Any], device: Device
) -> tuple[dict[str, Any], list[tuple[float, int]]]:
    if instruction.operation.name != "box":
        raise _unlearnable(index, f"is {shorten(instruction.operation.name)}, no box")
    physical = _physical(index, instruction.qubits, device)
    qubits = sorted(physical)
    steps = _content(instruction.operation, physical)
    used = [qubit for _, places in steps for qubit in places]
    if len(used) != len(set(used)):
        raise _unlearnable(index, "has more than one layer")
    checked = any(_enabled(options, path) for path in CHECKS)
    kept = {str(qubit): 1.0 for qubit in qubits} if checked else {}
    if steps and all(operation.name == "measure" for operation, _ in steps):
        if sorted(used) != qubits:
            raise _unlearnable(index, "does not measure each of its qubits")
        selection: dict[str, Any] = {"fraction_kept": 1.0, "success_rates": kept}
        answer = _answer("trex", readout_noise(qubits, device), len(qubits), selection, version)
        return answer, learning_runs([], qubits, device, options=options)
    gates = [_gate(index, operation, places) for operation, places in steps]
    depths = [str(depth) for depth in options["layer_pair_depths"]]
    selection = {
        "fraction_kept": dict.fromkeys(depths, 1.0),
        "success_rates": dict.fromkeys(depths, kept),
    }
    noise = layer_noise(gates, qubits, device, dressed=True)
    answer = _answer("lindblad", noise, len(qubits), selection, version)
    return answer, learning_runs(gates, qubits, device, options=options)


def _physical(index: int, qubits: Sequence[Any], device: Device) -> list[int]:
    """Return the device's qubits that an instruction acts on.

    The client sends loose qubits of the register of all the device's qubits, in any order.
    """
    from qiskit.circuit import QuantumRegister

    place = {qubit: number for number, qubit in enumerate(QuantumRegister(device.num_qubits, "q"))}
    try:
        return [place[qubit] for qubit in qubits]
    except KeyError as exc:
        raise _unlearnable(
            index, f"acts on {shorten(exc.args[0])}, no qubit of the device's register 'q'"
        ) from None


def _content(box: Any, physical: Sequence[int]) -> list[tuple[Any, tuple[int, ...]]]:
    """Return what the box holds besides its dressing, on the device's qubits."""
    from samplomatic.utils import undress_box

    body = undress_box(box).body
    place = dict(zip(body.qubits, physical, strict=True))
    return [
        (step.operation, tuple(place[qubit] for qubit in step.qubits))
        for step in body.data
        if step.operation.name not in {"barrier", "delay"}
    ]


def _gate(index: int, operation: Any, places: tuple[int, ...]) -> Gate:
    from qiskit.exceptions import QiskitError
    from qiskit.quantum_info import Clifford

    if len(places) > 2:  # noqa: PLR2004 - a pair
        raise _unlearnable(index, f"has {shorten(operation.name)} on {len(places)} qubits")
    try:
        Clifford(operation)
    except QiskitError:
        raise _unlearnable(
            index, f"has {shorten(operation.name)}, no Clifford gate and no measurement"
        ) from None
    return Gate(operation.name, places, operation)


def _answer(
    protocol: str, noise: Noise, width: int, selection: dict[str, Any], version: str
) -> dict[str, Any]:
    if version == "v0.1":
        del selection["success_rates"]
    rates: npt.NDArray[Any] = noise.rates
    return {
        "generators_sparse": [[[letters, list(places)]] for letters, places in noise.generators],
        "num_qubits": width,
        "rates": write_tensor(rates, compressed=False),
        "rates_std": write_tensor(rates * 0.0, compressed=False),
        "metadata": {"learning_protocol": protocol, "post_selection": selection},
    }


def _unlearnable(index: int, why: str) -> ProgramError:
    return ProgramError(
        f"Instruction {index} cannot be learned: it {why}.",
        JOB_VALIDATION_FAILED,
        "Send twirled boxes with one layer of Clifford gates, or with a measurement of each qubit.",
    )
