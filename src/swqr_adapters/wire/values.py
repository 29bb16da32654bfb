"""Times and fields: what the JSON documents of all providers have in common."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ClassVar, Final, ParamSpec, TypeVar, cast

from swqr_core.errors import InvalidInputError, ProtocolError

__all__ = [
    "Document",
    "Reader",
    "beyond",
    "broken",
    "from_json",
    "load",
    "parse_time",
    "reading",
    "timestamp",
    "without_none",
]

Document = Mapping[str, Any]

P = ParamSpec("P")
T = TypeVar("T")

_SHOWN: Final = 200
_LARGEST: Final = 2**63
_may_have_halves: Final = re.compile(rb"\\u[dD][89a-fA-F]").search
_LONG_WORD: Final = re.compile(r"[\w.~+/=%-]{16,}")


def timestamp(at: datetime | None) -> str | None:
    """Return a UTC time as RFC 3339 text with microseconds and ``Z``, or None."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Return the UTC time that ISO 8601 text says; text without a zone is taken as UTC.

    Raises:
        ValueError: It is no such text, or no time that can be told.
    """
    at = datetime.fromisoformat(text)
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:  # the first or last day there is, in another zone
        raise ValueError(str(error)) from error


def without_none(document: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that have a value."""
    return {key: value for key, value in document.items() if value is not None}


def beyond(document: Document, known: frozenset[str]) -> dict[str, Any]:
    """Return the fields that are not among the known ones."""
    return {key: value for key, value in document.items() if key not in known}


def broken(platform: str, document: str, problem: str, shown: object = "") -> ProtocolError:
    """Return the error that says what is wrong with a document, showing its beginning.

    Long words are left out: what is not the platform may repeat what it was sent, tokens too, and
    nobody here knows them.
    """
    try:
        text = _LONG_WORD.sub("[...]", repr(shown)) if shown != "" else ""
    except RecursionError:  # it could just be read
        text = "what is nested too deeply to be shown"
    return ProtocolError(
        platform, _begun(f"{document}: {problem}", 2 * _SHOWN), after=_begun(text, _SHOWN)
    )


def _begun(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."


def from_json(data: bytes) -> Any:
    """Return the value that UTF-8 text of JSON stands for.

    Raises:
        ValueError: It is none, is nested too deeply, or has half of a character in it, which could
            be neither printed nor sent on.
    """
    try:
        value = json.loads(data.decode("utf-8-sig"))
        if _may_have_halves(data):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    return value


def load(platform: str, data: bytes, document: str) -> Document:
    """Return the JSON object that *data* holds.

    Raises:
        ProtocolError: It holds none; *platform* and *document* are named in the message.
    """
    try:
        value = from_json(data)
    except ValueError as error:
        raise broken(platform, document, "is not JSON", data[: 10 * _SHOWN]) from error
    if not isinstance(value, dict):
        raise broken(platform, document, "must be a JSON object", value)
    return value


def reading(platform: str, parse: Callable[P, T]) -> Callable[P, T]:
    """Make a protocol error of what a model refuses: a remote has said it, not a caller."""

    @wraps(parse)
    def read(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return parse(*args, **kwargs)
        except InvalidInputError as error:
            raise broken(platform, parse.__name__.removeprefix("parse_"), str(error)) from error

    return read


class Reader:
    """Reads fields of one document and names the document in every complaint.

    Args:
        document: The JSON object.
        name: What it is, for messages.

    Attributes:
        platform: Whose document it is, for messages.
    """

    platform: ClassVar[str]

    def __init__(self, document: object, name: str) -> None:
        if not isinstance(document, Mapping):
            raise broken(self.platform, name, "must be a JSON object", document)
        self.document = cast("Document", document)
        self.name = name

    def _wrong(self, field: str, right: str) -> ProtocolError:
        problem = f"{field!r} must be {right}"
        return broken(self.platform, self.name, problem, self.document.get(field))

    def text(self, field: str) -> str:
        """Return text that must be there."""
        value = self.document.get(field)
        if not isinstance(value, str):
            raise self._wrong(field, "text")
        return value

    def text_or_none(self, field: str) -> str | None:
        """Return text, or None where there is none."""
        return None if self.document.get(field) is None else self.text(field)

    def texts(self, field: str) -> tuple[str, ...]:
        """Return a list of texts; nothing where there is none."""
        value = self.document.get(field)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(field, "a list of texts")
        return tuple(value)

    def flag(self, field: str, *, default: bool = False) -> bool:
        """Return a truth value, or *default* where there is none."""
        value = self.document.get(field)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._wrong(field, "true or false")
        return value

    def number(self, field: str) -> float | None:
        """Return a number, or None where there is none; numbers as text are read too."""
        value = self.document.get(field)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise self._wrong(field, "a number") from None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(field, "a number")
        if not abs(value) <= _LARGEST:  # which holds for no NaN
            raise self._wrong(field, "a number of sensible size")
        return value

    def integer(self, field: str) -> int | None:
        """Return a whole number, or None where there is none."""
        value = self.number(field)
        if value is None:
            return None
        try:
            whole = int(value)
        except (ValueError, OverflowError):
            raise self._wrong(field, "a whole number") from None
        if whole != value:
            raise self._wrong(field, "a whole number")
        return whole

    def time(self, field: str) -> datetime | None:
        """Return a UTC time, or None where there is none."""
        text = self.text_or_none(field)
        if not text:
            return None
        try:
            return parse_time(text)
        except ValueError:
            raise self._wrong(field, "an ISO 8601 time") from None

    def object(self, field: str) -> Document:
        """Return an object; an empty one where there is none."""
        value = self.document.get(field)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self._wrong(field, "an object")
        return cast("Document", value)

    def items(self, field: str) -> list[Any]:
        """Return a list that must be there."""
        value = self.document.get(field)
        if not isinstance(value, list):
            raise self._wrong(field, "a list")
        return value

    def beyond(self, known: frozenset[str]) -> dict[str, Any]:
        """Return the fields that are not among the known ones."""
        return beyond(self.document, known)
