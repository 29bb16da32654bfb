"""The port to fresh ids."""

from typing import Protocol

__all__ = ["IdFactory"]


class IdFactory(Protocol):
    """Makes ids that no one can guess and that never repeat. Safe to call from any thread."""

    def session_id(self) -> str:
        """Return a new id of a session, at most 36 characters of ``[A-Za-z0-9_-]``."""
        ...

    def job_id(self) -> str:
        """Return a new id of a job, at most 36 characters of ``[A-Za-z0-9_-]``."""
        ...

    def key(self) -> str:
        """Return a new idempotency key, at most 64 characters of ``[A-Za-z0-9_-]``."""
        ...
