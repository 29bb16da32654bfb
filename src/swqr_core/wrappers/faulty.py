"""A transport over a network that loses, delays, repeats and reorders."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from enum import StrEnum
from typing import Protocol, TypeVar

from attrs import field, frozen

from swqr_core.errors import OutcomeUnknownError, SwqrError, UnreachableError
from swqr_core.model.validators import probability, seconds
from swqr_core.ports.clock import Clock
from swqr_core.ports.transport import RuntimeTransport

from .delegation import Call, TransportWrapper

__all__ = [
    "Chance",
    "Fault",
    "FaultPlan",
    "FaultyTransport",
    "Loss",
    "RandomFaults",
    "ScriptedFaults",
]

T = TypeVar("T")


class Loss(StrEnum):
    """Where a call is lost, and so what its caller can know."""

    CONNECTION = "connection"
    """It never left: ``UnreachableError``."""
    REQUEST = "request"
    """It left and did not arrive. The caller cannot tell this from a lost answer."""
    ANSWER = "answer"
    """It was processed, and the answer did not come back."""
    PATIENCE = "patience"
    """The caller hears nothing and gives up; the request arrives after that."""


@frozen(kw_only=True)
class Fault:
    """What goes wrong with one call.

    Attributes:
        loss: Where it is lost; None if it is not. A command whose answer does not come raises
            ``OutcomeUnknownError``, a query ``UnreachableError``: it can be repeated safely.
        there: Seconds until the request arrives. Calls with different delays overtake each other.
        back: Seconds until the answer, or the error, is back.
        again: Seconds from the request's arrival after which a copy of it arrives too; None for
            no copy. Nobody hears the answer to a copy. Only submissions and openings are copied,
            and only where the transport knows their keys again: a network may repeat nothing
            else without breaking its promise.
    """

    loss: Loss | None = None
    there: float = field(default=0.0, validator=seconds())
    back: float = field(default=0.0, validator=seconds())
    again: float | None = None


class FaultPlan(Protocol):
    """Decides what goes wrong."""

    def fault(self, call: Call) -> Fault | None:
        """Return what goes wrong with this call; None for nothing. Asked once for each call."""
        ...


class ScriptedFaults:
    """Faults that are told one by one: each is used up by the next call of its method.

    Those of the method ``*`` are for calls of any method for which nothing else is told.
    """

    def __init__(self) -> None:
        self._told: dict[str, deque[Fault]] = {}

    def __repr__(self) -> str:
        return f"<ScriptedFaults, {self.left} left>"

    @property
    def left(self) -> int:
        """How many faults have not happened yet."""
        return sum(map(len, self._told.values()))

    def add(self, method: str, fault: Fault) -> None:
        """Let this go wrong with the next call of *method* for which nothing else is told."""
        self._told.setdefault(method, deque()).append(fault)

    def lose(self, method: str, loss: Loss = Loss.ANSWER, *, times: int = 1) -> None:
        """Lose the next calls of *method*, by default one call's answer."""
        for _ in range(times):
            self.add(method, Fault(loss=loss))

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._told.clear()

    def fault(self, call: Call) -> Fault | None:
        """Return the next fault of the call's method."""
        told = self._told.get(call.method) or self._told.get("*")
        return told.popleft() if told else None


class Chance(Protocol):
    """A seeded generator, for example ``random.Random(7)``."""

    def random(self) -> float:
        """Return the next number, at least 0 and less than 1."""
        ...


@frozen(kw_only=True)
class RandomFaults:
    """Faults by chance: the same generator and the same calls give the same faults.

    Attributes:
        chance: The generator.
        loss: The probability that a call is lost; each kind of loss is equally likely.
        delay: The most seconds on each way; the actual ones are drawn evenly.
        copies: The probability that a request arrives twice, the second time up to ten times
            *delay* seconds later.
        spared: Methods with which nothing ever goes wrong.
    """

    chance: Chance = field(repr=False)
    loss: float = field(default=0.0, validator=probability)
    delay: float = field(default=0.0, validator=seconds())
    copies: float = field(default=0.0, validator=probability)
    spared: Collection[str] = ()

    def fault(self, call: Call) -> Fault | None:
        """Draw what goes wrong; each call takes the same number of draws."""
        lost, kind, there, back, copied, again = (self.chance.random() for _ in range(6))
        if call.method in self.spared:
            return None
        return Fault(
            loss=tuple(Loss)[int(kind * len(Loss))] if lost < self.loss else None,
            there=there * self.delay,
            back=back * self.delay,
            again=again * 10 * self.delay if copied < self.copies else None,
        )


class FaultyTransport(TransportWrapper):
    """Passes everything on, over a network on which things go wrong.

    Args:
        inner: The transport underneath.
        plan: What goes wrong.
        clock: What delays pass on.
    """

    def __init__(self, inner: RuntimeTransport, plan: FaultPlan, clock: Clock) -> None:
        super().__init__(inner)
        self._plan = plan
        self._clock = clock
        self._under_way: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """Drop what is still under way, and close the transport underneath."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await super().aclose()

    async def _around(self, call: Call, act: Callable[[], Awaitable[T]]) -> T:
        fault = self._plan.fault(call) or _NOTHING
        if fault.loss is Loss.CONNECTION:
            raise UnreachableError(self._name, f"{call.method} was not sent: connection refused")
        if fault.loss is Loss.PATIENCE:
            if call.is_command:
                self._send_later(act, fault.there)
            raise await self._unanswered(call)
        await self._pause(fault.there)
        if fault.loss is Loss.REQUEST:
            raise await self._unanswered(call)
        if fault.again is not None and self._may_come_twice(call):
            self._send_later(act, fault.again)
        try:
            answer = await act()
        except SwqrError:
            await self._pause(fault.back)
            if fault.loss is Loss.ANSWER:
                raise await self._unanswered(call) from None
            raise
        await self._pause(fault.back)
        if fault.loss is Loss.ANSWER:
            raise await self._unanswered(call)
        return answer

    @property
    def _name(self) -> str:
        return self.capabilities.transport

    async def _unanswered(self, call: Call) -> SwqrError:
        if call.is_command or await self._takes_something(call):
            return OutcomeUnknownError(self._name, call.method, call.handle)
        return UnreachableError(self._name, f"no answer to {call.method}: ask again")

    async def _takes_something(self, call: Call) -> bool:
        """Return whether a query is none: reading a private result takes it away."""
        if call.method != "result":
            return False
        try:
            return (await self._inner.job(call.handle)).spec.private
        except SwqrError:
            return False

    def _may_come_twice(self, call: Call) -> bool:
        able = self.capabilities
        return (call.method in {"add_program", "submit"} and able.idempotent_submit) or (
            call.method == "open_session" and able.idempotent_open
        )

    def _send_later(self, act: Callable[[], Awaitable[object]], after: float) -> None:
        async def arrive() -> None:
            await self._clock.sleep(after)
            with suppress(SwqrError):  # nobody hears the answer
                await act()

        task = asyncio.ensure_future(arrive())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _pause(self, taken: float) -> None:
        if taken > 0:
            await self._clock.sleep(taken)


_NOTHING = Fault()
