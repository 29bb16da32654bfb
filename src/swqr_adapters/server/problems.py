"""Refusals that are about HTTP itself and not about the work."""

from collections.abc import Mapping
from typing import Final

__all__ = ["HttpProblem"]

_REFUSED: Final = 1208


class HttpProblem(Exception):  # noqa: N818 - it never leaves this room
    """A request that cannot be answered otherwise than with this.

    Attributes:
        status: The HTTP status.
        message: What is wrong.
        solution: What to do about it.
        code: The number in the registry of error codes.
        headers: Further headers of the answer.
        close: Whether the connection cannot be used any more.
    """

    def __init__(
        self,
        status: int,
        message: str,
        solution: str,
        *,
        code: int = _REFUSED,
        headers: Mapping[str, str] | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(status, message, solution)
        self.status, self.message, self.solution, self.code = status, message, solution, code
        self.headers, self.close = dict(headers or {}), close
