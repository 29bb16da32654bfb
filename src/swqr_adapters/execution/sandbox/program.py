"""What an uploaded program is given: a backend, and a way to publish interim results."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from qiskit.circuit import QuantumCircuit
from qiskit.primitives import (
    BaseEstimatorV2,
    BaseSamplerV2,
    PrimitiveResult,
)
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.providers import BackendV2, JobStatus, Options
from qiskit.result import Result

from swqr_adapters.codec import decode, encode
from swqr_adapters.execution.device import Device

from .schemas import problem_of

__all__ = ["CloudEstimator", "CloudSampler", "Messenger", "ProgramBackend"]

Run = Callable[[str, bytes], bytes]
"""Has one of the cloud's own programs run, in the job's session: its id and parameters."""

_SHOTS = 1024


class Messenger:
    """Publishes interim results.

    Args:
        send: Takes the JSON text of each.
        schema: Their JSON Schema; empty if the program has none.
    """

    def __init__(self, send: Callable[[bytes], None], schema: Mapping[str, object]) -> None:
        self._send, self._schema = send, schema
        if schema:
            problem_of(schema, None)  # imported now: later there is no way to

    def publish(
        self,
        message: Any,
        encoder: type[json.JSONEncoder] | None = None,
        final: bool = False,  # noqa: FBT001, FBT002, ARG002 - the documented signature
    ) -> None:
        """Publish something while the program runs.

        Args:
            message: JSON values, and whatever else a result may hold.
            encoder: What encodes it; the cloud's own encoder if None.
            final: Ignored: what ``main`` returns is the result.

        Raises:
            TypeError: It cannot be encoded.
            ValueError: It does not fit the program's schema of interim results.
        """
        text = encode(message) if encoder is None else json.dumps(message, cls=encoder).encode()
        problem = problem_of(self._schema, text) if self._schema else None
        if problem is not None:
            raise ValueError(f"the interim result does not fit interim_results: {problem}")
        self._send(text)


class _Done:
    """A run that has ended by the time it is handed out; what Qiskit calls a job."""

    def __init__(self, result: Any) -> None:
        self._result = result

    def result(self) -> Any:
        """Return the result."""
        return self._result

    def job_id(self) -> str:
        """Return an id that names nothing: the run is part of the program's own job."""
        return "inside"

    def status(self) -> JobStatus:
        """Return that it is done."""
        return JobStatus.DONE

    def done(self) -> bool:
        """Return True."""
        return True


class CloudSampler(BaseSamplerV2):
    """Samples on the program's backend.

    Args:
        run: Has circuits run.
        options: Options of the sampler, as its REST interface takes them.
    """

    def __init__(self, run: Run, options: Mapping[str, Any] | None = None) -> None:
        self._run, self._options = run, dict(options or {})

    def run(self, pubs: Iterable[Any], *, shots: int | None = None) -> Any:
        """Run pubs, and return what has their result."""
        read = [SamplerPub.coerce(pub, shots) for pub in pubs]
        entries = [
            [pub.circuit, pub.parameter_values.as_array(pub.circuit.parameters), pub.shots]
            for pub in read
        ]
        params = {"pubs": entries, "options": self._options}
        return _Done(_primitive(self._run, "sampler", params))


class CloudEstimator(BaseEstimatorV2):
    """Estimates expectation values on the program's backend.

    Args:
        run: Has circuits run.
        options: Options of the estimator, as its REST interface takes them.
        resilience_level: How much error mitigation there is; None for the estimator's default.
    """

    def __init__(
        self,
        run: Run,
        options: Mapping[str, Any] | None = None,
        resilience_level: int | None = None,
    ) -> None:
        self._run = run
        self._settings: dict[str, Any] = {"options": dict(options or {})}
        if resilience_level is not None:
            self._settings["resilience_level"] = resilience_level

    def run(self, pubs: Iterable[Any], *, precision: float | None = None) -> Any:
        """Run pubs, and return what has their result."""
        read = [EstimatorPub.coerce(pub, precision) for pub in pubs]
        entries = [
            [
                pub.circuit,
                pub.observables.tolist(),
                pub.parameter_values.as_array(pub.circuit.parameters),
                pub.precision,
            ]
            for pub in read
        ]
        return _Done(_primitive(self._run, "estimator", {"pubs": entries, **self._settings}))


