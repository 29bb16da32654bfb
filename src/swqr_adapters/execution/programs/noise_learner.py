"""The program ``noise-learner``: version 2 for circuits, version 3 for boxed instructions.

Nothing is sampled: the noise of the simulated device is known, and the answer is what a learner
would find with endless shots. Standard deviations are zero accordingly.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from swqr_adapters.codec.budget import Budget
from swqr_adapters.codec.decoder import decode
from swqr_adapters.codec.encoder import encode
from swqr_adapters.codec.errors import MalformedPayloadError, shorten
from swqr_adapters.codec.parsing import parse
from swqr_adapters.codec.values import LayerError, PauliLindbladError
from swqr_adapters.execution.checks import check_circuit
from swqr_adapters.execution.device import Device
from swqr_adapters.execution.durations import job_seconds
from swqr_adapters.execution.errors import ProgramError
from swqr_adapters.execution.inputs import has_version, metrics, read_circuit
from swqr_adapters.execution.result import ProgramResult
from swqr_core.ports.executor import ExecutionRequest

from ._boxes import learn_boxes
from ._layers import STRATEGIES, Layer, frequent_layers
from ._learning import Noise, layer_noise, learning_runs

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["run"]

DEFAULTS: Final[Mapping[str, Any]] = {
    "max_layers_to_learn": 4,
    "shots_per_randomization": 128,
    "num_randomizations": 32,
    "layer_pair_depths": [0, 1, 2, 4, 16, 32],
    "twirling_strategy": "active-accum",
}
OTHER_OPTIONS: Final = frozenset({"experimental", "simulator", "support_qiskit"})
INCOMPATIBLE: Final = 1521
OLD_QPY: Final = 14  # layers are plain circuits, and clients may be older than this Qiskit


def run(request: ExecutionRequest) -> ProgramResult:
    """Run the job; which version it is says ``schema_version``, which only version 3 has.

    Raises:
        PayloadError: The parameters cannot be read; the error says where.
        ProgramError: What they ask for cannot be learned.
    """
    device = Device.from_spec(request.device)
    document = parse(request.params, Budget())
    if isinstance(document, dict) and "schema_version" in document:
        return learn_boxes(document, device)
    return _learn_circuits(decode(request.params), device)


def _learn_circuits(params: Any, device: Device) -> ProgramResult:
    circuits, options = _read(params, device)
    for index, circuit in enumerate(circuits):
        check_circuit(circuit, device, f"circuit {index}")
    layers = frequent_layers(circuits, options["twirling_strategy"], options["max_layers_to_learn"])
    data = [_error(layer, layer_noise(layer.gates, layer.qubits, device)) for layer in layers]
    runs = [
        run
        for layer in layers
        for run in learning_runs(layer.gates, layer.qubits, device, options=options)
    ]
    return ProgramResult(
        result=encode(
            {"data": data, "metadata": {"backend": device.name, "input_options": options}},
            qpy_version=OLD_QPY,
        ),
        quantum_seconds=job_seconds(runs, device),
        metrics=metrics(circuits, sum(count for _, count in runs), [run[0] for run in runs]),
    )


def _error(layer: Layer, noise: Noise) -> LayerError:
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import PauliList

    position = {qubit: index for index, qubit in enumerate(layer.qubits)}
    width = len(layer.qubits)
    circuit = QuantumCircuit(width)
    for gate in layer.gates:
        circuit.append(gate.operation, [position[qubit] for qubit in gate.qubits])
    labels = []
    for letters, places in noise.generators:
        label = ["I"] * width
        for letter, place in zip(letters, places, strict=True):
            label[width - 1 - place] = letter
        labels.append("".join(label))
    return LayerError(
        circuit, layer.qubits, PauliLindbladError(PauliList(labels), np.asarray(noise.rates))
    )


def _read(params: Any, device: Device) -> "tuple[list[QuantumCircuit], dict[str, Any]]":
    """Return the circuits, and the options with their defaults filled in."""
    if not isinstance(params, dict):
        raise MalformedPayloadError("$", "an object with circuits is due")
    if extra := params.keys() - {"circuits", "options", "version"}:
        raise MalformedPayloadError("$", f"the field {shorten(min(extra))} is not known")
    if not has_version(params, 2):
        raise MalformedPayloadError(
            "$.version", "2 is due, or a schema_version for boxed instructions"
        )
    circuits = params.get("circuits")
    if not isinstance(circuits, list):
        raise MalformedPayloadError("$.circuits", "a list of circuits is due")
    given = params.get("options")
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise MalformedPayloadError("$.options", "an object is due")
    if extra := given.keys() - DEFAULTS.keys() - OTHER_OPTIONS:
        raise MalformedPayloadError("$.options", f"{shorten(min(extra))} is no option")
    simulator = given.get("simulator")
    if isinstance(simulator, dict) and simulator.get("noise_model") is not None:
        raise ProgramError(
            "The noise learner learns the noise of its device, not simulator.noise_model.",
            INCOMPATIBLE,
            "Leave the noise model out, or run on a device that has it.",
        )
    options = {name: given.get(name, default) for name, default in DEFAULTS.items()}
    _check(options)
    read = [
        read_circuit(circuit, f"circuit {index}", device) for index, circuit in enumerate(circuits)
    ]
    return read, options


def _check(options: Mapping[str, Any]) -> None:
    def whole(value: Any, least: int) -> bool:
        return type(value) is int and value >= least

    limit = options["max_layers_to_learn"]
    if limit is not None and not whole(limit, 0):
        raise MalformedPayloadError("$.options.max_layers_to_learn", "a number or null is due")
    for name in ("shots_per_randomization", "num_randomizations"):
        if not whole(options[name], 1):
            raise MalformedPayloadError(f"$.options.{name}", "a number of at least 1 is due")
    depths = options["layer_pair_depths"]
    if not isinstance(depths, list) or not all(whole(depth, 0) for depth in depths):
        raise MalformedPayloadError("$.options.layer_pair_depths", "a list of depths is due")
    strategy = options["twirling_strategy"]
    if not isinstance(strategy, str) or strategy not in STRATEGIES:
        raise MalformedPayloadError(
            "$.options.twirling_strategy", f"one of {', '.join(STRATEGIES)} is due"
        )
