"""Times and fields of the documents of IBM's REST interface; complaints name IBM."""

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from swqr_adapters.wire import values
from swqr_adapters.wire.values import Document, beyond, parse_time, timestamp, without_none
from swqr_core.errors import ProtocolError

__all__ = [
    "Document",
    "Reader",
    "beyond",
    "broken",
    "load",
    "parse_time",
    "reading",
    "timestamp",
    "without_none",
]

P = ParamSpec("P")
T = TypeVar("T")

_PLATFORM: Final = "ibm"


def broken(document: str, problem: str, shown: object = "") -> ProtocolError:
    """Return the error that says what is wrong with a document, showing its beginning."""
    return values.broken(_PLATFORM, document, problem, shown)


def load(data: bytes, document: str) -> Document:
    """Return the JSON object that *data* holds.

    Raises:
        ProtocolError: It holds none; *document* names it in the message.
    """
    return values.load(_PLATFORM, data, document)


def reading(parse: Callable[P, T]) -> Callable[P, T]:
    """Make a protocol error of what a model refuses: a remote has said it, not a caller."""
    return values.reading(_PLATFORM, parse)


class Reader(values.Reader):
    """Reads fields of one document and names the document in every complaint."""

    platform = _PLATFORM
