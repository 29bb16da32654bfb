"""The frames between a pool and its workers: a small JSON header and a body of raw bytes.

On the pipe: the header's length (4 bytes), the body's length (8 bytes), both big-endian, the
header, the body. A payload is the body as it is: it is never encoded again, and never copied to
put something before it.
"""

import io
import json
from collections.abc import Mapping
from struct import Struct
from typing import BinaryIO, Final

from attrs import field, frozen

__all__ = ["CHUNK", "MAX_HEADER", "Frame", "FrameError", "FrameReader", "frame_head", "read_frame"]

_PREFIX: Final = Struct("!IQ")

#: Bytes moved by one read or write: large enough to be cheap, and short for an event loop.
CHUNK: Final = 256 * 1024

#: Bytes of the longest header, unless a reader is told another limit.
MAX_HEADER: Final = 16 * 2**20


class FrameError(Exception):
    """What came through the pipe is no frame."""


@frozen
class Frame:
    """One message.

    Attributes:
        header: Plain JSON values.
        body: The payload.
    """

    header: Mapping[str, object]
    body: bytes = field(default=b"", repr=False)


def frame_head(header: Mapping[str, object], body_size: int = 0) -> bytes:
    """Return the bytes that go before a body of *body_size* bytes.

    Raises:
        TypeError: The header has a value that JSON does not know.
    """
    text = json.dumps(header, separators=(",", ":"), default=_plain).encode()
    return _PREFIX.pack(len(text), body_size) + text


def _plain(value: object) -> object:
    """Return *value* as JSON knows it: any mapping, and NumPy's numbers."""
    if isinstance(value, Mapping):
        return dict(value)
    number = getattr(value, "item", None)
    if callable(number):
        return number()
    raise TypeError(f"a {type(value).__name__} is no plain JSON value")


def read_frame(stream: BinaryIO) -> Frame | None:
    """Read one frame from a blocking stream; None at its end.

    Raises:
        FrameError: The stream ended inside a frame.
    """
    prefix = stream.read(_PREFIX.size)
    if not prefix:
        return None
    if len(prefix) < _PREFIX.size:
        raise FrameError("the stream ended inside a prefix")
    header_size, body_size = _PREFIX.unpack(prefix)
    header = stream.read(header_size)
    body = stream.read(body_size) if body_size else b""
    if len(header) < header_size or len(body) < body_size:
        raise FrameError("the stream ended inside a frame")
    return Frame(_parse(header), body)


def _parse(header: bytes | bytearray) -> Mapping[str, object]:
    try:
        value = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"the header is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise FrameError("the header is no JSON object")
    return value


class FrameReader:
    """Finds frames in chunks of bytes, whatever their borders are.

    A body grows as it arrives, by reallocation: there is no moment at which 50 MB are copied at
    once, which would hold up an event loop.

    Args:
        body_limit: Bytes; a longer body is an error before it is read.
        header_limit: Bytes; likewise.
    """

    def __init__(self, body_limit: int, header_limit: int = MAX_HEADER) -> None:
        self._body_limit = body_limit
        self._header_limit = header_limit
        self._head = bytearray()
        self._header: Mapping[str, object] | None = None
        self._body = io.BytesIO()
        self._missing = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes; return the frames that they complete.

        Raises:
            FrameError: They are no frame, or one over the limits.
        """
        frames: list[Frame] = []
        view = memoryview(data)
        while view:
            if self._header is None:
                view = self._feed_head(view)
            else:
                part = view[: self._missing]
                self._body.write(part)
                self._missing -= len(part)
                view = view[len(part) :]
            if self._header is not None and not self._missing:
                frames.append(Frame(self._header, self._body.getvalue()))
                self._header = None
                self._body = io.BytesIO()
        return frames

    def _feed_head(self, view: memoryview) -> memoryview:
        """Take from *view* what the prefix and the header lack; return the rest."""
        need = _PREFIX.size - len(self._head)
        if need > 0:
            self._head += view[:need]
            view = view[need:]
        if len(self._head) < _PREFIX.size:
            return view
        header_size, body_size = _PREFIX.unpack_from(self._head)
        if header_size > self._header_limit or body_size > self._body_limit:
            raise FrameError(
                f"a frame of {header_size} + {body_size} bytes is over the limit of "
                f"{self._header_limit} + {self._body_limit}"
            )
        need = _PREFIX.size + header_size - len(self._head)
        self._head += view[:need]
        if len(self._head) == _PREFIX.size + header_size:
            self._header = _parse(self._head[_PREFIX.size :])
            self._head.clear()
            self._missing = body_size
        return view[need:]
