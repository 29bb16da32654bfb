"""What is legitimate decodes to what the official client's decoder makes of it, and back."""

import base64
import datetime as dt
import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import singledispatch
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.classical import expr
from qiskit.circuit.library import PauliEvolutionGate, RZGate
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
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_ibm_runtime import RuntimeDecoder, RuntimeEncoder
from qiskit_ibm_runtime.execution_span import (
    DoubleSliceSpan,
    ExecutionSpans,
    SliceSpan,
    TwirledSliceSpan,
    TwirledSliceSpanV2,
)

from swqr_adapters.codec import decode, encode, values
from swqr_adapters.codec.official import SafeRuntimeDecoder, encode_params

try:
    from qiskit_ibm_runtime.results.estimator_pub import EstimatorPubResult
    from qiskit_ibm_runtime.results.noise_learner import (
        LayerError,
        NoiseLearnerResult,
        PauliLindbladError,
    )
except ImportError:  # before 0.48
    from qiskit_ibm_runtime.utils.estimator_pub_result import EstimatorPubResult
    from qiskit_ibm_runtime.utils.noise_learner_result import (
        LayerError,
        NoiseLearnerResult,
        PauliLindbladError,
    )

# The official decoder uses what Aer and, before 0.47, what Qiskit has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:from_dict has been deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Treating CircuitInstruction:DeprecationWarning"),
]

Read = Callable[..., Any]
RNG = np.random.default_rng(7)
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def dynamic() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2, metadata={"experiment": [1, 2]})
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    with circuit.while_loop(expr.lift(circuit.clbits[0])):
        circuit.measure(0, 0)
    circuit.measure(1, 1)
    return circuit


def parametric() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    vector = ParameterVector("v", 3)
    circuit.rx(vector[2] * 2 + vector[0], 0)
    circuit.ry(Parameter("θ"), 1)
    circuit.append(PauliEvolutionGate(SparsePauliOp(["XX", "ZZ"]), vector[1]), [0, 1])
    circuit.measure_all()
    return circuit


def noise_model() -> NoiseModel:
    model = NoiseModel()
    model.add_quantum_error(depolarizing_error(0.01, 2), ["cx"], [0, 1])
    model.add_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]), [0])
    return model


def layer() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1)
    return circuit


BITS = BitArray(RNG.integers(0, 2, (2, 3, 5, 2), np.uint8), 9)
PUB = SamplerPubResult(DataBin(c=BitArray.from_samples([0, 1, 3], 2)), {"circuit_metadata": {}})
ESTIMATE = PubResult(
    DataBin(evs=np.array([1.0, np.nan]), stds=np.zeros(2), shape=(2,)), {"shots": 5}
)
RATES = PauliLindbladError(PauliList(["IX", "ZZ"]), [0.1, 0.2])

