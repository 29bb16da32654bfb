"""Payloads for the fuzzer of the decoder: one of each kind, and changes that leave them readable.

Bytes changed at random are hardly ever JSON, and hardly ever a compressed blob. So a change here is
one to a value of a whole document, or to what a blob in it inflates to.
"""

import base64
import contextlib
import json
import random
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

__all__ = ["change", "examples"]

_JUNK: Final[tuple[Any, ...]] = (
    *(None, True, -1, 0, 1, 2**63, 10**40, 1.5, float("nan"), "", "x", "__class__", "linear"),
    *([], {}, [1], ["a"], [[1], 2]),
)
_COMPRESSED: Final = "eJ"  # how zlib's first bytes look in base64


def examples() -> list[bytes]:
    """Return documents that hold a value of each kind, circuits apart."""
    import numpy as np
    from qiskit.circuit import Parameter
    from qiskit.primitives import BitArray, DataBin, PrimitiveResult, SamplerPubResult
    from qiskit.primitives.containers.bindings_array import BindingsArray
    from qiskit.primitives.containers.observables_array import ObservablesArray
    from qiskit.quantum_info import PauliLindbladMap, PauliList, SparsePauliOp

    from swqr_adapters.codec import encode

    sampled = DataBin(c=BitArray.from_samples([0, 3], 2))
    return [
        encode(value)
        for value in (
            np.arange(6.0).reshape(2, 3),
            BindingsArray({("a", "b"): np.zeros((3, 2))}),
            [1j, {1, 2}, Parameter("a")],
            PauliLindbladMap.from_sparse_list([("X", [1], 0.5)], num_qubits=2),
            ObservablesArray([{"ZZ": 1.0}]),
            [SparsePauliOp(["XX", "ZZ"], [1, 2]), PauliList(["X"])],
            PrimitiveResult([SamplerPubResult(sampled, {"a": 1})]),
        )
    ]


def change(data: bytes, size: int, seed: int, mutate: Callable[[bytes, int], bytes]) -> bytes:
    """Return *data* with one change.

    Args:
        data: What to change.
        size: How long the answer may be.
        seed: Decides what is changed.
        mutate: The fuzzer's own way to change bytes.
    """
    dice = random.Random(seed)
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(data)
        if dice.random() < 0.9 and (places := list(_places(document))):
            holder, key = dice.choice(places)
            holder[key] = _changed(holder[key], places, dice, mutate)
            changed = json.dumps(document).encode()
            return changed if len(changed) <= size else data
    return mutate(data, size)


def _changed(
    value: Any, places: list[tuple[Any, Any]], dice: random.Random, mutate: Callable[..., bytes]
) -> Any:
    if isinstance(value, str) and value.startswith(_COMPRESSED):
        with contextlib.suppress(ValueError, zlib.error):
            raw = zlib.decompress(base64.b64decode(value))
            return base64.b64encode(zlib.compress(mutate(raw, len(raw) + 64))).decode()
    if dice.random() < 0.5:
        return dice.choice(_JUNK)
    holder, key = dice.choice(places)  # what stands elsewhere in the document
    return json.loads(json.dumps(holder[key]))


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    items: Any = ()
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, list):
        items = enumerate(node)
    for key, value in items:
        yield node, key
        yield from _places(value)
