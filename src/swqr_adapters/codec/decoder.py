"""The allow-list decoder of the tagged JSON dialect, for bytes from outside.

A value ``{"__type__": tag, "__value__": payload}`` becomes an object only if its tag is in the
table below, and only through the function that the table names: nothing is imported or called by
a name from the document. Every compressed blob is bounded before it is inflated.

It needs NumPy and Qiskit, and never qiskit-ibm-runtime: see `values` for what stands in.
"""

import math
import struct
import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn
from uuid import UUID

from . import values
from .blobs import array_from_base64, from_base64, inflate
from .budget import Budget
from .errors import (
    MalformedPayloadError,
    PayloadError,
    UnsafePayloadError,
    is_about_input,
    path_text,
    shorten,
)
from .parsing import parse, too_deep
from .qpy import load_circuits

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

__all__ = ["Decoder", "decode"]

TAG: Final = "__type__"
VALUE: Final = "__value__"
MAX_DATE: Final = 64  # characters
MAX_NAME: Final = 2000  # characters of a field's or a parameter's name
MAX_BITS: Final = 128  # of an integer
MAX_SIZE: Final = 2**40  # elements of a shape that comes without its data
EXTRAPOLATORS: Final = frozenset(
    {"linear", "exponential", "double_exponential", "fallback"}
    | {f"polynomial_degree_{degree}" for degree in range(1, 8)}
)
SPAN_NUMBERS: Final = {
    "DoubleSliceSpan": 4,
    "ExecutionSpan": 2,
    "TwirledSliceSpan": 5,
    "TwirledSliceSpanV2": 6,
}
LAYER_MODULES: Final = frozenset(
    {"qiskit_ibm_runtime.utils.noise_learner_result", "qiskit_ibm_runtime.results.noise_learner"}
)
_SYMPLECTIC: Final = "qiskit.quantum_info.operators.symplectic"
_LAYER_FIELDS: Final = {
    "LayerError": ("circuit", "qubits", "error"),
    "PauliLindbladError": ("generators", "rates"),
}
# What a DataBin keeps for itself, and what its constructor takes.
_FORBIDDEN: Final = frozenset(
    {"_FIELDS", "_FIELD_TYPES", "_RESTRICTED_NAMES", "_SHAPE", "_data", "_shape"}
    | {"items", "keys", "ndim", "self", "shape", "size", "values"}
)
_PARAMETER: Final = struct.Struct("!H16s")


def decode(data: bytes | str, *, budget: Budget | None = None) -> Any:
    """Return what a document of the dialect holds.

    One circuit that occurs several times, as the same text, is decoded once and shared: treat
    circuits as read-only.

    Args:
        data: UTF-8 JSON; ``NaN`` and ``Infinity`` are allowed.
        budget: What decoding may cost; a fresh default one if None.

    Raises:
        UnsafePayloadError: The document asks for what is refused.
        MalformedPayloadError: The document is not what its format says.
    """
    return Decoder(budget).decode(data)


