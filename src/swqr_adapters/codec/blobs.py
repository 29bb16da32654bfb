"""Base64, zlib and NumPy's array format, with bounds on the way in and speed on the way out."""

import base64
import binascii
import contextlib
import io
import math
import re
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from .budget import Budget
from .errors import MalformedPayloadError, UnsafePayloadError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "array_from_base64",
    "array_to_base64",
    "count_inflated",
    "deflate",
    "from_base64",
    "inflate",
    "inflate_exactly",
    "to_base64",
]

_decode: Callable[..., bytes] = base64.b64decode
_encode: Callable[[bytes], bytes] = base64.b64encode
with contextlib.suppress(ImportError):  # SIMD, 20 times as fast; qiskit-ibm-runtime brings it
    import pybase64

    _decode, _encode = pybase64.b64decode, pybase64.b64encode

SAMPLE: Final = 8192  # bytes; more makes the choice of a level the main cost of small blobs
WORTH_IT: Final = 0.9  # a level above 0 must save at least a tenth
SMALL: Final = 4 * SAMPLE  # bytes below which zlib's usual level costs nothing worth saving
FIRST_BITE: Final = 16_384  # bytes; holds any header that `_HEADER` can match
MAX_DIMENSIONS: Final = 32
MAX_AXIS: Final = 2**40

# NumPy writes exactly this; structured types, objects, dates and free expressions do not match.
_HEADER: Final = re.compile(
    rb"\{'descr': '([<>|=][biufcSU]\d{1,9})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,13}, )*(?:\d{1,13},?)?)\), ?\} *\n"
)


def to_base64(data: bytes) -> str:
    """Return *data* as standard base64 text."""
    return str(_encode(data), "ascii")


def from_base64(text: object) -> bytes:
    """Return the bytes of standard base64 *text*; line breaks in it are allowed.

    Raises:
        MalformedPayloadError: It is no text or no base64.
    """
    if not isinstance(text, str):
        raise MalformedPayloadError("$", f"{_kind(text)} where base64 text is due")
    try:
        return _decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    try:
        return _decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise MalformedPayloadError("$", f"not base64 ({exc}): send it unchanged") from exc


def inflate(packed: bytes, budget: Budget, *, limit: int | None = None) -> bytes:
    """Return what the zlib stream *packed* holds, at most *limit* bytes.

    Raises:
        UnsafePayloadError: It is more than *limit* or than the budget has left.
        MalformedPayloadError: It is no complete zlib stream.
    """
    cap = budget.left if limit is None else min(limit, budget.left)
    stream = zlib.decompressobj()
    out = _step(stream, packed, cap + 1)
    if len(out) > cap:
        raise UnsafePayloadError("$", budget.refusal(len(out)))
    _at_end(stream)
    budget.take(len(out))
    return out


def inflate_exactly(packed: bytes, budget: Budget, size: int) -> bytes:
    """Return the *size* bytes that the zlib stream *packed* must hold.

    Raises:
        UnsafePayloadError: They are more than the budget has left.
        MalformedPayloadError: It is no complete zlib stream of that size.
    """
    budget.take(size)
    stream = zlib.decompressobj()
    out = _step(stream, packed, size + 1)
    if len(out) != size:
        raise MalformedPayloadError(
            "$", f"holds another number of bytes than the {size} that its shape needs"
        )
    _at_end(stream)
    return out


def count_inflated(packed: bytes, budget: Budget, *, expected: int) -> None:
    """Check that the zlib stream *packed* holds *expected* bytes, without keeping them.

    Raises:
        UnsafePayloadError: It is more than the budget has left.
        MalformedPayloadError: It is no complete zlib stream of that size.
    """
    budget.take(expected)
    stream, size, rest = zlib.decompressobj(), 0, packed
    while rest:
        size += len(_step(stream, rest, 2**20))
        if size > expected:
            break
        rest = stream.unconsumed_tail
    if size != expected:
        raise MalformedPayloadError(
            "$", f"holds another number of bytes than the {expected} that its shape needs"
        )
    _at_end(stream)


