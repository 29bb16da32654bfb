"""The program ``sampler``: shots of circuits.

Gate twirling turns the modelled errors of two-qubit gates into Pauli errors, the average over all
randomizations. Measurement twirling changes nothing, since the modelled readout errors are
symmetric; dynamical decoupling neither, since it does not refocus relaxation. Shapes and metadata
of the results are the service's in every case.
"""

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

from swqr_adapters.clock import SystemClock
from swqr_adapters.codec import encode
from swqr_adapters.codec.values import ExecutionSpan, ExecutionSpans
from swqr_adapters.execution.checks import (
    KERNELED_BITS,
    check_circuit,
    check_executions,
    check_twirlable,
    parameter_array,
    points_of,
)
from swqr_adapters.execution.device import Device
from swqr_adapters.execution.durations import circuit_seconds, job_seconds, later
from swqr_adapters.execution.errors import ProgramError
from swqr_adapters.execution.inputs import (
    metrics,
    pub_seed,
    read_circuit,
    read_parameters,
    read_shots,
)
from swqr_adapters.execution.options import SamplerOptions, sampler_options
from swqr_adapters.execution.result import ProgramResult
from swqr_adapters.execution.sampling import sample
from swqr_core.ports.executor import ExecutionRequest

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.primitives import BitArray

__all__ = ["run"]

_KEYS: Final = ("pubs", "shots", "options", "version", "support_qiskit")
_DEFAULT_SHOTS: Final = 4096
_MOST_ENTRIES: Final = 3
#: What Qiskit's DataBin refuses as names of fields.
_TAKEN: Final = frozenset(
    {"keys", "values", "items", "shape", "ndim", "size", "_data", "_shape"}
    | {"_SHAPE", "_FIELDS", "_FIELD_TYPES", "_RESTRICTED_NAMES"}
)
#: Width of the clouds that kerneled measurements lie in; their centres are at -1 and +1.
_CLOUD: Final = 0.2


@frozen(kw_only=True, eq=False)
class _Pub:
    circuit: "QuantumCircuit"
    values: npt.NDArray[np.float64]
    shots: int

    @property
    def sweep(self) -> tuple[int, ...]:
        return self.values.shape[:-1]

    @property
    def executions(self) -> int:
        return self.shots * points_of(self.values)


def run(request: ExecutionRequest) -> ProgramResult:
    """Run a sampler job.

    Raises:
        ProgramError: The job cannot be run; nothing was.
        PayloadError: Its parameters cannot be decoded.
    """
    params = read_parameters(request, _KEYS)
    options = sampler_options(params.get("options"))
    device = Device.from_spec(request.device)
    default = read_shots(params.get("shots"), "the job")
    wrapped = bool(params.get("support_qiskit"))
    pubs = [
        _read(pub, f"pub {index}", device, options, default)
        for index, pub in enumerate(params["pubs"])
    ]
    if wrapped:
        for index, pub in enumerate(pubs):
            _check_names(pub.circuit, f"pub {index}")
    each = KERNELED_BITS if options.meas_type == "kerneled" else 1
    check_executions(
        sum(pub.executions for pub in pubs),
        sum(pub.executions * pub.circuit.num_clbits * each for pub in pubs),
    )
    started = SystemClock().now()
    seed = request.seed if options.seed is None else options.seed
    results = []
    for index, pub in enumerate(pubs):
        registers = sample(
            pub.circuit,
            pub.values,
            shots=pub.shots,
            seed=pub_seed(seed, index),
            device=device,
            twirled=options.twirling.enable_gates,
        )
        results.append((_data(registers, options, pub_seed(seed, index)), _metadata(pub, options)))
    seconds = [circuit_seconds(pub.circuit, device) for pub in pubs]
    used = job_seconds(
        [(second, pub.executions) for second, pub in zip(seconds, pubs, strict=True)],
        device,
        rep_delay=options.rep_delay,
    )
    if wrapped:
        from qiskit.primitives import DataBin, PrimitiveResult, SamplerPubResult

        stopped = later(started, used)
        spans = ExecutionSpans([_span(pubs, options, started, stopped)])
        document: Any = PrimitiveResult(
            [
                SamplerPubResult(DataBin(**data, shape=pub.sweep), metadata)
                for pub, (data, metadata) in zip(pubs, results, strict=True)
            ],
            {"version": 2, "execution": {"execution_spans": spans}},
        )
    else:
        document = {
            "results": [
                {"data": {name: _plain(bits) for name, bits in data.items()}, "metadata": metadata}
                for data, metadata in results
            ],
            "metadata": {"version": 2},
        }
    return ProgramResult(
        result=encode(document),
        quantum_seconds=used,
        metrics=metrics(
            [pub.circuit for pub in pubs], sum(pub.executions for pub in pubs), seconds
        ),
        logs=[f"{len(pubs)} pubs on {device.name}, {used:.3f} quantum seconds", *options.remarks],
    )


