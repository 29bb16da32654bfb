"""The program ``estimator``: expectation values of observables.

Values are exact up to one normal draw with the variance of the asked-for number of shots; a
precision of zero gives exact values. What error mitigation does is in ``mitigation``; changing the
basis before a measurement is taken to be free of errors, dynamical decoupling changes nothing, and
gate twirling turns the modelled errors of two-qubit gates into Pauli errors.
"""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from swqr_adapters.codec import encode
from swqr_adapters.execution.checks import (
    check_circuit,
    check_executions,
    check_static,
    check_twirlable,
    parameter_array,
    points_of,
)
from swqr_adapters.execution.device import Device
from swqr_adapters.execution.durations import circuit_seconds, job_seconds
from swqr_adapters.execution.errors import ProgramError
from swqr_adapters.execution.estimation import EstimatorPub, estimate
from swqr_adapters.execution.inputs import (
    metrics,
    pub_seed,
    read_circuit,
    read_parameters,
    read_shots,
)
from swqr_adapters.execution.mitigation import check_extrapolators
from swqr_adapters.execution.observables import measurement_bases, read_observables
from swqr_adapters.execution.options import EstimatorOptions, estimator_options
from swqr_adapters.execution.result import ProgramResult
from swqr_core.ports.executor import ExecutionRequest

__all__ = ["run"]

_KEYS: Final = (
    "pubs",
    "options",
    "resilience_level",
    "precision",
    "version",
    "support_qiskit",
    "shots",
)
_FEWEST_ENTRIES: Final = 2
_MOST_ENTRIES: Final = 4
# Beyond these a number of shots is no number, or none.
_FINEST: Final = 1e-50
_COARSEST: Final = 1e50


def run(request: ExecutionRequest) -> ProgramResult:
    """Run an estimator job.

    Raises:
        ProgramError: The job cannot be run; nothing was.
        PayloadError: Its parameters cannot be decoded.
    """
    params = read_parameters(request, _KEYS)
    options = estimator_options(params.get("options"), params.get("resilience_level"))
    if options.zne is not None:
        check_extrapolators(options.zne)
    device = Device.from_spec(request.device)
    default = _default_precision(params, options)
    pubs = [_read(pub, f"pub {index}", device, default) for index, pub in enumerate(params["pubs"])]
    if options.twirling.enable_gates or options.pec is not None:
        for index, pub in enumerate(pubs):
            check_twirlable(pub.circuit, device, f"pub {index}")
    counts = [_executions(pub, options) for pub in pubs]
    check_executions(sum(max(points_of(pub.values), math.prod(pub.shape)) for pub in pubs), 0)
    seed = request.seed if options.seed is None else options.seed
    results = []
    for index, pub in enumerate(pubs):
        fields, chosen = estimate(pub, device, options, seed=pub_seed(seed, index))
        results.append((pub, fields, _pub_metadata(pub, options, chosen)))
    seconds = [circuit_seconds(pub.circuit, device) for pub in pubs]
    executions = list(zip(seconds, counts, strict=True))
    if options.calibration_shots and any(counts):
        executions.append((0.0, options.calibration_shots))
    used = job_seconds(executions, device, rep_delay=options.rep_delay)
    if params.get("support_qiskit"):
        from qiskit.primitives import DataBin, PrimitiveResult, PubResult

        document: Any = PrimitiveResult(
            [
                PubResult(DataBin(**fields, shape=pub.shape), metadata)
                for pub, fields, metadata in results
            ],
            _metadata(options),
        )
    else:
        document = {
            "results": [
                {
                    "data": {name: array.tolist() for name, array in fields.items()},
                    "metadata": metadata,
                }
                for _, fields, metadata in results
            ],
            "metadata": _metadata(options),
        }
    return ProgramResult(
        result=encode(document),
        quantum_seconds=used,
        metrics=metrics([pub.circuit for pub in pubs], sum(counts), seconds),
        logs=[f"{len(pubs)} pubs on {device.name}, {used:.3f} quantum seconds", *options.remarks],
    )


def _default_precision(params: dict[str, Any], options: EstimatorOptions) -> float:
    default = _precision(options.default_precision, "the options")
    given = _precision(params.get("precision"), "the job")
    if given is not None:
        return given
    shots = read_shots(params.get("shots"), "the job") or options.default_shots
    if shots is not None:
        return 1 / math.sqrt(shots)
    return default or 0.0