def deflate(*parts: "bytes | memoryview") -> bytes:
    """Return *parts* as one zlib stream, with as much effort as the data deserves.

    Random bytes are stored, others packed at the fastest level; small blobs, where neither
    matters, at the usual one. Any zlib reads it.
    """
    size = sum(len(part) for part in parts)
    packer = zlib.compressobj(_level(parts[-1], size))
    return b"".join([*(packer.compress(part) for part in parts), packer.flush()])


def _level(data: "bytes | memoryview", size: int) -> int:
    if size <= SMALL:
        return 6
    step, piece = max(1, len(data) // 4), SAMPLE // 4
    sample = b"".join(bytes(data[at : at + piece]) for at in range(0, len(data), step))
    return 1 if len(zlib.compress(sample, 1)) < WORTH_IT * len(sample) else 0


def array_to_base64(array: "npt.NDArray[Any]") -> str:
    """Return *array* (any dtype but objects) as base64 of zlib of NumPy's array format."""
    import numpy as np

    head = io.BytesIO()
    description = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(head, description)
    flat = array.T if description["fortran_order"] else array
    flat = np.ascontiguousarray(flat)
    body: bytes | memoryview = flat.reshape(-1).view(np.uint8).data if flat.size else b""
    return to_base64(deflate(head.getvalue(), body))


def array_from_base64(text: object, budget: Budget) -> "npt.NDArray[Any]":
    """Return the array in base64 of zlib of NumPy's array format, never through ``np.load``.

    Raises:
        UnsafePayloadError: It holds objects, records or an archive, or is too large.
        MalformedPayloadError: Header and data do not fit each other.
    """
    import numpy as np

    stream = zlib.decompressobj()
    first = _step(stream, from_base64(text), FIRST_BITE)
    dtype, fortran, shape, offset = _read_header(first)
    count = math.prod(shape)
    size = count * dtype.itemsize
    budget.take(size)
    first = first[offset:]
    rest = _step(stream, stream.unconsumed_tail, max(size - len(first), 0) + 1)
    if len(first) + len(rest) != size:
        raise MalformedPayloadError(
            "$", f"the array holds another number of bytes than the {size} that its header says"
        )
    _at_end(stream)
    array = np.empty(count, dtype)
    if size:
        raw = array.view(np.uint8)
        raw[: len(first)] = np.frombuffer(first, np.uint8)
        raw[len(first) :] = np.frombuffer(rest, np.uint8)
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


def _read_header(data: bytes) -> "tuple[np.dtype[Any], bool, tuple[int, ...], int]":
    import numpy as np

    if data[:6] != b"\x93NUMPY" or len(data) < 12:  # noqa: PLR2004 - magic, version, length
        raise UnsafePayloadError(
            "$", "not in NumPy's array format: send one array, written by numpy.save"
        )
    wide = data[6] > 1  # versions 2 and 3 have a longer length field
    start = 12 if wide else 10
    length = int.from_bytes(data[8:start], "little")
    match = _HEADER.fullmatch(data[start : start + length])
    if match is None:
        raise UnsafePayloadError(
            "$", "the array has records, objects, dates or an unreadable header: send numbers"
        )
    shape = tuple(int(axis) for axis in match[3].decode().replace(" ", "").split(",") if axis)
    dtype = np.dtype(match[1].decode())
    if len(shape) > MAX_DIMENSIONS or max(shape, default=0) > MAX_AXIS or not dtype.itemsize:
        raise UnsafePayloadError("$", f"an array of {dtype} with shape {shape} is refused")
    return dtype, match[2] == b"True", shape, start + length


def _step(stream: Any, data: bytes, limit: int) -> bytes:
    try:
        return cast("bytes", stream.decompress(data, limit))
    except zlib.error as exc:
        raise MalformedPayloadError("$", f"not a zlib stream ({exc}): send it unchanged") from exc


def _at_end(stream: Any) -> None:
    if not stream.eof or stream.unconsumed_tail or stream.unused_data:
        raise MalformedPayloadError("$", "the zlib stream is cut off or has a tail")


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a truth value"}
    return names.get(type(value), "null" if value is None else "a number")
