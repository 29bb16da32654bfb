"""One simulated world, from its beginning until all has ended."""

import asyncio
import random  # noqa: TID251 - the one seeded generator, from which all others come
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final

from attrs import define, field, frozen

from swqr_core.errors import ConfigurationError, JobEndedError
from swqr_core.model.job import Job
from swqr_core.model.session import Session
from swqr_core.model.validators import integer, probability, seconds
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.runtime.asynchronous import AsyncRuntime
from swqr_core.testing.assertions import need_assertions
from swqr_core.testing.harness import Control, Harness, Seat, connect_over
from swqr_core.testing.history import History
from swqr_core.testing.ids import SequentialIds
from swqr_core.testing.looking import all_jobs, all_sessions
from swqr_core.wrappers import RandomFaults

from .clients import Client
from .ledger import REASON_CODE, Ledger, Noted, result_of

__all__ = ["Outcome", "Settings", "cannot_be_simulated", "simulate"]

_HOUR: Final = 3_600
_STEP: Final = 900.0
"""Seconds between two looks at the whole platform."""
_AFTERMATH: Final = 200
"""How many hours everything may take to end once all clients have stopped."""


@frozen(kw_only=True)
class Settings:
    """What a world is like. Nothing can go wrong where nothing happens, so that is refused.

    Attributes:
        seed: What everything follows from.
        hours: For how long clients work, in hours of the platform's time.
        clients: How many there are.
        think: Seconds that a client waits between two things, on average.
        loss: The probability that a call is lost on its way there or back.
        delay: The most seconds that either way takes.
        copies: The probability that a request arrives a second time.
        restarts: The probability that a client begins anew between two things.
    """

    seed: int = 0
    hours: float = field(default=24.0, validator=seconds(above_zero=True, unit="hours"))
    clients: int = field(default=8, validator=integer(at_least=1))
    think: float = field(default=300.0, validator=seconds(above_zero=True))
    loss: float = field(default=0.05, validator=probability)
    delay: float = field(default=2.0, validator=seconds())
    copies: float = field(default=0.05, validator=probability)
    restarts: float = field(default=0.05, validator=probability)


@frozen(kw_only=True)
class Outcome:
    """What happened in a world in which everything was as it should be.

    Attributes:
        seed: Its seed.
        fingerprint: A digest of all that happened, in order.
        calls: How many calls the clients made.
        lost: How many of them were lost.
        jobs: How many jobs there were, by the state in which they ended.
        sessions: How many sessions and batches there were.
    """

    seed: int
    fingerprint: str
    calls: int
    lost: int
    jobs: dict[str, int]
    sessions: int

    def __str__(self) -> str:
        ends = ", ".join(f"{many} {state}" for state, many in sorted(self.jobs.items()))
        return (
            f"seed {self.seed}: {self.calls} calls, {self.lost} lost; {sum(self.jobs.values())} "
            f"jobs ({ends or 'none'}), {self.sessions} sessions; {self.fingerprint[:16]}"
        )


class _Operator:
    """Stands on the platform's side of the network, and decides how each new job ends."""

    def __init__(self, harness: Harness, chance: random.Random) -> None:
        self._harness, self._chance = harness, chance
        self._decided: set[str] = set()

    async def __call__(self, job: Job, params: bytes) -> None:
        if job.id in self._decided or job.state.ended:
            return
        self._decided.add(job.id)
        draw, seconds = self._chance.random(), round(self._chance.expovariate(1 / 40), 3)
        with suppress(JobEndedError):
            if draw < 0.9:  # noqa: PLR2004 - one in ten fails
                await self._harness.finish(
                    job.id, result=result_of(params), quantum_seconds=seconds
                )
            else:
                await self._harness.fail(job.id, reason="As it happens.", reason_code=REASON_CODE)


@define(eq=False)
class _World:
    harness: Harness
    settings: Settings
    ledger: Ledger
    seats: tuple[Seat, ...]
    history: History = field(factory=History)
    watchers: dict[Seat, RuntimeTransport] = field(factory=dict)

    @property
    def backends(self) -> list[str]:
        """What there is to run on."""
        other = self.harness.other_backend
        return [self.harness.backend] if other is None else [self.harness.backend, other]

    @property
    def think(self) -> float:
        """Seconds that a client waits between two things, on average."""
        return self.settings.think

    @property
    def restarts(self) -> float:
        """The probability that a client begins anew between two things."""
        return self.settings.restarts

    async def connect(self, name: str, seat: Seat, chance: random.Random) -> AsyncRuntime:
        """Return somebody's new runtime, over the network."""
        settings, clock = self.settings, self.ledger.clock
        faults = RandomFaults(
            chance=chance, loss=settings.loss, delay=settings.delay, copies=settings.copies
        )
        network = await connect_over(self.harness, seat, faults, clock=clock)
        ids = SequentialIds(f"{name}-")
        return AsyncRuntime(Noted(network, self.ledger), clock=clock, ids=ids)

    async def look(self) -> None:
        """Look at everything from the platform's side, and check what must hold."""
        jobs: list[Job] = []
        sessions: list[Session] = []
        consumed: dict[str, float] = {}
        for seat, transport in self.watchers.items():
            mine = await all_jobs(transport)
            jobs += mine
            if transport.capabilities.session_listing:
                sessions += await all_sessions(transport)
            else:
                named = [job.spec.session_id for job in mine if job.spec.session_id is not None]
                sessions += [await transport.session(each) for each in dict.fromkeys(named)]
            if transport.capabilities.usage:
                consumed[seat] = (await transport.usage()).consumed_seconds
        self.history.look(jobs, sessions, consumed)
        self.history.check()