def _precision(given: object, where: str) -> float | None:
    if given is None:
        return None
    if (
        isinstance(given, bool)
        or not isinstance(given, int | float)
        or not (given == 0 or _FINEST <= given <= _COARSEST)
    ):
        raise ProgramError(
            f"The precision of {where} is {given!r}.",
            1002,
            f"Ask for a number from {_FINEST:g} to {_COARSEST:g}, or for 0: exact values.",
        )
    return float(given)


def _read(given: object, where: str, device: Device, default: float) -> EstimatorPub:
    entries = given if isinstance(given, list | tuple) else [given]
    if not _FEWEST_ENTRIES <= len(entries) <= _MOST_ENTRIES:
        raise ProgramError(
            f"{where} has {len(entries)} entries.",
            1002,
            "A pub is a circuit, observables, parameter values and a precision, the last two "
            "optional.",
        )
    entries = [*entries, None, None][:_MOST_ENTRIES]
    circuit = read_circuit(entries[0], where, device)
    check_static(circuit, where)
    check_circuit(circuit, device, where)
    observables = read_observables(entries[1], circuit.num_qubits, where)
    values = parameter_array(circuit, entries[2], where)
    try:
        shape = np.broadcast_shapes(observables.shape, values.shape[:-1])
    except ValueError:
        raise ProgramError(
            f"The observables of {where} have the shape {observables.shape}, its parameter values "
            f"{values.shape[:-1]}: they do not broadcast.",
            1002,
            "Give observables and parameter sets of equal shapes, or with axes of length 1.",
        ) from None
    precision = _precision(entries[3], where)
    return EstimatorPub(
        circuit=circuit,
        observables=observables,
        values=values,
        precision=default if precision is None else precision,
        shape=shape,
    )


def _executions(pub: EstimatorPub, options: EstimatorOptions) -> int:
    factors = 1 if options.zne is None else len(options.zne.noise_factors)
    return pub.shots * points_of(pub.values) * measurement_bases(pub.paulis) * factors


def _pub_metadata(
    pub: EstimatorPub, options: EstimatorOptions, chosen: list[str]
) -> dict[str, Any]:
    resilience: dict[str, Any] = {}
    if options.zne is not None:
        names: npt.NDArray[Any] = np.array(chosen, dtype=object).reshape(pub.shape)
        resilience["zne"] = {"extrapolator": names.tolist()}
    return {
        "shots": pub.shots,
        "target_precision": pub.precision,
        "circuit_metadata": pub.circuit.metadata or {},
        "resilience": resilience,
        "num_randomizations": _randomizations(pub, options)[0],
    }


def _randomizations(pub: EstimatorPub, options: EstimatorOptions) -> tuple[int, int]:
    if not options.twirling.enabled:
        return 1, pub.shots
    return options.twirling.layout(max(1, pub.shots), pec=options.pec is not None)


def _metadata(options: EstimatorOptions) -> dict[str, Any]:
    twirling = options.twirling
    resilience: dict[str, Any] = {
        "measure_mitigation": options.measure_mitigation,
        "zne_mitigation": options.zne is not None,
        "pec_mitigation": options.pec is not None,
    }
    if options.zne is not None:
        resilience["zne"] = {
            "amplifier": options.zne.amplifier,
            "noise_factors": list(options.zne.noise_factors),
            "extrapolator": list(options.zne.extrapolators),
            "extrapolated_noise_factors": list(options.zne.extrapolated_factors),
        }
    return {
        "dynamical_decoupling": {
            "enable": False,
            "sequence_type": "XX",
            "extra_slack_distribution": "middle",
            "scheduling_method": "alap",
            **options.dynamical_decoupling,
        },
        "twirling": {
            "enable_gates": twirling.enable_gates,
            "enable_measure": twirling.enable_measure,
            "num_randomizations": twirling.num_randomizations or "auto",
            "shots_per_randomization": twirling.shots_per_randomization or "auto",
            "interleave_randomizations": True,
            "strategy": twirling.strategy,
        },
        "resilience": resilience,
        "version": 2,
    }
