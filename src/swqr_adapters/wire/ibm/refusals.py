"""From an error to the status and body that IBM's interface answers with."""

from typing import Any, Final

from swqr_core.errors import (
    AccessDeniedError,
    ClosedError,
    ConfigurationError,
    IdempotencyConflictError,
    InvalidInputError,
    JobEndedError,
    JobOutcomeError,
    LimitExceededError,
    NotFoundError,
    OutcomeUnknownError,
    PayloadLostError,
    PayloadTooLargeError,
    ProtocolError,
    StateConflictError,
    SwqrError,
    TransportError,
    UnreachableError,
    UnsupportedOperation,
    WaitTimeoutError,
)

from .extension import MEMBER, error_member

__all__ = ["error_body", "error_document", "status_of"]

_MORE: Final = "https://quantum.cloud.ibm.com/docs/errors#error"
_INTERNAL: Final = 1000
_INVALID_CREDENTIALS: Final = 1201
_NO_DEDICATED_SESSIONS: Final = 1352
_STATUS_OF_CODE: Final = {_INVALID_CREDENTIALS: 401, _NO_DEDICATED_SESSIONS: 400}

# The first line that fits decides; what is at fault stands before how it was noticed.
_STATUSES: Final[tuple[tuple[type[SwqrError], int, int], ...]] = (
    (PayloadTooLargeError, 413, 5302),
    (IdempotencyConflictError, 409, 1208),
    (InvalidInputError, 400, 1208),
    (NotFoundError, 404, 1007),
    (JobEndedError, 409, 3209),
    (StateConflictError, 400, 3213),
    (AccessDeniedError, 403, 1200),
    # A usage limit is a conflict (nothing was queued), the number of pending jobs a bad request.
    (LimitExceededError, 400, 4317),
    (UnsupportedOperation, 400, 1208),
    (OutcomeUnknownError, 409, _INTERNAL),
    (UnreachableError, 503, 1004),
    (ProtocolError, 502, 1010),
    (TransportError, 502, 1010),
    (ClosedError, 503, 1999),
    (JobOutcomeError, 409, 5203),
    (PayloadLostError, 410, _INTERNAL),
    (WaitTimeoutError, 408, 5201),
    (ConfigurationError, 400, 1208),
)
_SOLUTIONS: Final[tuple[tuple[type[SwqrError], str], ...]] = (
    (PayloadTooLargeError, "Split the work into several smaller requests."),
    (IdempotencyConflictError, "Use a new key for new work."),
    (InvalidInputError, "Correct the request and send it again."),
    (NotFoundError, "Check the id and the instance."),
    (JobEndedError, "There is nothing left to do."),
    (StateConflictError, "Look at the current state, and act on that."),
    (AccessDeniedError, "Check the API key and the instance's plan."),
    (LimitExceededError, "Wait for a job to end, or cancel one."),
    (OutcomeUnknownError, "Look for the work before sending it again."),
    (UnreachableError, "Try again later."),
    (TransportError, "Look at what was done, and tell the owner of the server."),
    (UnsupportedOperation, "Do without it, or ask a server over another platform."),
    (PayloadLostError, "Submit the job again."),
    (ClosedError, "Try again later."),
    (SwqrError, "Tell the owner of the server what happened, with the trace."),
)


def status_of(error: SwqrError) -> tuple[int, int]:
    """Return the HTTP status of an error and its number in the registry of error codes."""
    for kind, status, code in _STATUSES:
        if isinstance(error, kind):
            own = error.code or code
            return _STATUS_OF_CODE.get(own, status), own
    return 500, error.code or _INTERNAL


def error_document(
    code: int, message: str, *, solution: str, trace: str, error: SwqrError | None = None
) -> dict[str, Any]:
    """Return an error body.

    Args:
        code: The number in the registry of error codes.
        message: What happened.
        solution: What to do about it.
        trace: The id of the request.
        error: The error itself, if a client of ours asked.
    """
    document: dict[str, Any] = {
        "errors": [
            {
                "code": code,
                "message": message,
                "solution": solution,
                "more_info": f"{_MORE}{code}",
            }
        ],
        "trace": trace,
    }
    member = None if error is None else error_member(error)
    if member is not None:
        document[MEMBER] = member
    return document


def error_body(error: SwqrError, *, trace: str, extended: bool) -> tuple[int, dict[str, Any]]:
    """Return the status and the body that tell of an error.

    Args:
        error: What went wrong.
        trace: The id of the request.
        extended: Whether a client of ours asked, who can read the error itself.
    """
    status, code = status_of(error)
    solution = next((text for kind, text in _SOLUTIONS if isinstance(error, kind)), "")
    advice = getattr(error, "advice", None)
    return status, error_document(
        code,
        str(error),
        solution=_sentence(advice) if isinstance(advice, str) else solution,
        trace=trace,
        error=error if extended else None,
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text and not text.endswith(".") else text
