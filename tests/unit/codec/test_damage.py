"""A damaged document is refused, or read as something else; nothing else ever happens."""

import base64
import contextlib
import copy
import json
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, SamplerPubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import PauliLindbladMap, PauliList, SparsePauliOp

from swqr_adapters.codec import PayloadError, decode, encode, values
from swqr_adapters.codec.official import SafeRuntimeDecoder

WHOLE: Any = json.loads(
    encode(
        {
            "array": np.arange(6.0).reshape(2, 3),
            "bindings": BindingsArray({("a", "b"): np.zeros((3, 2))}),
            "complex": 1j,
            "layer": values.LayerError(
                QuantumCircuit(1),
                [3],
                values.PauliLindbladError(PauliList(["X"]), np.array([0.5])),
            ),
            "map": PauliLindbladMap.from_sparse_list([("X", [1], 0.5)], num_qubits=2),
            "observables": ObservablesArray([{"ZZ": 1.0}]),
            "operator": SparsePauliOp(["XX", "ZZ"], [1, 2]),
            "parameter": Parameter("a"),
            "result": PrimitiveResult(
                [SamplerPubResult(DataBin(c=BitArray.from_samples([0, 3], 2)), {"a": 1})]
            ),
            "set": {1, 2},
        }
    )
)
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 1, 2**63, 1.5, float("nan"), "", "x", "ndarray", [], {}, [1], ["a"], [[1], 2]]
)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items: Any = ()
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, list):
        items = enumerate(node)
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def at(node: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        node = node[key]
    return node


PLACES = list(places(WHOLE))
BLOBS = [path for path in PLACES if str(at(WHOLE, path)).startswith("eJ")]


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.none() | st.tuples(JUNK)), max_size=3))
def test_values_of_the_wrong_kind_are_refused_or_read(
    read: Any, changes: list[tuple[tuple[Any, ...], tuple[Any] | None]]
) -> None:
    document = copy.deepcopy(WHOLE)
    for path, junk in changes:
        with contextlib.suppress(KeyError, IndexError, TypeError):  # an earlier change removed it
            if junk is None:
                del at(document, path[:-1])[path[-1]]
            else:
                at(document, path[:-1])[path[-1]] = copy.deepcopy(junk[0])

    with contextlib.suppress(PayloadError):
        read(json.dumps(document))


@given(st.sampled_from(BLOBS), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=4))
def test_damaged_blobs_are_refused_or_read(
    path: tuple[Any, ...], changes: list[tuple[int, int]]
) -> None:
    document = copy.deepcopy(WHOLE)
    raw = bytearray(zlib.decompress(base64.b64decode(at(document, path))))
    if raw[:6] == b"QISKIT":  # what the native reader makes of nonsense is for a worker to bear
        return
    for index, value in changes:
        raw[index % len(raw)] = value
    at(document, path[:-1])[path[-1]] = base64.b64encode(zlib.compress(raw)).decode()
    text = json.dumps(document)

    for reader in (decode, SafeRuntimeDecoder().decode):
        with contextlib.suppress(PayloadError):
            reader(text)