def cannot_be_simulated(harness: Harness) -> str | None:
    """Return why a harness cannot be simulated; None if it can be."""
    missing = [c.value for c in (Control.TIME, Control.EXECUTIONS) if c not in harness.controls]
    if missing:
        return f"has no control over: {', '.join(missing)}"
    if not harness.simulated:
        return "works in threads, whose order no seed can decide"
    return "has no `clock`: a `VirtualClock`" if harness.clock is None else None


async def simulate(make: Callable[[], Harness], settings: Settings) -> Outcome:
    """Play one world from its beginning until all has ended.

    Args:
        make: Makes the harness of a platform that nobody else uses.
        settings: What the world is like.

    Raises:
        AssertionError: Something was not as it should be; the message says what.
        ConfigurationError: The harness cannot be simulated, or assertions are left out here.
    """
    need_assertions()
    harness = make()
    problem = cannot_be_simulated(harness)
    if problem is not None:
        raise ConfigurationError(repr(harness), problem)
    chance = random.Random(settings.seed)  # noqa: S311 - it must play again
    harness.accepted, harness.time_passes = _Operator(harness, chance), True
    await harness.start()
    try:
        return await _play(harness, settings)
    finally:
        await harness.stop()


async def _play(harness: Harness, settings: Settings) -> Outcome:
    clock = harness.clock
    assert clock is not None
    seats = tuple(Seat) if Control.TENANTS in harness.controls else (Seat.OWNER,)
    world = _World(harness, settings, Ledger(clock), seats)
    async with AsyncExitStack() as at_the_end:
        for seat in seats:
            world.watchers[seat] = await harness.connect(seat)
            at_the_end.push_async_callback(world.watchers[seat].aclose)
        await _let_clients_work(world)
        await _let_all_end(world)
    world.ledger.check({job.id: job for job in world.history.jobs}, loss=settings.loss)
    ends_of_jobs = Counter(job.state.value for job in world.history.jobs)
    return Outcome(
        seed=settings.seed,
        fingerprint=world.ledger.fingerprint,
        calls=world.ledger.calls,
        lost=world.ledger.lost,
        jobs=dict(ends_of_jobs),
        sessions=len(world.history.sessions),
    )


async def _let_clients_work(world: _World) -> None:
    clients = []
    for number in range(world.settings.clients):
        own = random.Random(f"{world.settings.seed}/{number}")  # noqa: S311 - likewise
        clients.append(Client(f"c{number}", world, own, world.seats[number % len(world.seats)]))
    lives = [asyncio.ensure_future(client.live()) for client in clients]
    try:
        await _pass(world, world.settings.hours * _HOUR, lives)
    finally:
        for life in lives:
            life.cancel()
        ends = await asyncio.gather(*lives, return_exceptions=True)
        for client in clients:
            await client.aclose()
    _no_client_failed(ends)


async def _pass(world: _World, seconds: float, lives: Sequence[asyncio.Future[None]]) -> None:
    """Let time pass, with a look at everything now and then."""
    while seconds > 0:
        await world.harness.advance(min(_STEP, seconds))
        seconds -= _STEP
        _no_client_failed([life.exception() for life in lives if life.done()])
        await world.look()


def _no_client_failed(ends: Sequence[BaseException | None]) -> None:
    for end in ends:
        if end is not None and not isinstance(end, asyncio.CancelledError):
            problem = f"{type(end).__name__}: {end}"
            raise AssertionError(f"a client met what it should not meet: {problem}") from end


async def _let_all_end(world: _World) -> None:
    for _ in range(_AFTERMATH):
        await world.harness.advance(_HOUR)
        await world.look()
        if all(job.state.ended for job in world.history.jobs) and all(
            session.closed_at is not None for session in world.history.sessions
        ):
            return
    left: list[str] = [job.id for job in world.history.jobs if not job.state.ended]
    left += [session.id for session in world.history.sessions if session.closed_at is None]
    raise AssertionError(f"these never end: {', '.join(left)}")
