"""How values are written in a log: each as plain JSON, and back to the same value."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from attrs import frozen

from swqr_core.errors import InvalidInputError

__all__ = [
    "FLAG",
    "JSON",
    "NUMBER",
    "TEXT",
    "TIME",
    "WHOLE",
    "Codec",
    "Layout",
    "many",
    "optional",
    "texts",
    "word",
]

T = TypeVar("T")
S = TypeVar("S", bound=StrEnum)


@frozen
class Codec(Generic[T]):
    """Both directions of one kind of value.

    Attributes:
        encode: From the value to plain JSON; raises ``InvalidInputError`` for what would be read
            as something else.
        decode: From plain JSON to the value; raises ``InvalidInputError`` for anything else.
    """

    encode: Callable[[T], object]
    decode: Callable[[object], T]


def _instance_of(*types: type) -> Callable[[object], Any]:
    def check(value: object) -> object:
        if type(value) not in types:
            raise _other(types, value)
        return value

    return check


def _writable(*types: type) -> Callable[[Any], object]:
    """Return what lets only values pass that are read again as such; their subclasses are."""

    def check(value: object) -> object:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise _other(types, value)
        return value

    return check


def _other(types: tuple[type, ...], value: object) -> InvalidInputError:
    names = " or ".join(each.__name__ for each in types)
    return InvalidInputError("record", f"must hold {names} here, not {value!r:.100}")


def _to_time(value: object) -> datetime:
    written = TEXT.decode(value)
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise InvalidInputError("record", f"must hold an ISO 8601 time, not {value!r}") from error
    if moment.tzinfo is not UTC:
        raise InvalidInputError("record", f"must hold a time in UTC, not {value!r}")
    return moment


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _plain_mapping(value: object) -> object:
    if not isinstance(value, Mapping):
        raise _other((dict,), value)
    return _plain(value)


def _to_mapping(value: object) -> Mapping[str, object]:
    found: Mapping[str, object] = _instance_of(dict)(value)
    return found


TEXT: Codec[str] = Codec(_writable(str), _instance_of(str))
WHOLE: Codec[int] = Codec(_writable(int), _instance_of(int))
NUMBER: Codec[float] = Codec(_writable(float, int), _instance_of(float, int))
FLAG: Codec[bool] = Codec(_writable(bool), _instance_of(bool))
TIME: Codec[datetime] = Codec(datetime.isoformat, _to_time)
JSON: Codec[Mapping[str, object]] = Codec(_plain_mapping, _to_mapping)


def optional(codec: Codec[T]) -> Codec[T | None]:
    """Write None as null."""
    return Codec(
        lambda value: None if value is None else codec.encode(value),
        lambda value: None if value is None else codec.decode(value),
    )


def many(codec: Codec[T]) -> Codec[tuple[T, ...]]:
    """Write a tuple as a list."""
    return Codec(
        lambda value: [codec.encode(item) for item in value],
        lambda value: tuple(codec.decode(item) for item in _instance_of(list)(value)),
    )


def texts() -> Codec[tuple[str, ...]]:
    """Write a tuple of texts as a list."""
    return many(TEXT)


def word(enum: type[S]) -> Codec[S]:
    """Write a member of an enum as its word."""

    def decode(value: object) -> S:
        written = TEXT.decode(value)
        try:
            return enum(written)
        except ValueError as error:
            known = ", ".join(enum)
            raise InvalidInputError("record", f"must be one of {known}, not {value!r}") from error

    return Codec(lambda value: value.value, decode)


class Layout(Generic[T]):
    """A class written as an object with one member for each field.

    Attributes:
        type: The class.
        fields: Its fields and how each is written; the order is that of the members.
    """

    def __init__(self, type: Callable[..., T], **fields: Codec[Any]) -> None:
        self.type, self.fields = type, fields

    @property
    def codec(self) -> Codec[T]:
        """The layout as the codec of one value."""
        return Codec(self.encode, self.decode)

    def encode(self, value: T) -> dict[str, object]:
        """Return a value as plain JSON."""
        return {name: codec.encode(getattr(value, name)) for name, codec in self.fields.items()}

    def decode(self, value: object) -> T:
        """Return the value that was written.

        Raises:
            InvalidInputError: Members are missing, unknown or of another kind.
        """
        members = _to_mapping(value)
        if members.keys() != self.fields.keys():
            odd = ", ".join(sorted(members.keys() ^ self.fields.keys()))
            raise InvalidInputError("record", f"misses these members or does not know them: {odd}")
        return self.type(
            **{name: codec.decode(members[name]) for name, codec in self.fields.items()}
        )
