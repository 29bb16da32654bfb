"""Time that passes faster, for those who wait; the same for client and server."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

from attrs import evolve

from swqr_adapters.clock import SystemClock
from swqr_adapters.http import AiohttpEngine, Deadlines, HttpAnswer, Request

__all__ = ["FastClock", "ImpatientEngine", "hurried"]

_LEAST, _MOST = 1.0, 3.0  # real seconds: the machine is no faster than it is, nor that slow
_CONNECT = 5.0


def hurried(seconds: float, speed: float) -> float:
    """Return the real seconds for which somebody waits who would wait *seconds*."""
    return min(max(seconds / speed, _LEAST), _MOST)


class FastClock(SystemClock):
    """A clock that runs faster than the computer's.

    Args:
        speed: How much faster.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._began_at, self._began = super().now(), super().monotonic()

    def now(self) -> datetime:
        """Return the time."""
        return self._began_at + timedelta(seconds=self.monotonic() - self._began)

    def monotonic(self) -> float:
        """Return the seconds of this clock."""
        return self._began + (super().monotonic() - self._began) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Return when that many seconds of this clock have passed."""
        await super().sleep(seconds / self._speed)


class ImpatientEngine:
    """The HTTP engine, with deadlines of a faster clock.

    Args:
        speed: How much faster.
        connections: How many connections there may be at once.
    """

    def __init__(self, speed: float, connections: int) -> None:
        self._engine = AiohttpEngine(max_connections=connections)
        self._speed = speed

    def send(self, request: Request) -> AbstractAsyncContextManager[HttpAnswer]:
        """Send a request."""
        asked = request.deadlines
        read, total = (
            None if seconds is None else hurried(seconds, self._speed)
            for seconds in (asked.read, asked.total)
        )
        deadlines = Deadlines(connect=_CONNECT, read=read, total=total)
        return self._engine.send(evolve(request, deadlines=deadlines))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._engine.aclose()
