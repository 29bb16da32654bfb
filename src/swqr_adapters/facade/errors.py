"""The core's errors as the official client's own exception types.

Each of these is an official type and, in addition, what official code expects from its HTTP
client (``RequestsApiError`` with a status), so it is right in both places: caught by official code
that looks at the status, and seen by the caller. The core's error is its ``__cause__``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from qiskit.providers.exceptions import QiskitBackendNotFoundError as _BackendNotFound

from swqr_core.errors import (
    AccessDeniedError,
    BackendNotFoundError,
    InvalidInputError,
    JobCancelledError,
    JobFailedError,
    JobNotFoundError,
    JobTimedOutError,
    LimitExceededError,
    NotFoundError,
    ProgramNotFoundError,
    StateConflictError,
    SwqrError,
    WaitTimeoutError,
)

from .contract import RequestsApiError, exceptions

__all__ = [
    "IBMInputValueError",
    "IBMNotAuthorizedError",
    "IBMRuntimeError",
    "QiskitBackendNotFoundError",
    "RuntimeInvalidStateError",
    "RuntimeJobFailureError",
    "RuntimeJobMaxTimeoutError",
    "RuntimeJobNotFound",
    "RuntimeJobTimeoutError",
    "RuntimeProgramNotFound",
    "official_error",
    "official_errors",
]


class IBMInputValueError(exceptions.IBMInputValueError, RequestsApiError):
    """A value cannot be used."""


class IBMNotAuthorizedError(exceptions.IBMNotAuthorizedError, RequestsApiError):
    """The credentials or the plan do not allow it."""


class IBMRuntimeError(exceptions.IBMRuntimeError, RequestsApiError):
    """Anything else that went wrong."""


class QiskitBackendNotFoundError(_BackendNotFound, RequestsApiError):
    """There is no such backend."""


class RuntimeInvalidStateError(exceptions.RuntimeInvalidStateError, RequestsApiError):
    """The thing is not in a state that allows it."""


class RuntimeJobFailureError(exceptions.RuntimeJobFailureError, RequestsApiError):
    """The job failed."""


class RuntimeJobMaxTimeoutError(exceptions.RuntimeJobMaxTimeoutError, RequestsApiError):
    """The job ran longer than it was allowed to."""


class RuntimeJobNotFound(exceptions.RuntimeJobNotFound, RequestsApiError):  # noqa: N818 - official
    """There is no such job."""


class RuntimeJobTimeoutError(exceptions.RuntimeJobTimeoutError, RequestsApiError):
    """The job has not ended in the time that was waited."""


class RuntimeProgramNotFound(  # noqa: N818 - the official name
    exceptions.RuntimeProgramNotFound, RequestsApiError
):
    """There is no such program."""


#: The first row that fits counts. The status is the one of the REST interface.
_TABLE: Final[tuple[tuple[type[SwqrError], Any, int], ...]] = (
    (JobNotFoundError, RuntimeJobNotFound, 404),
    (ProgramNotFoundError, RuntimeProgramNotFound, 404),
    (BackendNotFoundError, QiskitBackendNotFoundError, 404),
    (NotFoundError, IBMInputValueError, 404),
    (InvalidInputError, IBMInputValueError, 400),
    (StateConflictError, RuntimeInvalidStateError, 409),
    (LimitExceededError, IBMRuntimeError, 429),
    (AccessDeniedError, IBMNotAuthorizedError, 403),
    (JobFailedError, RuntimeJobFailureError, -1),
    (JobTimedOutError, RuntimeJobMaxTimeoutError, -1),
    (JobCancelledError, RuntimeInvalidStateError, -1),
    (WaitTimeoutError, RuntimeJobTimeoutError, -1),
    (SwqrError, IBMRuntimeError, -1),
)


def official_error(error: SwqrError, message: str | None = None) -> Any:
    """Return the official exception for *error*, its cause set.

    Args:
        error: What the core raised.
        message: What to say; the core's message if None.
    """
    kind, status = next(
        (official, status) for core, official, status in _TABLE if isinstance(error, core)
    )
    code = f" (code {error.code})" if error.code and message is None else ""
    made = kind(f"{error}{code}" if message is None else message, status)
    made.__cause__ = error
    return made


@contextmanager
def official_errors() -> Iterator[None]:
    """Let the core's errors out of the block as official ones."""
    try:
        yield
    except SwqrError as error:
        raise official_error(error) from error