# Decoded by both, and encoded by both.
SHARED: dict[str, Any] = {
    "a date and time": NOW,
    "a date and time without a zone": dt.datetime(2026, 5, 4, 3, 2, 1, 5),  # noqa: DTZ001
    "a date": dt.date(2026, 5, 4),
    "a complex number": 1 - 2j,
    "a set": {1, 2, 3},
    "nothing": {"a": None, "b": [], "c": {}, "d": ""},
    "numbers": [np.int64(3), np.float64(0.1), 2**60, -1, 1e300, True],
    "an array": RNG.random((3, 4)),
    "an array in Fortran order": np.asfortranarray(RNG.random((3, 4))),
    "an array without parameters": np.empty((0,)),
    "an empty array with axes": np.empty((2, 0, 3)),
    "a scalar array": np.array(2.5),
    "a complex array": RNG.random(4) + 1j * RNG.random(4),
    "a boolean array": np.array([[True], [False]]),
    "an array of text": np.array(["a", "bcd"]),
    "an array of bytes": np.array([b"a", b"bcd"]),
    "a big-endian array": np.arange(3, dtype=">i4"),
    "a strided array": np.arange(20)[::3],
    "a large random array": RNG.random((100, 100)),
    "a large even array": np.zeros((100, 100)),
    "an array of objects": np.array([1, "x", None], dtype=object),
    "a circuit": parametric(),
    "a dynamic circuit": dynamic(),
    "a parameter": Parameter("θ"),
    "an instruction": RZGate(0.3),
    "an instruction with a parameter": RZGate(Parameter("a")),
    "observables": ObservablesArray([{"ZZ": 1.0, "XI": 0.5}, {"01": 1.0}]),
    "bindings": BindingsArray({("a", "b"): RNG.random((3, 2)), "c": RNG.random(3)}),
    "bindings without parameters": BindingsArray({}, shape=(2, 3)),
    "bits": BITS,
    "bits without shots": BitArray(np.zeros((0, 1), np.uint8), 3),
    "a data bin": DataBin(c=BITS, evs=np.zeros((2, 3)), shape=(2, 3)),
    "a data bin without a field": DataBin(),
    "a sampler's result": PrimitiveResult([PUB, PUB], {"version": 2}),
    "an estimator's result": PrimitiveResult([ESTIMATE], {"version": 2}),
    "a Pauli": Pauli("-XZ"),
    "Paulis": PauliList(["XX", "-ZZ"]),
    "a Pauli sum": SparsePauliOp(["XX", "ZZ"], [1, 2j]),
    "a Pauli map": PauliLindbladMap.from_sparse_list([("ZX", [0, 2], 0.5)], num_qubits=3),
    "a noise model": noise_model(),
}

# Classes of the official client.
CLIENT: dict[str, Any] = {
    "spans": ExecutionSpans(
        [
            SliceSpan(NOW, NOW, {0: ((3, 100), slice(0, 300))}),
            DoubleSliceSpan(NOW, NOW, {1: ((3, 100), slice(0, 3), slice(0, 100))}),
            TwirledSliceSpan(NOW, NOW, {0: ((2, 3, 9), True, slice(0, 6), slice(0, 9))}),
            TwirledSliceSpanV2(NOW, NOW, {0: ((2, 9), False, slice(0, 2), slice(0, 9), 18)}),
        ]
    ),
    "a layer's error": LayerError(layer(), [3, 5], RATES),
    "a layer without an error": LayerError(layer(), [3, 5]),
    "a noise learner's result": NoiseLearnerResult([LayerError(layer(), [3, 5], RATES)], {"a": 1}),
    "a client's estimate": EstimatorPubResult(DataBin(evs=np.array(1.0)), {"shots": 1}),
}


@singledispatch
def facts(value: Any) -> Any:
    """Return *value* as something whose ``==`` compares everything."""
    return value


@facts.register
def _(value: np.ndarray) -> Any:
    return (str(value.dtype), value.shape, value.flags.f_contiguous, repr(value.tolist()))


@facts.register(dict)
def _(value: dict[str, Any]) -> Any:
    return {key: facts(item) for key, item in value.items()}


@facts.register(list)
@facts.register(PrimitiveResult)
def _(value: Any) -> Any:
    return [facts(item) for item in value], getattr(value, "metadata", None)


@facts.register
def _(value: BitArray) -> Any:
    return ("bits", value.num_bits, facts(value.array))


@facts.register
def _(value: DataBin) -> Any:
    return ("bin", value.shape, facts(dict(value.items())))


@facts.register
def _(value: PubResult) -> Any:
    return (type(value).__name__, facts(value.data), facts(value.metadata))


@facts.register
def _(value: BindingsArray) -> Any:
    return ("bindings", value.shape, facts(value.data))


@facts.register
def _(value: ObservablesArray) -> Any:
    return ("observables", value.shape, repr(value.tolist()))


@facts.register
def _(value: LayerError) -> Any:
    return ("layer", value.circuit, list(value.qubits), facts(value.error))


