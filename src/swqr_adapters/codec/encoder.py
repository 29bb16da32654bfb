"""The encoder of the tagged JSON dialect, as the official client's decoder reads it.

It needs NumPy and Qiskit, and never qiskit-ibm-runtime. Blobs are packed with as much effort as
they deserve, so texts differ from the official encoder's, the values do not.
"""

import json
import struct
import sys
import zlib
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any, Final

from . import values
from .blobs import array_to_base64, to_base64
from .qpy import dump_circuit

__all__ = ["Encoder", "encode", "tagged"]

LAYER_MODULE: Final = "qiskit_ibm_runtime.utils.noise_learner_result"  # also after it moved
_PARAMETER: Final = struct.Struct("!H16s")

Handler = Callable[["Encoder", Any], Any]


def encode(value: Any, *, qpy_version: int | None = None) -> bytes:
    """Return *value* as one document of the dialect.

    Args:
        value: JSON values, and objects of the classes that `decode` makes. Non-finite numbers
            become ``NaN`` and ``Infinity``, which the official decoder reads.
        qpy_version: The QPY version of circuits; the newest that the service takes if None.

    Returns:
        UTF-8 JSON without blanks.

    Raises:
        TypeError: A value of a class that the dialect does not know.
    """
    encoder = Encoder(separators=(",", ":"), qpy_version=qpy_version)
    return encoder.encode(value).encode()


def tagged(tag: str, value: Any) -> dict[str, Any]:
    """Return *value* under a tag."""
    return {"__type__": tag, "__value__": value}


