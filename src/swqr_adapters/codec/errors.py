"""What the codec raises about bytes from outside."""

from collections.abc import Iterable
from typing import Self

from swqr_core.errors import InvalidInputError

__all__ = [
    "MalformedPayloadError",
    "PayloadError",
    "UnsafePayloadError",
    "is_about_input",
    "path_text",
    "shorten",
]

JOB_VALIDATION_FAILED = 1002  # the registry's code


class PayloadError(InvalidInputError):
    """A payload cannot be decoded; no object was made from it.

    Attributes:
        field: Where, as a JSON path: ``$.pubs[0][1]``.
        problem: What is wrong there, and what would be right.
    """

    def __init__(self, field: str, problem: str, code: int | None = JOB_VALIDATION_FAILED) -> None:
        super().__init__(field, problem, code)

    @property
    def path(self) -> str:
        """Where, as a JSON path; ``$`` is the whole document."""
        return self.field

    def at(self, path: str) -> Self:
        """Return the same error for another place."""
        return type(self)(path, self.problem, self.code)


class MalformedPayloadError(PayloadError):
    """The payload is not what its format says: truncated, wrongly typed, inconsistent."""


class UnsafePayloadError(PayloadError):
    """The payload asks for what is refused: an unknown tag, a forbidden class, too much."""


def is_about_input(error: BaseException) -> bool:
    """Say whether *error*, from a reader that was given nonsense, is about the nonsense.

    Readers raise all kinds of errors, and native ones panic, which is no `Exception`. Running out
    of memory or stack is not about the input's form, and a keyboard interrupt not at all.
    """
    if isinstance(error, Exception):
        return not isinstance(error, (MemoryError, RecursionError))
    return type(error).__name__ == "PanicException"


def path_text(parts: Iterable[str | int]) -> str:
    """Return the JSON path made of keys and indices: ``$.pubs[0]``."""
    steps = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return shorten("$" + "".join(steps), 300)


def shorten(value: object, limit: int = 80) -> str:
    """Return *value* for a message: printable, and not much longer than *limit* characters."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(char if char.isprintable() else "?" for char in text[: limit + 1])
    return text if len(text) <= limit else text[:limit] + "..."
