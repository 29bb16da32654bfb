"""The parameters of the program ``executor``, read by their schema version.

Versions differ in three ways: from v1.0 on the circuits of all items stand in one place, from v1.0
on an item of plain circuits has a shape of its own, from v2.0 on tensors and circuits are
compressed. Everything is checked while it is read; nothing needs the schemas' own models.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from attrs import frozen

from swqr_adapters.codec.blobs import from_base64, inflate
from swqr_adapters.codec.budget import Budget
from swqr_adapters.codec.errors import (
    MalformedPayloadError,
    PayloadError,
    is_about_input,
    shorten,
)
from swqr_adapters.codec.parsing import parse
from swqr_adapters.codec.qpy import load_circuits
from swqr_adapters.codec.schemas import check_samplex
from swqr_adapters.codec.tensors import read_tensor
from swqr_adapters.execution.device import Device
from swqr_adapters.execution.errors import ProgramError
from swqr_adapters.execution.inputs import read_circuit

if TYPE_CHECKING:
    import numpy.typing as npt
    from qiskit import QuantumCircuit

__all__ = ["VERSIONS", "Item", "QuantumProgram", "load_annotated", "read_options", "read_program"]

VERSIONS: Final = ("v0.1", "v0.2", "v1.0", "v1.1", "v2.0")
LEVELS: Final = ("classified", "kerneled", "avg_kerneled", "both")
JOB_VALIDATION_FAILED: Final = 1002
MAX_AXES: Final = 32  # as many as NumPy broadcasts at once
MAX_DELAY: Final = 1  # second between executions; devices offer half a millisecond


@frozen(kw_only=True, eq=False)
class Item:
    """One circuit and what it is run with.

    Attributes:
        circuit: The circuit.
        shape: One execution of ``shots`` for each element.
        arguments: Shape ``(*sweep, n_parameters)``, the sweep broadcasting to `shape`; for an item
            with a samplex None.
        samplex: What draws the arguments, ready to sample; None for plain circuits.
        samplex_arguments: Its inputs, bound.
        chunk_size: Elements for each chunk; None where the service may choose.
    """

    circuit: "QuantumCircuit"
    shape: tuple[int, ...]
    arguments: "npt.NDArray[np.float64] | None" = None
    samplex: Any = None
    samplex_arguments: Any = None
    chunk_size: int | None = None

    @property
    def size(self) -> int:
        """How many elements the item has."""
        return math.prod(self.shape)


@frozen(kw_only=True, eq=False)
class QuantumProgram:
    """What is to be executed.

    Attributes:
        version: The schema version that was asked in, and is answered in.
        shots: For each element of each item.
        items: In order.
        meas_level: ``classified``, ``kerneled``, ``avg_kerneled`` or ``both``.
        echo: The fields of the answer that repeat the question's, as plain JSON.
        options: The options, as plain JSON.
    """

    version: str
    shots: int
    items: Sequence[Item]
    meas_level: str
    echo: Mapping[str, Any]
    options: Mapping[str, Any]

    @property
    def compressed(self) -> bool:
        """Whether this version compresses."""
        return self.version >= "v2.0"


def read_program(params: bytes, device: Device) -> QuantumProgram:
    """Return the program in a job's parameters, for a device.

    Raises:
        PayloadError: Something in it is refused, missing or of the wrong kind; the error says
            where.
        ProgramError: The schema version is not known, or a circuit is no OpenQASM.
    """
    budget = Budget()
    document = _object(parse(params, budget))
    version = document.get("schema_version")
    if version not in VERSIONS:
        raise ProgramError(
            f"The schema_version {shorten(version)} of the executor is not known.",
            JOB_VALIDATION_FAILED,
            f"Use a client that sends one of {', '.join(VERSIONS)}.",
        )
    options = read_options(document.get("options", {}))
    with _at("quantum_program"):
        program = _object(document.get("quantum_program"))
        return _Reader(str(version), budget, device).read(program, options)


def read_options(options: Any) -> dict[str, Any]:
    """Return the options of a schema document, of which the program uses ``rep_delay``.

    Raises:
        MalformedPayloadError: They are no object, or the delay is no time.
    """
    if not isinstance(options, dict):
        raise MalformedPayloadError("$.options", "an object is due")
    delay = options.get("rep_delay")
    if delay is not None and (type(delay) not in {int, float} or not 0 <= delay <= MAX_DELAY):
        raise MalformedPayloadError(
            "$.options.rep_delay", f"0 to {MAX_DELAY} seconds, or null, are due"
        )
    return options


class _Reader:
    def __init__(self, version: str, budget: Budget, device: Device) -> None:
        self.version = version
        self.budget = budget
        self.device = device
        self.compressed = version >= "v2.0"

    def read(self, program: dict[str, Any], options: dict[str, Any]) -> QuantumProgram:
        shots = program.get("shots")
        if type(shots) is not int or shots < 1:
            raise MalformedPayloadError("$.shots", f"{shorten(shots)} shots, at least 1 is due")
        level = program.get("meas_level", "classified")
        if level not in LEVELS:
            raise MalformedPayloadError("$.meas_level", f"{shorten(level)} is none of {LEVELS}")
        nodes = program.get("items")
        if not isinstance(nodes, list):
            raise MalformedPayloadError("$.items", "a list of items is due")
        circuits = self._circuits(program, nodes)
        items = []
        for index, (circuit, node) in enumerate(zip(circuits, nodes, strict=True)):
            with _at(f"items[{index}]"):
                items.append(self._item(circuit, _object(node)))
        if len({item.chunk_size is None for item in items}) > 1:
            raise MalformedPayloadError(
                "$.items", "chunk_size must be a number in all items, or 'auto' in all"
            )
        echo: dict[str, Any] = {}
        if self.version >= "v0.2":
            echo["passthrough_data"] = program.get("passthrough_data")
        if self.version >= "v1.0":
            echo["semantic_role"] = program.get("semantic_role")
        return QuantumProgram(
            version=self.version,
            shots=shots,
            items=items,
            meas_level=level,
            echo=echo,
            options=options,
        )

    def _circuits(self, program: dict[str, Any], nodes: list[Any]) -> "list[QuantumCircuit]":
        if self.version < "v1.0":
            return [self._own_circuit(index, node) for index, node in enumerate(nodes)]
        with _at("circuits"):
            source = _object(program.get("circuits"))
            if "b64_data" not in source:
                circuits = _from_qasm(source.get("data"), self.device)
            else:
                raw = from_base64(source["b64_data"])
                if self.compressed:
                    raw = inflate(raw, self.budget, limit=self.budget.circuit)
                circuits = load_annotated(raw, self.budget, programs=max(len(nodes), 1))
            if len(circuits) != len(nodes):
                raise MalformedPayloadError(
                    "$", f"{len(circuits)} circuits for {len(nodes)} items: one for each is due"
                )
            return circuits

    def _own_circuit(self, index: int, node: Any) -> "QuantumCircuit":
        with _at(f"items[{index}].circuit"):
            raw = from_base64(_object(_object(node).get("circuit")).get("circuit_b64"))
            return load_annotated(raw, self.budget)[0]

    def _item(self, circuit: "QuantumCircuit", node: dict[str, Any]) -> Item:
        chunk = node.get("chunk_size", "auto")
        if chunk != "auto" and (type(chunk) is not int or chunk < 1):
            raise MalformedPayloadError("$.chunk_size", "a number of at least 1, or 'auto', is due")
        size = None if chunk == "auto" else chunk
        match node.get("item_type", "circuit"):
            case "circuit":
                return self._plain(circuit, node, size)
            case "samplex":
                return self._samplex(circuit, node, size)
            case other:
                raise MalformedPayloadError("$.item_type", f"{shorten(other)} is no kind of item")

    def _plain(
        self, circuit: "QuantumCircuit", node: dict[str, Any], chunk_size: int | None
    ) -> Item:
        with _at("circuit_arguments"):
            values = self._tensor(_object(node.get("circuit_arguments")))
            if values.ndim == 0:
                raise MalformedPayloadError("$", "a last axis, of the parameters, is due")
            if np.iscomplexobj(values):
                raise MalformedPayloadError("$", "real numbers are due")
            values = values.astype(np.float64)
            if values.shape[-1] != circuit.num_parameters:
                raise MalformedPayloadError(
                    "$",
                    f"the last axis has {values.shape[-1]} entries, the circuit "
                    f"{circuit.num_parameters} parameters",
                )
            if not np.isfinite(values).all():
                raise MalformedPayloadError("$", "all values must be finite")
        shape = values.shape[:-1]
        if self.version >= "v1.0":
            shape = _broadcast(_shape(node.get("shape")), shape)
        return Item(circuit=circuit, shape=shape, arguments=values, chunk_size=chunk_size)

    def _samplex(
        self, circuit: "QuantumCircuit", node: dict[str, Any], chunk_size: int | None
    ) -> Item:
        from samplomatic.serialization import samplex_from_json

        with _at("samplex"):
            text = _object(node.get("samplex")).get("samplex_json")
            check_samplex(text, self.budget)
            try:
                samplex = samplex_from_json(text).finalize()
            except BaseException as exc:
                if not is_about_input(exc):
                    raise
                raise MalformedPayloadError("$.samplex_json", f"no samplex: {exc}") from exc
        with _at("samplex_arguments"):
            bound = self._bind(samplex, _object(node.get("samplex_arguments", {})))
        shape = _shape(node.get("shape"))
        if _broadcast(shape, bound.shape) != shape:
            raise MalformedPayloadError(
                "$.shape", f"{shape} does not extend {bound.shape}, the arguments' own shape"
            )
        drawn = samplex.outputs().get_specs("^parameter_values$")
        count = drawn[0].shape[-1] if drawn else 0
        if count != circuit.num_parameters:
            raise MalformedPayloadError(
                "$.samplex",
                f"it draws {count} values, the circuit has {circuit.num_parameters} parameters",
            )
        return Item(
            circuit=circuit,
            shape=shape,
            samplex=samplex,
            samplex_arguments=bound,
            chunk_size=chunk_size,
        )

    def _bind(self, samplex: Any, values: dict[str, Any]) -> Any:
        bound = samplex.inputs().make_broadcastable()
        for name, node in values.items():
            with _at(shorten(name)):
                value = self._argument(node)
                try:
                    bound[name] = value
                except (ValueError, TypeError, KeyError) as exc:
                    raise MalformedPayloadError("$", str(exc)) from exc
        if not bound.fully_bound:
            missing = bound.describe(prefix="", include_bound=False).replace("\n", "; ")
            raise MalformedPayloadError("$", f"values are missing: {missing}")
        return bound

    def _argument(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if "sparse_terms" not in value:
            return self._tensor(value)
        from qiskit.exceptions import QiskitError
        from qiskit.quantum_info import PauliLindbladMap

        width = value.get("num_qubits")
        if type(width) is not int or not 0 <= width <= self.budget.qubits:
            raise MalformedPayloadError("$.num_qubits", f"{shorten(width)} qubits are refused")
        try:
            terms = [(text, indices, rate) for text, indices, rate in value["sparse_terms"]]
            return PauliLindbladMap.from_sparse_list(terms, width)
        except QiskitError as exc:
            raise MalformedPayloadError("$.sparse_terms", exc.message) from exc

    def _tensor(self, node: dict[str, Any]) -> "npt.NDArray[Any]":
        return read_tensor(node, self.budget, compressed=self.compressed)


@contextlib.contextmanager
def _at(step: str) -> Iterator[None]:
    """Put *step* in front of where an error says it is."""
    try:
        yield
    except PayloadError as exc:
        raise exc.at(f"$.{step}{exc.path.removeprefix('$')}") from exc.__cause__


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedPayloadError("$", "an object is due")
    return value


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(axis) is int and axis >= 0 for axis in value):
        raise MalformedPayloadError("$.shape", "a list of whole numbers is due")
    if len(value) > MAX_AXES:
        raise MalformedPayloadError("$.shape", f"{len(value)} axes, the limit is {MAX_AXES}")
    return tuple(value)


def _broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as exc:
        raise MalformedPayloadError("$.shape", str(exc)) from exc


def load_annotated(raw: bytes, budget: Budget, *, programs: int = 1) -> "list[QuantumCircuit]":
    """Return the circuits of a QPY file whose boxes may carry samplomatic's annotations.

    Raises:
        PayloadError: The file is refused.
    """
    return load_circuits(
        raw, budget, programs=programs, annotation_factories={"samplomatic": _annotations}
    )


def _annotations() -> Any:
    from ibm_quantum_schemas.common.annotation_serializer import AnnotationSerializer

    return AnnotationSerializer()


def _from_qasm(texts: Any, device: Device) -> "list[QuantumCircuit]":
    if not isinstance(texts, list):
        raise MalformedPayloadError("$.data", "a list of OpenQASM 3 programs is due")
    return [read_circuit(text, f"item {index}", device) for index, text in enumerate(texts)]