class Encoder(json.JSONEncoder):
    """The encoder as a class, for `json.dumps` and for a circuit's metadata."""

    def __init__(self, *, qpy_version: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._version = qpy_version
        # The objects are kept so that their ids stay theirs.
        self._circuits: dict[int, tuple[Any, dict[str, Any]]] = {}

    def default(self, o: Any) -> Any:
        """Return what stands for *o* in the document.

        Raises:
            TypeError: The dialect does not know its class.
        """
        table = _table()
        for kind in type(o).__mro__:
            if kind in table:
                return table[kind](self, o)
        if "qiskit_aer" in sys.modules:  # else nobody can have made one
            from qiskit_aer.noise import NoiseModel

            if isinstance(o, NoiseModel):
                return tagged("NoiseModel", o.to_dict())
        msg = f"a {type(o).__module__}.{type(o).__qualname__} cannot be put into a payload"
        raise TypeError(msg)

    def _circuit(self, circuit: Any) -> dict[str, Any]:
        if (known := self._circuits.get(id(circuit))) is not None:
            return known[1]
        raw = dump_circuit(circuit, version=self._version, metadata_serializer=Encoder)
        text = tagged("QuantumCircuit", to_base64(zlib.compress(raw)))
        self._circuits[id(circuit)] = (circuit, text)
        return text

    def _instruction(self, instruction: Any) -> dict[str, Any]:
        from qiskit import QuantumCircuit

        circuit = QuantumCircuit(instruction.num_qubits, instruction.num_clbits)
        circuit.append(instruction, circuit.qubits, circuit.clbits)
        raw = dump_circuit(circuit, version=self._version)
        return tagged("Instruction", to_base64(zlib.compress(raw)))


def _ndarray(encoder: Encoder, array: Any) -> Any:  # noqa: ARG001 - all handlers take both
    if array.dtype == object:
        return tagged("ndarray", array.tolist())
    return tagged("ndarray", array_to_base64(array))


def _parameter(encoder: Encoder, parameter: Any) -> Any:  # noqa: ARG001
    name = parameter.name.encode()
    return tagged("Parameter", to_base64(_PARAMETER.pack(len(name), parameter.uuid.bytes) + name))


def _bindings(encoder: Encoder, bindings: Any) -> Any:
    data = {
        json.dumps(key, default=encoder.default, separators=(",", ":")): value
        for key, value in bindings.data.items()
    }
    return tagged("BindingsArray", {"shape": bindings.shape, "data": data})


def _data_bin(encoder: Encoder, data: Any) -> Any:  # noqa: ARG001
    names = list(data)
    return tagged(
        "DataBin",
        {
            "field_names": names,
            "field_types": [type(data[name]).__name__ for name in names],
            "shape": data.shape,
            "fields": dict(data.items()),
        },
    )


def _span(encoder: Encoder, span: values.ExecutionSpan) -> Any:  # noqa: ARG001
    slices = {str(index): list(numbers) for index, numbers in span.data_slices.items()}
    return tagged(span.kind, {"start": span.start, "stop": span.stop, "data_slices": slices})


def _settings(encoder: Encoder, value: Any) -> Any:  # noqa: ARG001
    kind = type(value)
    return {
        "__type__": "settings",
        "__module__": kind.__module__,
        "__class__": kind.__name__,
        "__value__": dict(value.settings),
    }


def _layer(name: str, fields: dict[str, Any]) -> Any:
    return {
        "__type__": "_json",
        "__module__": LAYER_MODULE,
        "__class__": name,
        "__value__": fields,
    }


@cache
def _table() -> dict[type, Handler]:
    import numpy as np
    from qiskit import QuantumCircuit
    from qiskit.circuit import Instruction, Parameter
    from qiskit.primitives import (
        BitArray,
        DataBin,
        PrimitiveResult,
        PubResult,
        SamplerPubResult,
    )
    from qiskit.primitives.containers.bindings_array import BindingsArray
    from qiskit.primitives.containers.observables_array import ObservablesArray
    from qiskit.quantum_info import Pauli, PauliLindbladMap, PauliList, SparsePauliOp

    def pub(tag: str) -> Handler:
        return lambda _, o: tagged(tag, {"data": o.data, "metadata": o.metadata})

    return {
        BindingsArray: _bindings,
        BitArray: lambda _, o: tagged("BitArray", {"array": o.array, "num_bits": o.num_bits}),
        DataBin: _data_bin,
        Instruction: Encoder._instruction,  # noqa: SLF001 - the class above
        ObservablesArray: lambda _, o: tagged("ObservablesArray", o.tolist()),
        Parameter: _parameter,
        Pauli: _settings,
        PauliLindbladMap: lambda _, o: tagged(
            "PauliLindbladMap", {"paulis": o.to_sparse_list(), "num_qubits": o.num_qubits}
        ),
        PauliList: _settings,
        PrimitiveResult: lambda _, o: tagged(
            "PrimitiveResult", {"pub_results": list(o), "metadata": o.metadata}
        ),
        PubResult: pub("PubResult"),
        QuantumCircuit: Encoder._circuit,  # noqa: SLF001
        SamplerPubResult: pub("SamplerPubResult"),
        SparsePauliOp: _settings,
        complex: lambda _, o: tagged("complex", [o.real, o.imag]),
        date: lambda _, o: tagged("datetime", o.isoformat()),
        np.complexfloating: lambda _, o: tagged("complex", [float(o.real), float(o.imag)]),
        np.generic: lambda _, o: o.item(),
        np.ndarray: _ndarray,
        set: lambda _, o: tagged("set", list(o)),
        values.ExecutionSpan: _span,
        values.ExecutionSpans: lambda _, o: tagged("ExecutionSpans", {"spans": list(o.spans)}),
        values.LayerError: lambda _, o: _layer(
            "LayerError", {"circuit": o.circuit, "qubits": list(o.qubits), "error": o.error}
        ),
        values.NoiseLearnerResult: lambda _, o: tagged(
            "NoiseLearnerResult", {"data": list(o.data), "metadata": o.metadata}
        ),
        values.PauliLindbladError: lambda _, o: _layer(
            "PauliLindbladError", {"generators": o.generators, "rates": o.rates}
        ),
    }
