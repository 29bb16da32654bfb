"""Sandboxes that are ready before a program comes: starting one with Qiskit in it takes seconds."""

import asyncio

from .box import Box
from .limits import SandboxLimits

__all__ = ["Spares"]


class Spares:
    """A few sandboxes that wait, as isolated as any other. Each is for one program, and no more.

    There are none before the first program runs, and none any more when no program has come for a
    while. They die with this process.

    Args:
        limits: What each may use, and how many wait for how long.
    """

    def __init__(self, limits: SandboxLimits) -> None:
        self._limits = limits
        self._waiting: list[Box] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    def take(self) -> Box | None:
        """Return one that is now the caller's to close; None if none waits."""
        while self._waiting:
            box = self._waiting.pop(0)
            if box.alive:
                return box
            self._throw_away(box)
        return None

    def fill_up(self, *, namespaces: bool) -> None:
        """Start as many as are missing, and keep all for a while from now on.

        Args:
            namespaces: Whether each gets a file system of its own.
        """
        if self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._limits.spare_seconds, self._empty)
        while len(self._waiting) < self._limits.spares:
            try:
                self._waiting.append(Box(self._limits, namespaces=namespaces, ahead=True))
            except OSError:  # the machine is full: programs will say so
                return

    async def aclose(self) -> None:
        """End those that wait. Closing twice is fine."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._empty()
        await asyncio.gather(*self._closing)

    def _empty(self) -> None:
        while self._waiting:
            self._throw_away(self._waiting.pop())

    def _throw_away(self, box: Box) -> None:
        task = asyncio.ensure_future(box.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
