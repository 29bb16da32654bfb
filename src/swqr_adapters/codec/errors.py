"""What the codec raises about bytes from outside."""

from typing import Self

from swqr_core.errors import InvalidInputError

__all__ = ["MalformedPayloadError", "PayloadError", "UnsafePayloadError"]

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