@facts.register
def _(value: PauliLindbladError) -> Any:
    return ("rates", value.generators, facts(value.rates))


@facts.register
def _(value: NoiseLearnerResult) -> Any:
    return ("learned", facts(list(value.data)), value.metadata)


@facts.register
def _(value: ExecutionSpans) -> Any:
    return list(value)


@facts.register
def _(value: NoiseModel) -> Any:
    return ("noise", repr(value.to_dict(serializable=True)))


@facts.register
def _(value: float) -> Any:
    return repr(value)


def by_the_official_client(text: str) -> Any:
    return json.loads(text, cls=RuntimeDecoder)


@pytest.mark.parametrize("name", SHARED)
def test_a_value_decodes_as_by_the_official_client(read: Read, name: str) -> None:
    text = json.dumps(SHARED[name], cls=RuntimeEncoder)

    assert facts(read(text)) == facts(by_the_official_client(text))


@pytest.mark.parametrize("name", CLIENT)
def test_a_class_of_the_client_decodes_as_by_the_official_client(name: str) -> None:
    text = json.dumps(CLIENT[name], cls=RuntimeEncoder)

    assert facts(SafeRuntimeDecoder().decode(text)) == facts(by_the_official_client(text))


@pytest.mark.parametrize("name", SHARED)
def test_the_official_client_reads_what_a_worker_writes(name: str) -> None:
    text = encode(SHARED[name]).decode()

    expected = by_the_official_client(json.dumps(SHARED[name], cls=RuntimeEncoder))
    assert facts(by_the_official_client(text)) == facts(expected)


@pytest.mark.parametrize("name", [*SHARED, *CLIENT])
def test_encoded_inputs_have_the_values_of_the_official_encoder(name: str) -> None:
    value = {**SHARED, **CLIENT}[name]

    text = encode_params("sampler", {"value": value}).decode()

    expected = by_the_official_client(json.dumps({"value": value}, cls=RuntimeEncoder))
    assert facts(by_the_official_client(text)) == facts(expected)


@pytest.mark.parametrize("name", CLIENT)
def test_what_a_worker_reads_of_a_client_class_it_can_write_again(name: str) -> None:
    text = json.dumps(CLIENT[name], cls=RuntimeEncoder)

    again = encode(decode(text)).decode()

    expected = facts(by_the_official_client(text))
    if name == "a client's estimate":  # the service itself sends it under the general tag
        expected = ("PubResult", *expected[1:])
    assert facts(by_the_official_client(again)) == expected


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63)
        | st.floats()
        | st.text(max_size=20)
        | st.builds(complex, st.integers(-9, 9), st.integers(-9, 9)),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.text(max_size=8).filter(lambda key: key != "__type__"), inner, max_size=4
            )
        ),
        max_leaves=20,
    )
)
def test_any_plain_value_survives(value: Any) -> None:
    text = encode(value)

    assert repr(decode(text)) == repr(by_the_official_client(text.decode()))


DTYPES = ["?", "i1", "<i4", "<i8", "u1", "<u2", "<f4", "<f8", ">f8", "<c8", "<c16"]


@given(
    st.sampled_from(DTYPES), st.lists(st.integers(0, 5), max_size=4), st.booleans(), st.randoms()
)
def test_any_array_survives(dtype: str, shape: list[int], fortran: bool, random: Any) -> None:
    raw = np.frombuffer(random.randbytes(16 * int(np.prod(shape))), np.uint8)
    array = (raw % 2).view("?") if dtype == "?" else raw.view(dtype)
    array = array[: int(np.prod(shape))].reshape(shape, order="F" if fortran else "C")

    found = decode(encode(array))

    assert facts(found) == facts(np.array(array, order="K"))
    assert found.flags.writeable


