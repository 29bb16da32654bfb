"""How many bytes may be on their way at one moment."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .problems import HttpProblem

__all__ = ["Budget"]


class Budget:
    """A number of bytes that many share; who wants more than is left waits, first come first.

    Args:
        total: The bytes.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._left = total
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    def __repr__(self) -> str:
        return f"<Budget, {self._left} of {self._total} bytes left>"

    @property
    def used(self) -> int:
        """The bytes that are in use."""
        return self._total - self._left

    @asynccontextmanager
    async def hold(self, size: int, *, timeout: float) -> AsyncIterator[None]:
        """Hold that many bytes inside this context; waits until there are so many.

        More than all there are count as all.

        Raises:
            HttpProblem: There were not so many within *timeout* seconds; nothing was held.
        """
        size = min(size, self._total)
        try:
            async with asyncio.timeout(timeout):
                await self._take(size)
        except TimeoutError:
            raise HttpProblem(
                503, "too much is on its way already", "Try again later.",
                code=1999, headers={"Retry-After": "10"}, close=True,
            ) from None  # fmt: skip
        try:
            yield
        finally:
            self._left += size
            self._wake()

    async def _take(self, size: int) -> None:
        if not self._queue and size <= self._left:
            self._left -= size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._left += size  # it was our turn, and nobody is there to use it
            self._wake()
            raise

    def _wake(self) -> None:
        while self._queue:
            size, turn = self._queue[0]
            if turn.done():
                self._queue.popleft()
            elif size <= self._left:
                self._queue.popleft()
                self._left -= size
                turn.set_result(None)
            else:
                break
