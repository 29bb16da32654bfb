"""Times and fields of the Strangeworks platform's documents; complaints name the platform."""

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from swqr_adapters.wire import values
from swqr_adapters.wire.values import Document
from swqr_core.errors import ProtocolError

__all__ = ["Reader", "borrowed", "broken", "load", "reading"]

P = ParamSpec("P")
T = TypeVar("T")

_PLATFORM: Final = "strangeworks"


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


def borrowed(parse: Callable[P, T]) -> Callable[P, T]:
    """Make complaints of a reader of IBM's documents name this platform, which has sent them."""

    @wraps(parse)
    def read(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return parse(*args, **kwargs)
        except ProtocolError as error:
            raise ProtocolError(_PLATFORM, error.problem, error.before, error.after) from error

    return read


class Reader(values.Reader):
    """Reads fields of one document and names the document in every complaint."""

    platform = _PLATFORM
