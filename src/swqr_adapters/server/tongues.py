"""How each surface words what went wrong: IBM's list of errors, the platform's one message."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from attrs import frozen

from swqr_adapters.wire.ibm.refusals import error_body, error_document, status_of
from swqr_adapters.wire.strangeworks import errors as platform
from swqr_core.errors import (
    IdempotencyConflictError,
    InvalidInputError,
    LimitExceededError,
    StateConflictError,
    SwqrError,
)

from .problems import HttpProblem

__all__ = ["GRAPHQL", "IBM", "PLATFORM", "Tongue", "tongue_of"]

_INTERNAL: Final = 1000


@frozen
class Tongue:
    """What error bodies of a surface look like.

    Attributes:
        body: Makes a body of a code, a message, what to do, the request's id, and the error itself
            if a client of ours asked.
        status: The HTTP status of an error.
    """

    body: Callable[[int, str, str, str, SwqrError | None], Mapping[str, Any]]
    status: Callable[[SwqrError], int]

    def error(
        self, error: SwqrError, *, trace: str, extended: bool
    ) -> tuple[int, Mapping[str, Any]]:
        """Return the status and the body that tell of an error."""
        return self.status(error), self.body(
            status_of(error)[1], str(error), "", trace, error if extended else None
        )

    def problem(self, problem: HttpProblem, *, trace: str) -> Mapping[str, Any]:
        """Return the body that tells of a problem with HTTP itself."""
        return self.body(problem.code, problem.message, problem.solution, trace, None)

    def failure(self, *, trace: str, after: bool) -> Mapping[str, Any]:
        """Return the body that tells of a mistake of the server's own.

        Args:
            trace: The id of the request, under which the log tells more.
            after: Whether the work may have been done.
        """
        if after:
            message = "the server failed, and the work may have been done"
            return self.body(_INTERNAL, message, "Look before sending it again.", trace, None)
        return self.body(_INTERNAL, "the server failed", "Tell its owner the trace.", trace, None)


class _Ibm(Tongue):
    """IBM's bodies say what to do beside what happened."""

    def error(
        self, error: SwqrError, *, trace: str, extended: bool
    ) -> tuple[int, Mapping[str, Any]]:
        return error_body(error, trace=trace, extended=extended)


def _ibm_body(
    code: int, message: str, solution: str, trace: str, error: SwqrError | None
) -> Mapping[str, Any]:
    return error_document(code, message, solution=solution, trace=trace, error=error)


def _sentence(message: str, solution: str, trace: str) -> str:
    """Return all that there is to say as one text: clients of the platform show no more."""
    told = f"{message}: {solution[:1].lower()}{solution[1:].rstrip('.')}" if solution else message
    return told.replace("the trace", f"the trace {trace}")


def _platform_body(
    code: int,  # noqa: ARG001 - the platform has no numbers
    message: str,
    solution: str,
    trace: str,
    error: SwqrError | None,
) -> Mapping[str, Any]:
    return platform.error_document(_sentence(message, solution, trace), error=error)


def _graphql_body(
    code: int,  # noqa: ARG001 - the platform has no numbers
    message: str,
    solution: str,
    trace: str,
    error: SwqrError | None,
) -> Mapping[str, Any]:
    return platform.graphql_errors(_sentence(message, solution, trace), error=error)


def _platform_status(error: SwqrError) -> int:
    if isinstance(error, IdempotencyConflictError):
        return 409
    if isinstance(error, StateConflictError) and not isinstance(error, InvalidInputError):
        return 409
    if isinstance(error, LimitExceededError):
        return 409  # not 429, which says that the same request will do better in a moment
    return status_of(error)[0]


IBM: Final[Tongue] = _Ibm(_ibm_body, lambda error: status_of(error)[0])
PLATFORM: Final = Tongue(_platform_body, _platform_status)
GRAPHQL: Final = Tongue(_graphql_body, _platform_status)

_TONGUES: Final = MappingProxyType({"platform": PLATFORM, "graphql": GRAPHQL})


def tongue_of(group: str) -> Tongue:
    """Return how the errors of a group of routes are worded."""
    return _TONGUES.get(group, IBM)
