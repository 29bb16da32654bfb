"""Lets a crowd through a few at a time, so that the event loop gets to do other things."""

import asyncio
from collections import deque

__all__ = ["Turnstile"]


class Turnstile:
    """Lets a limited number of tasks pass in one round of the event loop, the rest in later ones.

    A loop runs everything that is ready before it looks at anything else; a thousand submissions
    that start at once would hold it up together. Used on one loop; first come, first served.

    Args:
        width: How many pass in one round.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._passed = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Return when it is one's turn: at once, unless many came in the same round."""
        loop = asyncio.get_running_loop()
        if self._passed < self._width and not self._waiting:
            if not self._passed:
                loop.call_soon(self._next_round)
            self._passed += 1
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next_round(self) -> None:
        self._passed = 0
        while self._waiting and self._passed < self._width:
            turn = self._waiting.popleft()
            if not turn.done():  # else its task was cancelled
                turn.set_result(None)
                self._passed += 1
        if self._passed:
            asyncio.get_running_loop().call_soon(self._next_round)