def _read(
    given: object, where: str, device: Device, options: SamplerOptions, default: int | None
) -> _Pub:
    entries = given if isinstance(given, list | tuple) else [given]
    if not 1 <= len(entries) <= _MOST_ENTRIES:
        raise ProgramError(
            f"{where} has {len(entries)} entries.",
            1002,
            "A pub is a circuit, parameter values and a number of shots, the last two optional.",
        )
    circuit = read_circuit(entries[0], where, device)
    check_circuit(circuit, device, where)
    if options.twirling.enable_gates:
        check_twirlable(circuit, device, where)
    values = parameter_array(circuit, entries[1] if len(entries) > 1 else None, where)
    shots = read_shots(entries[2], where) if len(entries) == _MOST_ENTRIES else None
    for other in (default, options.twirling.product, options.default_shots, _DEFAULT_SHOTS):
        shots = other if shots is None else shots
    assert shots is not None  # noqa: S101 - the last default is a number
    return _Pub(circuit=circuit, values=values, shots=shots)


def _check_names(circuit: "QuantumCircuit", where: str) -> None:
    """Check that a result of Qiskit's can have a field for each register.

    Raises:
        ProgramError: A name is one of the result's own (code 1002).
    """
    for register in circuit.cregs:
        if register.name in _TAKEN:
            raise ProgramError(
                f"The classical register {register.name!r} of {where} cannot be a field of a "
                "DataBin, which has an attribute of this name.",
                1002,
                'Rename the register, or send "support_qiskit": false.',
            )


def _metadata(pub: _Pub, options: SamplerOptions) -> dict[str, Any]:
    metadata: dict[str, Any] = {"circuit_metadata": pub.circuit.metadata or {}}
    if options.twirling.enabled:
        metadata["num_randomizations"] = options.twirling.layout(pub.shots)[0]
    return metadata


def _span(pubs: list[_Pub], options: SamplerOptions, started: Any, stopped: Any) -> ExecutionSpan:
    slices: dict[int, Any] = {}
    for index, pub in enumerate(pubs):
        points = points_of(pub.values)
        if options.twirling.enabled:
            circuits, each = options.twirling.layout(pub.shots)
            shape = (circuits, *pub.sweep, each)
            slices[index] = (shape, 1, 0, circuits * points, 0, each, pub.shots)
        else:
            slices[index] = ((*pub.sweep, pub.shots), 0, points, 0, pub.shots)
    return ExecutionSpan(
        kind="TwirledSliceSpanV2" if options.twirling.enabled else "DoubleSliceSpan",
        start=started,
        stop=stopped,
        data_slices=slices,
    )


def _data(registers: "dict[str, BitArray]", options: SamplerOptions, seed: int) -> dict[str, Any]:
    """Return the results in the form that ``options.execution.meas_type`` asks for."""
    if options.meas_type == "classified":
        return dict(registers)
    rng = np.random.Generator(np.random.PCG64(seed))
    found = {}
    for name, bits in registers.items():
        centres = 2.0 * bits.to_bool_array(order="little") - 1.0
        radius = _CLOUD * np.sqrt(-2 * np.log1p(-rng.random(centres.shape)))
        kerneled = centres + radius * np.exp(2j * math.pi * rng.random(centres.shape))
        found[name] = kerneled if options.meas_type == "kerneled" else kerneled.mean(axis=-2)
    return found


def _plain(data: Any) -> Any:
    """Return a register's results as plain JSON."""
    if isinstance(data, np.ndarray):
        return np.stack([data.real, data.imag], axis=-1).tolist()

    def samples(array: npt.NDArray[np.uint8]) -> Any:
        if array.ndim > 2:  # noqa: PLR2004 - shots and bytes
            return [samples(part) for part in array]
        raw = array.tobytes()
        step = array.shape[-1]
        return [
            hex(int.from_bytes(raw[i * step : (i + 1) * step], "big")) for i in range(len(array))
        ]

    return {"samples": samples(data.array), "num_bits": data.num_bits}
