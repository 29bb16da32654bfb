"""Tensors of the schema documents: ``{"data": base64, "shape": [...], "dtype": "f64"}``.

C order, little-endian; truth values are packed into bits, the first into the lowest. Executor
documents of major version 2 and later compress the bytes with zlib.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .blobs import deflate, from_base64, inflate_exactly, to_base64
from .budget import Budget
from .errors import MalformedPayloadError, shorten

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["bits_to_tensor", "read_tensor", "tensor_size", "write_tensor"]

BITS: Final = {
    "bool": 1,
    "c128": 128,
    "c64": 64,
    **{f"{kind}{bits}": bits for kind in "iu" for bits in (8, 16, 32, 64)},
    **{f"f{bits}": bits for bits in (16, 32, 64)},
}
PLAIN: Final = frozenset({"bool", "c128", "f64", "u8"})  # what uncompressed documents may hold
MAX_DIMENSIONS: Final = 32
MAX_AXIS: Final = 2**40


def tensor_size(node: Mapping[str, Any], budget: Budget) -> int:
    """Return how many bytes a tensor's data must have, unpacked truth values being counted.

    Raises:
        MalformedPayloadError: Its dtype or shape is none.
        UnsafePayloadError: It is larger than the budget.
    """
    dtype, shape = node.get("dtype"), node.get("shape")
    bits = BITS.get(dtype) if isinstance(dtype, str) else None
    if bits is None:
        raise MalformedPayloadError("$", f"no tensor has the dtype {shorten(dtype)}")
    if (
        not isinstance(shape, list)
        or len(shape) > MAX_DIMENSIONS
        or not all(type(axis) is int and 0 <= axis <= MAX_AXIS for axis in shape)
    ):
        raise MalformedPayloadError("$", f"no tensor has the shape {shorten(shape)}")
    if bits == 1:
        budget.take(math.prod(shape))
    return math.ceil(math.prod(shape) * bits / 8)


def read_tensor(node: Mapping[str, Any], budget: Budget, *, compressed: bool) -> "npt.NDArray[Any]":
    """Return the array of a tensor.

    Raises:
        MalformedPayloadError: Its data do not fit its shape and dtype.
        UnsafePayloadError: It is larger than the budget.
    """
    import numpy as np

    size = tensor_size(node, budget)
    data = from_base64(node.get("data"))
    if compressed:
        data = inflate_exactly(data, budget, size)
    else:
        budget.take(size)
        if len(data) != size:
            raise MalformedPayloadError(
                "$",
                f"{len(data)} bytes where {node['dtype']} of shape {node['shape']} takes {size}",
            )
    shape = tuple(node["shape"])
    if node["dtype"] == "bool":
        count = math.prod(shape)
        bits = np.unpackbits(np.frombuffer(data, np.uint8), count=count, bitorder="little")
        return bits.view(np.bool_).reshape(shape)
    return np.frombuffer(data, _dtype(node["dtype"])).reshape(shape)


def _dtype(name: str) -> "np.dtype[Any]":
    import numpy as np

    return np.dtype(f"<{name[0]}{BITS[name] // 8}")


def write_tensor(array: "npt.NDArray[Any]", *, compressed: bool) -> dict[str, Any]:
    """Return *array* as a tensor.

    Args:
        array: Truth values or numbers. An uncompressed tensor knows only few types: there other
            numbers become ``f64`` or ``c128``.
        compressed: Whether the document's version compresses.
    """
    import numpy as np

    if array.dtype == np.bool_:
        packed = np.packbits(array.reshape(-1), bitorder="little")
        return _tensor(packed.tobytes(), array.shape, "bool", compressed=compressed)
    name = f"{array.dtype.kind}{array.dtype.itemsize * 8}"
    if name not in (BITS if compressed else PLAIN):
        name = "c128" if array.dtype.kind == "c" else "f64"
    data = np.ascontiguousarray(array, _dtype(name)).tobytes()
    return _tensor(data, array.shape, name, compressed=compressed)


def bits_to_tensor(
    array: "npt.NDArray[np.uint8]", num_bits: int, *, compressed: bool
) -> dict[str, Any]:
    """Return measured bits as a tensor of truth values with one entry for each bit.

    Args:
        array: Shape ``(*sweep, shots, ceil(num_bits / 8))``, as in a ``BitArray``: big-endian, the
            last byte holding the bits 7 to 0.
        num_bits: Bits of the register.
        compressed: Whether the document's version compresses.

    Returns:
        A tensor of shape ``(*sweep, shots, num_bits)``; entry ``i`` of the last axis is bit ``i``.
    """
    import numpy as np

    bits = np.unpackbits(array[..., ::-1], axis=-1, bitorder="little", count=num_bits or None)
    if num_bits == 0:
        bits = bits[..., :0]
    packed = np.packbits(bits.reshape(-1), bitorder="little")
    return _tensor(packed.tobytes(), bits.shape, "bool", compressed=compressed)


def _tensor(data: bytes, shape: tuple[int, ...], dtype: str, *, compressed: bool) -> dict[str, Any]:
    text = to_base64(deflate(data) if compressed else data)
    return {"data": text, "shape": list(shape), "dtype": dtype}
