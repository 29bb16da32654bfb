"""A wire on virtual time, on which things go wrong as somebody says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from typing import Final

from attrs import field, frozen

from swqr_adapters.http import AnswerLostError, HttpAnswer, HttpEngine, Request
from swqr_core.errors import ClosedError, SwqrError, UnreachableError
from swqr_core.ports.clock import Clock
from swqr_core.wrappers import Call, Fault, FaultPlan, Loss

__all__ = ["Wire"]

_NAME: Final = "the wire"
_NOTHING: Final = Fault()


@frozen(kw_only=True)
class _Whole:
    """An answer that has come as a whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.body


class Wire:
    """An ``HttpEngine`` over another one.

    Virtual time stands still while a request is on its way, so that nothing depends on how long a
    socket takes.

    Args:
        inner: What moves the bytes; the wire closes it.
        clock: The virtual time, which delays pass on.
        name: Says which call of the port a request is, so that a plan of faults knows it.
        faults: What goes wrong; None for nothing.
        in_turn: What all wires to a server share if one request at a time is to be on its way:
            then the same calls lead to the same order of events, however quick the machine is.
    """

    def __init__(
        self,
        inner: HttpEngine,
        clock: Clock,
        *,
        name: Callable[[Request], Call],
        faults: FaultPlan | None = None,
        in_turn: asyncio.Lock | None = None,
    ) -> None:
        self._inner, self._clock, self._name = inner, clock, name
        self._faults = faults
        self._in_turn: AbstractAsyncContextManager[object] = in_turn or nullcontext()
        self._under_way: set[asyncio.Task[None]] = set()
        self._closed = False

    def __repr__(self) -> str:
        return f"<Wire over {self._inner!r}>"

    @asynccontextmanager
    async def send(self, request: Request) -> AsyncIterator[HttpAnswer]:
        """Send a request; see ``HttpEngine.send``."""
        if self._closed:
            raise ClosedError(_NAME)
        call = self._name(request)
        fault = (self._faults and self._faults.fault(call)) or _NOTHING
        if fault.loss is Loss.CONNECTION:
            raise UnreachableError(_NAME, f"{call.method} was not sent: connection refused")
        if fault.loss is Loss.PATIENCE:
            if call.is_command:
                self._send_later(request, fault.there)
            raise _lost(call)
        await self._pause(fault.there)
        if fault.loss is Loss.REQUEST:
            raise _lost(call)
        if fault.again is not None and call.handle:
            self._send_later(request, fault.again)
        answer = await self._exchange(request)
        await self._pause(fault.back)
        if fault.loss is Loss.ANSWER:
            raise _lost(call)
        yield answer

    async def _exchange(self, request: Request) -> HttpAnswer:
        async with self._in_turn:
            with self._clock.hold():
                async with self._inner.send(request) as answer:
                    body = b"".join([chunk async for chunk in answer.chunks()])
                    return _Whole(status=answer.status, headers=answer.headers, body=body)

    def _send_later(self, request: Request, after: float) -> None:
        async def arrive() -> None:
            await self._pause(after)
            with suppress(SwqrError):  # nobody hears the answer
                await self._exchange(request)

        task = asyncio.ensure_future(arrive())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            await self._clock.sleep(seconds)

    async def aclose(self) -> None:
        """Drop what is still under way, and close what moves the bytes."""
        self._closed = True
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._inner.aclose()


def _lost(call: Call) -> AnswerLostError:
    return AnswerLostError(_NAME, f"no answer to {call.method}: connection reset")
