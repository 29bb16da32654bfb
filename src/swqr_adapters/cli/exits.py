"""Exit codes by kind of error, so that a shell script can tell what to do next."""

from typing import Final

from swqr_core import errors

__all__ = ["EXIT_CODES", "FAILED", "STOPPED", "exit_code"]

FAILED: Final = 1
STOPPED: Final = 130
"""After Ctrl-C."""

EXIT_CODES: Final[tuple[tuple[type[errors.SwqrError], int], ...]] = (
    (errors.ConfigurationError, 3),
    (errors.NotFoundError, 4),
    (errors.AccessDeniedError, 5),
    (errors.InvalidInputError, 6),
    (errors.StateConflictError, 7),
    (errors.LimitExceededError, 8),
    (errors.UnreachableError, 9),
    (errors.OutcomeUnknownError, 10),
    (errors.WaitTimeoutError, 11),
    (errors.JobOutcomeError, 12),
    (errors.UnsupportedOperation, 13),
)
"""2 is for a wrong command line, and ``FAILED`` for every other error."""


def exit_code(error: errors.SwqrError) -> int:
    """Return the code for an error."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), FAILED)