def _primitive(run: Run, program_id: str, params: dict[str, Any]) -> PrimitiveResult:
    document = {**params, "version": 2, "support_qiskit": True}
    result: PrimitiveResult = decode(run(program_id, encode(document)))
    return result


class ProgramBackend(BackendV2):
    """The backend that the program's job runs on.

    Circuits must be in its instructions, as for any other job: ``transpile`` them for it.

    Args:
        spec: The device, as in ``ExecutionRequest.device``.
        run: Has circuits run.
    """

    def __init__(self, spec: Mapping[str, object], run: Run) -> None:
        self._device = Device.from_spec(spec)
        super().__init__(name=self._device.name, backend_version="1.0.0")
        self._run = run
        self._target = self._device.target

    @property
    def target(self) -> Any:
        """What it can do, for the transpiler."""
        return self._target

    @property
    def max_circuits(self) -> None:
        """There is no such limit."""
        return

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=_SHOTS)

    def sampler(self, options: Mapping[str, Any] | None = None) -> CloudSampler:
        """Return a sampler on this backend: Qiskit's interface, the cloud's own program."""
        return CloudSampler(self._run, options)

    def estimator(
        self, options: Mapping[str, Any] | None = None, *, resilience_level: int | None = None
    ) -> CloudEstimator:
        """Return an estimator on this backend: Qiskit's interface, the cloud's own program."""
        return CloudEstimator(self._run, options, resilience_level)

    def run(
        self,
        run_input: QuantumCircuit | list[QuantumCircuit],
        *,
        shots: int | None = None,
        **options: Any,
    ) -> Any:
        """Run circuits, and return what has their counts.

        Args:
            run_input: A circuit or several, without free parameters.
            shots: Of each; 1,024 if None.
            options: Others that Qiskit's programs give: ``memory`` and ``seed_simulator``.
        """
        circuits = [run_input] if isinstance(run_input, QuantumCircuit) else list(run_input)
        count = shots or int(self.options.shots)
        seed = options.get("seed_simulator")
        chosen = {} if seed is None else {"simulator": {"seed_simulator": seed}}
        data = CloudSampler(self._run, chosen).run(circuits, shots=count).result()
        results = [
            _experiment(circuit, pub.data, count, memory=bool(options.get("memory")))
            for circuit, pub in zip(circuits, data, strict=True)
        ]
        document = {
            "backend_name": self.name,
            "backend_version": self.backend_version,
            "job_id": "inside",
            "qobj_id": None,
            "success": True,
            "results": results,
        }
        return _Done(Result.from_dict(document))


def _experiment(
    circuit: QuantumCircuit, data: Any, shots: int, *, memory: bool
) -> dict[str, object]:
    """Return one circuit's shots as Qiskit's older results have them."""
    registers = [(register.name, register.size) for register in circuit.cregs]
    words = [0] * shots
    offset = 0
    for name, size in registers:
        ints = [int(text, 2) for text in data[name].get_bitstrings()]
        words = [word | (value << offset) for word, value in zip(words, ints, strict=True)]
        offset += size
    texts = [hex(word) for word in words]
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    return {
        "shots": shots,
        "success": True,
        "data": {"counts": counts, **({"memory": texts} if memory else {})},
        "header": {
            "name": circuit.name,
            "creg_sizes": [list(register) for register in registers],
            "memory_slots": offset,
            "n_qubits": circuit.num_qubits,
            "qreg_sizes": [[register.name, register.size] for register in circuit.qregs],
            "metadata": circuit.metadata or {},
        },
    }
