"""A transport that takes its time."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from swqr_core.ports.clock import Clock
from swqr_core.ports.transport import RuntimeTransport

from .delegation import Call, TransportWrapper

__all__ = ["SlowTransport"]

T = TypeVar("T")


class SlowTransport(TransportWrapper):
    """Passes everything on, and takes some time on the way there and on the way back.

    Many calls are under way at once, as on a real network. ``wait_job`` counts its timeout on the
    far side: what the ways take comes on top.

    Args:
        inner: The transport underneath.
        clock: What time passes on.
        there: Seconds until a call arrives; a number, or a function of the call.
        back: Seconds until its answer, or its error, is back; likewise.
    """

    def __init__(
        self,
        inner: RuntimeTransport,
        clock: Clock,
        *,
        there: float | Callable[[Call], float] = 0.0,
        back: float | Callable[[Call], float] = 0.0,
    ) -> None:
        super().__init__(inner)
        self._clock = clock
        self._there, self._back = there, back

    async def _around(self, call: Call, act: Callable[[], Awaitable[T]]) -> T:
        await self._pause(self._there, call)
        try:
            answer = await act()
        except Exception:  # but whoever gives up waits for nothing more
            await self._pause(self._back, call)
            raise
        await self._pause(self._back, call)
        return answer

    async def _pause(self, seconds: float | Callable[[Call], float], call: Call) -> None:
        taken = seconds(call) if callable(seconds) else seconds
        if taken > 0:
            await self._clock.sleep(taken)
