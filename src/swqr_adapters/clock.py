"""The one real clock."""

import asyncio
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

__all__ = ["SystemClock"]


class SystemClock:
    """The ``Clock`` port on the computer's time."""

    def now(self) -> datetime:
        """Return the time of day in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the seconds of a clock that is never set."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return when that many seconds have passed."""
        await asyncio.sleep(max(seconds, 0.0))

    def hold(self) -> AbstractContextManager[None]:
        """Return a context that does nothing: real time cannot be held."""
        return nullcontext()
