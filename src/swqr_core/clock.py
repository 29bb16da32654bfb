"""A clock that moves only when it is told to."""

import asyncio
import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from .errors import InvalidInputError

__all__ = ["VirtualClock"]

_START: Final = datetime(2026, 1, 1, tzinfo=UTC)

# How often the loop may go round before time moves on: tasks that were woken get to act first.
_ROUNDS: Final = 50


class VirtualClock:
    """The ``Clock`` port on virtual time: an eight-hour session takes milliseconds.

    ``advance`` moves time from one sleeper to the next and lets the woken tasks act before it
    goes on. It never moves while somebody holds the clock. Use it on one event loop; ``now`` and
    ``monotonic`` may be read from any thread.

    Args:
        start: What ``now`` says at first, an aware UTC datetime.
    """

    def __init__(self, start: datetime = _START) -> None:
        if start.tzinfo is not UTC:
            raise InvalidInputError("start", f"must be a datetime in UTC, not {start!r}")
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0
        self._holds = 0
        self._released: asyncio.Event | None = None

    def __repr__(self) -> str:
        return f"<VirtualClock at {self.now().isoformat()}>"

    def now(self) -> datetime:
        """Return the virtual time."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Return the virtual seconds since the start."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Return once ``advance`` has moved time that far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        self._count += 1
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, self._count, waking))
        await waking

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep time from moving inside this context. Holds may overlap."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            if not self._holds and self._released is not None:
                self._released.set()
                self._released = None

    async def advance(self, seconds: float) -> None:
        """Move time forward, waking sleepers in the order of their deadlines.

        Raises:
            InvalidInputError: *seconds* is negative: time does not go back; or so much that no
                calendar tells the time any more.
        """
        if seconds < 0:
            raise InvalidInputError("seconds", f"time does not go back, not even {seconds}")
        try:
            end = self._elapsed + seconds
            self._start + timedelta(seconds=end)
        except OverflowError:
            problem = f"no calendar tells the time after {seconds!r:.50} of them"
            raise InvalidInputError("seconds", problem) from None
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            deadline, _, waking = heapq.heappop(self._sleepers)
            if waking.done():  # its task was cancelled
                continue
            self._elapsed = max(self._elapsed, deadline)
            waking.set_result(None)
            await self._settle()
        self._elapsed = max(self._elapsed, end)
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
            while self._holds:
                self._released = self._released or asyncio.Event()
                await self._released.wait()