# The first bytes are the same for all: the magic, the version and a part of the header.
HEAD = "eJyb7BfqGxDJyFDGUK2eklqcXKRupa"
VECTORS = [
    (
        np.empty((0,)),
        f"{HEAD}Buk2ahrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RoGOpo6CrUKFAAuAFOzG1s=",
    ),
    (
        np.array([[0.1], [0.2]]),
        f"{HEAD}Buk2ahrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOgqGmjoKtQpkA65ZM0Fgpz2EPmkPAF4PJJw=",
    ),
    (
        np.array([[1], [3]], np.uint8),
        f"{HEAD}BeU2qorqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOgqGmjoKtQpkAy5GZgCtHRu6",
    ),
    (
        np.array([1, 2, 3]),
        f"{HEAD}Buk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOpo6CrUKFAAuRgYIYILSzFAaAOdAG2c=",
    ),
]


@pytest.mark.parametrize(("array", "text"), VECTORS)
def test_a_published_array_is_read(read: Read, array: Any, text: str) -> None:
    found = read(json.dumps({"__type__": "ndarray", "__value__": text}))

    assert facts(found) == facts(array)


@pytest.mark.parametrize(("array", "text"), VECTORS)
def test_an_array_is_written_as_published_but_for_the_packing(array: Any, text: str) -> None:
    written = json.loads(encode(array))["__value__"]

    assert unpacked(written) == unpacked(text)


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))


def test_an_extrapolator_stands_where_an_array_may() -> None:
    text = '[{"__type__": "ndarray", "__value__": "polynomial_degree_3"}]'

    assert decode(text) == by_the_official_client(text) == ["polynomial_degree_3"]


def test_base64_with_line_breaks_is_read(read: Read) -> None:
    text = base64.encodebytes(base64.b64decode(VECTORS[1][1])).decode()

    found = read(json.dumps({"__type__": "ndarray", "__value__": text}))

    assert found.tolist() == [[0.1], [0.2]]


def test_a_circuit_that_occurs_often_is_written_and_decoded_once() -> None:
    circuit = parametric()

    text = encode([circuit] * 50)
    found = decode(text)

    assert found[0] == circuit
    assert all(one is found[0] for one in found)


def test_each_input_of_the_official_decoder_has_its_own_circuit() -> None:
    text = encode([parametric()] * 2).decode()

    first, second = SafeRuntimeDecoder().decode(text)
    first.x(0)

    assert (first.count_ops().get("x"), second.count_ops().get("x")) == (1, None)


def test_a_span_of_a_worker_is_an_official_span() -> None:
    span = values.ExecutionSpan(start=NOW, stop=NOW, data_slices={0: ((3, 100), 0, 3, 0, 100)})

    found = by_the_official_client(encode(values.ExecutionSpans([span])).decode())

    assert found == ExecutionSpans(
        [DoubleSliceSpan(NOW, NOW, {0: ((3, 100), slice(0, 3), slice(0, 100))})]
    )


def test_circuits_are_written_in_the_version_that_is_asked_for() -> None:
    text = json.loads(encode(parametric(), qpy_version=14))["__value__"]

    assert unpacked(text)[6] == 14


def test_a_value_of_an_unknown_class_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="object cannot be put into a payload"):
        encode({"a": object()})


def test_random_data_are_stored_and_even_data_packed() -> None:
    random = encode(RNG.integers(0, 256, (1000, 100), np.uint8))
    even = encode(np.zeros((1000, 100), np.uint8))

    assert (len(random) > 100_000, len(even) < 2000) == (True, True)


def test_a_worker_never_imports_the_official_client() -> None:
    program = (
        "import sys, numpy, qiskit\n"
        "from qiskit.primitives import BitArray\n"
        "from swqr_adapters.codec import decode, encode\n"
        "circuit = qiskit.QuantumCircuit(1)\n"
        "decode(encode([circuit, numpy.zeros(3), BitArray.from_samples([1])]))\n"
        "sys.exit('qiskit_ibm_runtime' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=120)

    assert done.returncode == 0
