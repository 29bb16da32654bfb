"""Ids and names, each its own type. Apart from their type they are text that nobody parses."""

from typing import Final, NewType

from swqr_core.errors import InvalidInputError

__all__ = ["BackendName", "InstanceId", "JobId", "ProgramId", "SessionId", "check_key"]

_LONGEST_KEY: Final = 64

BackendName = NewType("BackendName", str)
"""For example ``ibm_brisbane``."""

InstanceId = NewType("InstanceId", str)
"""The instance's CRN, or whatever the platform uses in its place."""

JobId = NewType("JobId", str)
"""The platform's id of a job, opaque."""

ProgramId = NewType("ProgramId", str)
"""For example ``sampler``."""

SessionId = NewType("SessionId", str)
"""The platform's id of a session or batch, opaque."""


def check_key(key: str, *, field: str = "key", code: int | None = None) -> None:
    """Check an idempotency key.

    Args:
        key: The key.
        field: What the caller calls it.
        code: The code of the error.

    Raises:
        InvalidInputError: It is not 1 to 64 printable ASCII characters.
    """
    if not (1 <= len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
        raise InvalidInputError(
            field, f"must be 1 to {_LONGEST_KEY} printable ASCII characters, not {key!r:.100}", code
        )