class Decoder:
    """One walk over one document.

    A subclass may answer further tags, or other classes, by overriding `make`.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = Budget() if budget is None else budget
        self._path: list[str | int] = []
        self._circuits: dict[str, QuantumCircuit] = {}

    def decode(self, data: bytes | str) -> Any:
        """Parse and walk a document; see the function of the same name."""
        return self.walk(parse(data, self.budget))

    def walk(self, document: Any) -> Any:
        """Replace every tagged value in plain JSON values, in place where possible."""
        try:
            return self._node(document)
        except PayloadError as exc:
            raise exc.at(path_text(self._path)) from exc.__cause__
        except RecursionError:
            raise UnsafePayloadError("$", too_deep(self.budget)) from None

    # --- the walk ------------------------------------------------------------------------------

    def _node(self, value: Any) -> Any:
        kind = type(value)
        if kind is dict:
            if len(self._path) > self.budget.depth:
                raise UnsafePayloadError("$", too_deep(self.budget))
            return self._tagged(value) if TAG in value else self._plain(value)
        if kind is list:
            if len(self._path) > self.budget.depth:
                raise UnsafePayloadError("$", too_deep(self.budget))
            return self._list(value)
        if kind is int and value.bit_length() > MAX_BITS:
            self._malformed(f"an integer of more than {MAX_BITS} bits")
        return value

    def _plain(self, value: dict[str, Any]) -> dict[str, Any]:
        for key, item in value.items():
            self._path.append(key)
            value[key] = self._node(item)
            self._path.pop()
        return value

    def _list(self, value: list[Any]) -> list[Any]:
        kinds = set(map(type, value))
        if kinds <= {float, str, bool, type(None)}:
            return value
        if kinds == {int} and max(map(int.bit_length, value)) <= MAX_BITS:
            return value
        for index, item in enumerate(value):
            self._path.append(index)
            value[index] = self._node(item)
            self._path.pop()
        return value

    def _tagged(self, value: dict[str, Any]) -> Any:
        tag = value[TAG]
        if not isinstance(tag, str) or tag not in self._HANDLERS:
            raise UnsafePayloadError("$", f"the tag {shorten(tag)} is not accepted")
        if VALUE not in value:
            self._malformed(f"the tag {tag} has no {VALUE}")
        try:
            return self._HANDLERS[tag](self, value)
        except PayloadError:
            raise
        except BaseException as exc:
            if not is_about_input(exc):
                raise
            message = getattr(exc, "message", None) or str(exc)
            raise MalformedPayloadError("$", f"no {tag}: {message}") from exc

    def _malformed(self, problem: str) -> NoReturn:
        raise MalformedPayloadError("$", problem)

    def _fields(self, value: dict[str, Any], *names: str, optional: Iterable[str] = ()) -> Any:
        """Walk the payload of a tag, which must be an object with exactly these fields."""
        payload = value[VALUE]
        if not isinstance(payload, dict):
            self._malformed(f"the {shorten(value[TAG])} must be an object")
        if missing := set(names) - payload.keys():
            self._malformed(f"the {shorten(value[TAG])} lacks {', '.join(sorted(missing))}")
        if extra := payload.keys() - {*names, *optional}:
            self._malformed(
                f"the {shorten(value[TAG])} has the unknown field {shorten(min(extra))}"
            )
        return self._plain(payload)

    # --- what a tag becomes --------------------------------------------------------------------

    def make(self, tag: str, fields: Mapping[str, Any]) -> Any:
        """Return the object for a tag whose *fields* have been checked.

        Args:
            tag: A tag whose class is not part of Qiskit, or ``LayerError``,
                ``PauliLindbladError``.
            fields: Its decoded fields; for spans ``data_slices`` maps integers to
                ``(shape, *numbers)``.
        """
        if tag in SPAN_NUMBERS:
            return values.ExecutionSpan(kind=tag, **fields)  # type: ignore[arg-type]
        if tag in {"ExecutionSpans", "ExecutionSpanCollection"}:
            return values.ExecutionSpans(fields["spans"])
        if tag == "EstimatorPubResult":
            from qiskit.primitives import PubResult

            return PubResult(**fields)
        neutral: Any = {
            "LayerError": values.LayerError,
            "NoiseLearnerResult": values.NoiseLearnerResult,
            "PauliLindbladError": values.PauliLindbladError,
        }
        return neutral[tag](**fields)

    def _datetime(self, value: dict[str, Any]) -> Any:
        text = value[VALUE]
        if not isinstance(text, str) or len(text) > MAX_DATE:
            self._malformed("a date must be short ISO 8601 text")
        return datetime.fromisoformat(text)

    def _complex(self, value: dict[str, Any]) -> Any:
        real, imaginary = value[VALUE]
        if not {type(real), type(imaginary)} <= {int, float}:
            self._malformed("a complex number is a pair of numbers")
        return complex(real, imaginary)

    def _ndarray(self, value: dict[str, Any]) -> Any:
        payload = value[VALUE]
        if isinstance(payload, str):
            if payload in EXTRAPOLATORS:
                return payload
            return array_from_base64(payload, self.budget)
        if isinstance(payload, list) or type(payload) is int:
            import numpy as np

            return np.array(self._node(payload))
        return self._malformed("an array is base64 text or a list")

    def _set(self, value: dict[str, Any]) -> Any:
        if not isinstance(value[VALUE], list):
            self._malformed("a set is a list")
        return set(self._node(value[VALUE]))

    def _circuit(self, value: dict[str, Any]) -> Any:
        text = value[VALUE]
        known = self._circuits.get(text) if isinstance(text, str) else None
        if known is None:
            known = self._circuits[text] = self._load(text)
        return known

    def _load(self, text: object) -> "QuantumCircuit":
        raw = inflate(from_base64(text), self.budget, limit=self.budget.circuit)
        return load_circuits(raw, self.budget)[0]

    def _instruction(self, value: dict[str, Any]) -> Any:
        data = self._load(value[VALUE]).data
        if len(data) != 1:
            self._malformed(f"{len(data)} instructions where one is due")
        return data[0].operation

    def _parameter(self, value: dict[str, Any]) -> Any:
        from qiskit.circuit import Parameter

        if len(value[VALUE]) > 4 * MAX_NAME:
            self._malformed("the parameter's name is too long")
        raw = from_base64(value[VALUE])
        if len(raw) < _PARAMETER.size:
            self._malformed("the parameter is cut off")
        length, uuid = _PARAMETER.unpack_from(raw)
        if len(raw) != _PARAMETER.size + length:
            self._malformed("the parameter's name has another length than announced")
        return Parameter(str(raw[_PARAMETER.size :], "utf-8"), uuid=UUID(bytes=uuid))

    def _observables(self, value: dict[str, Any]) -> Any:
        from qiskit.primitives.containers.observables_array import ObservablesArray

        return ObservablesArray(self._node(value[VALUE]))

    def _bindings(self, value: dict[str, Any]) -> Any:
        from qiskit.primitives.containers.bindings_array import BindingsArray

        fields = self._fields(value, optional=("shape", "data"))
        data = fields.get("data")
        if data is not None and not isinstance(data, dict):
            self._malformed("the data of a BindingsArray is an object")
        decoded = {}
        for text, array in (data or {}).items():
            names = self._nested(text)
            if not isinstance(names, list):
                self._malformed("a key of a BindingsArray is a list of names, as JSON text")
            decoded[tuple(names)] = array
        shape = fields.get("shape")
        return BindingsArray(
            decoded if data is not None else None, None if shape is None else _shape(shape)
        )

    def _nested(self, text: str) -> Any:
        """Decode JSON text inside the document, on the same budget."""
        return self._node(parse(text, self.budget))

    def _bit_array(self, value: dict[str, Any]) -> Any:
        import numpy as np
        from qiskit.primitives import BitArray

        fields = self._fields(value, "array", "num_bits")
        array, bits = fields["array"], fields["num_bits"]
        if not isinstance(array, np.ndarray) or array.dtype != np.uint8 or array.ndim < 2:  # noqa: PLR2004 - shots and bytes
            self._malformed("a BitArray needs bytes with an axis of shots and one of bits")
        if type(bits) is not int or bits < 0 or array.shape[-1] != max(math.ceil(bits / 8), 0):
            self._malformed(f"{shorten(bits)} bits do not fit {array.shape[-1]} bytes a shot")
        return BitArray(array, bits)

    def _data_bin(self, value: dict[str, Any]) -> Any:
        from qiskit.primitives import DataBin

        parts = self._fields(
            value, "fields", "shape", optional=("field_names", "field_types", "__int_keys__")
        )
        fields = parts["fields"]
        if not isinstance(fields, dict):
            self._malformed("the fields of a DataBin are an object")
        for name in fields:
            if name.startswith("__") or name in _FORBIDDEN or len(name) > MAX_NAME:
                raise UnsafePayloadError("$", f"a field may not be named {shorten(name)}")
        shape = parts["shape"]
        return DataBin(shape=None if shape is None else _shape(shape), **fields)

    def _pub_result(self, value: dict[str, Any]) -> Any:
        from qiskit.primitives import DataBin, PubResult, SamplerPubResult

        fields = self._fields(value, "data", optional=("metadata",))
        if not isinstance(fields["data"], DataBin):
            self._malformed("the data of a pub's result is a DataBin")
        if not isinstance(fields.setdefault("metadata", {}), dict):
            self._malformed("the metadata of a pub's result is an object")
        match value[TAG]:
            case "PubResult":
                return PubResult(**fields)
            case "SamplerPubResult":
                return SamplerPubResult(**fields)
            case tag:
                return self.make(tag, fields)

    def _primitive_result(self, value: dict[str, Any]) -> Any:
        from qiskit.primitives import PrimitiveResult, PubResult

        fields = self._fields(value, "pub_results", optional=("metadata",))
        pubs = fields["pub_results"]
        if not isinstance(pubs, list) or not all(isinstance(pub, PubResult) for pub in pubs):
            self._malformed("pub_results is a list of results")
        return PrimitiveResult(pubs, fields.get("metadata"))

    def _span(self, value: dict[str, Any]) -> Any:
        tag = value[TAG]
        fields = self._fields(value, "start", "stop", "data_slices")
        if not all(isinstance(fields[key], datetime) for key in ("start", "stop")):
            self._malformed("a span's start and stop are dates")
        if not isinstance(fields["data_slices"], dict):
            self._malformed("a span's data_slices are an object")
        slices = {}
        for index, (shape, *numbers) in fields["data_slices"].items():
            if len(numbers) != SPAN_NUMBERS[tag] or not all(isinstance(n, int) for n in numbers):
                self._malformed(f"a slice of a {tag} has {SPAN_NUMBERS[tag]} numbers")
            slices[int(index)] = (_shape(shape), *numbers)
        return self.make(tag, {**fields, "data_slices": slices})

    def _spans(self, value: dict[str, Any]) -> Any:
        fields = self._fields(value, "spans")
        if not isinstance(fields["spans"], list):
            self._malformed("spans are a list")
        return self.make(value[TAG], fields)

    def _noise_learner_result(self, value: dict[str, Any]) -> Any:
        return self.make("NoiseLearnerResult", self._fields(value, "data", optional=("metadata",)))

    def _passed_through(self, value: dict[str, Any]) -> Any:
        return self._node(value[VALUE])

    def _pauli_lindblad_map(self, value: dict[str, Any]) -> Any:
        from qiskit.quantum_info import PauliLindbladMap

        fields = self._fields(value, "paulis", "num_qubits")
        width = fields["num_qubits"]
        if type(width) is not int or not 0 <= width <= self.budget.qubits:
            raise UnsafePayloadError(
                "$", f"{shorten(width)} qubits, a Pauli map may have {self.budget.qubits}"
            )
        return PauliLindbladMap.from_sparse_list(
            [tuple(term) for term in fields["paulis"]], num_qubits=width
        )

    def _noise_model(self, value: dict[str, Any]) -> Any:
        try:
            from qiskit_aer.noise import NoiseModel
        except ImportError as exc:
            raise MalformedPayloadError("$", "a noise model needs qiskit-aer: install it") from exc
        if not isinstance(value[VALUE], dict):
            self._malformed("a noise model is an object")
        with warnings.catch_warnings():
            # Deprecated by Aer without a successor; it is what the dialect is made of.
            warnings.simplefilter("ignore", DeprecationWarning)
            return NoiseModel.from_dict(self._plain(value[VALUE]))

    def _settings(self, value: dict[str, Any]) -> Any:
        place = (value.get("__module__"), value.get("__class__"))
        if place == (f"{_SYMPLECTIC}.pauli", "Pauli"):
            from qiskit.quantum_info import Pauli

            label = self._fields(value, "data")["data"]
            return Pauli(label) if isinstance(label, str) else self._malformed("a Pauli is text")
        if place == (f"{_SYMPLECTIC}.pauli_list", "PauliList"):
            from qiskit.quantum_info import PauliList

            labels = self._fields(value, "data")["data"]
            if not isinstance(labels, list) or not all(isinstance(text, str) for text in labels):
                self._malformed("a PauliList is a list of texts")
            return PauliList(labels)
        if place == (f"{_SYMPLECTIC}.sparse_pauli_op", "SparsePauliOp"):
            from qiskit.quantum_info import PauliList, SparsePauliOp

            fields = self._fields(value, "data", "coeffs")
            if not isinstance(fields["data"], PauliList):
                self._malformed("the data of a SparsePauliOp is a PauliList")
            return SparsePauliOp(fields["data"], fields["coeffs"])
        raise UnsafePayloadError(
            "$", f"the class {shorten('.'.join(map(str, place)))} is not accepted"
        )

    def _json(self, value: dict[str, Any]) -> Any:
        name = value.get("__class__")
        if value.get("__module__") not in LAYER_MODULES or name not in _LAYER_FIELDS:
            raise UnsafePayloadError("$", f"the class {shorten(name)} is not accepted")
        fields = self._fields(value, *_LAYER_FIELDS[str(name)])
        if name == "LayerError":
            self._check_layer(fields)
        else:
            self._check_rates(fields)
        return self.make(str(name), fields)

    def _check_layer(self, fields: dict[str, Any]) -> None:
        from qiskit import QuantumCircuit

        circuit, qubits = fields["circuit"], fields["qubits"]
        if not isinstance(circuit, QuantumCircuit) or not isinstance(qubits, list):
            self._malformed("a layer has a circuit and a list of qubits")
        if len(qubits) != circuit.num_qubits or not all(type(q) is int for q in qubits):
            self._malformed(f"{len(qubits)} qubits for a layer of {circuit.num_qubits}")
        error = fields["error"]
        if isinstance(error, values.PauliLindbladError):
            if error.generators.num_qubits != len(qubits):
                self._malformed(f"noise on {error.generators.num_qubits} of {len(qubits)} qubits")
        elif not (error is None or hasattr(error, "num_qubits")):
            self._malformed("a layer's error is a PauliLindbladError or null")

    def _check_rates(self, fields: dict[str, Any]) -> None:
        import numpy as np
        from qiskit.quantum_info import PauliList

        if not isinstance(fields["generators"], PauliList):
            self._malformed("generators are a PauliList")
        rates = fields["rates"] = np.asarray(fields["rates"], dtype=float)
        if rates.shape != (len(fields["generators"]),):
            self._malformed(f"{len(fields['generators'])} generators need as many rates")

    _HANDLERS: ClassVar[Mapping[str, Callable[["Decoder", dict[str, Any]], Any]]] = {
        "BindingsArray": _bindings,
        "BitArray": _bit_array,
        "DataBin": _data_bin,
        "DoubleSliceSpan": _span,
        "EstimatorPubResult": _pub_result,
        "ExecutionSpan": _span,
        "ExecutionSpanCollection": _spans,
        "ExecutionSpans": _spans,
        "Instruction": _instruction,
        "NoiseLearnerResult": _noise_learner_result,
        "NoiseModel": _noise_model,
        "ObservablesArray": _observables,
        "Parameter": _parameter,
        "PauliLindbladMap": _pauli_lindblad_map,
        "PrimitiveResult": _primitive_result,
        "PubResult": _pub_result,
        "QuantumCircuit": _circuit,
        "SamplerPubResult": _pub_result,
        "TwirledSliceSpan": _span,
        "TwirledSliceSpanV2": _span,
        "_json": _json,
        "complex": _complex,
        "datetime": _datetime,
        "ndarray": _ndarray,
        "set": _set,
        "settings": _settings,
        "to_json": _passed_through,
    }


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(axis) is int and axis >= 0 for axis in value):
        raise MalformedPayloadError("$", "a shape is a list of whole numbers")
    if math.prod(value) > MAX_SIZE:
        raise UnsafePayloadError("$", f"the shape {shorten(value)} is larger than any data")
    return tuple(value)
