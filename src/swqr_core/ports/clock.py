"""The port to time."""

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
