"""The port to time."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """Time, for people and for waits. Safe to read from any thread."""

    def now(self) -> datetime:
        """Return the time as an aware UTC datetime; it may jump when a real clock is set."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences mean something."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when that many seconds have passed; at once for zero and less."""
        ...

    def hold(self) -> AbstractContextManager[None]:
        """Return a context in which a virtual clock waits; a real one goes on.

        Whoever does real work on behalf of virtual time holds the clock meanwhile, so that no
        time limit passes because a computer was slow.
        """
        ...
