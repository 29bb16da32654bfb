"""Ids that a test can foresee."""

import itertools

__all__ = ["SequentialIds"]


class SequentialIds:
    """The ``IdFactory`` port, counting: ``session-1``, ``job-1``, ``key-1``, and so on.

    Anybody can guess these ids: they are for tests. Safe to call from any thread.

    Args:
        prefix: What all of them begin with, to tell two factories apart.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._sessions = itertools.count(1)
        self._jobs = itertools.count(1)
        self._keys = itertools.count(1)

    def __repr__(self) -> str:
        return f"<SequentialIds {self._prefix!r}>"

    def session_id(self) -> str:
        """Return ``session-<n>``."""
        return f"{self._prefix}session-{next(self._sessions)}"

    def job_id(self) -> str:
        """Return ``job-<n>``."""
        return f"{self._prefix}job-{next(self._jobs)}"

    def key(self) -> str:
        """Return ``key-<n>``."""
        return f"{self._prefix}key-{next(self._keys)}"
