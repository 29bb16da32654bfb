"""A simulated world: many clients, a bad network, a platform, and hours that pass in seconds.

``python -m swqr_core.testing.simulation --seed N --hours H`` plays one such world. Everything that
happens follows from the seed: what clients do and when, what the network loses, delays, repeats
and lets overtake, how long jobs run and which fail. So a failure plays again from its seed, and
the fingerprint of two runs of a seed is the same.

The clients use ``AsyncRuntime`` over ``FaultyTransport``. The platform is any ``Harness`` with the
controls ``TIME`` and ``EXECUTIONS`` whose time is a ``VirtualClock`` in its attribute ``clock``;
entry points of the group ``swqr.harnesses`` name some, the in-memory cloud among them.
"""

import argparse
import asyncio
import hashlib
import json
import random  # noqa: TID251 - the one seeded generator, from which all others come
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points
from typing import Final, TypeVar

from attrs import define, field, frozen

from swqr_core.clock import VirtualClock
from swqr_core.errors import (
    ConfigurationError,
    JobEndedError,
    JobOutcomeError,
    LimitExceededError,
    SessionClosedError,
    SwqrError,
    TransportError,
    UnreachableError,
    WaitTimeoutError,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import BackendName
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.query import JobQuery, SessionQuery
from swqr_core.model.session import Session, SessionMode, SessionSpec
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.runtime.asynchronous import AsyncRuntime
from swqr_core.runtime.handles import AsyncJob, AsyncSession
from swqr_core.wrappers import Call, FaultyTransport, RandomFaults, TransportWrapper

from .harness import Control, Harness, Seat
from .history import History
from .ids import SequentialIds

__all__ = ["Outcome", "Settings", "find_harness", "main", "simulate"]

T = TypeVar("T")

_HOUR: Final = 3_600
_STEP: Final = 900.0
"""Seconds between two looks at the whole platform."""
_AFTERMATH: Final = 200
"""How many hours everything may take to end once all clients have stopped."""


@frozen(kw_only=True)
class Settings:
    """What a world is like.

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
    hours: float = 24.0
    clients: int = 8
    think: float = 300.0
    loss: float = 0.05
    delay: float = 2.0
    copies: float = 0.05
    restarts: float = 0.05


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


@define(eq=False)
class _Ledger:
    """What all clients know together.

    Attributes:
        asked: The parameters of each submission that was tried, by its key.
        accepted: The job of each key that the platform has confirmed.
        refused: The keys of submissions that certainly made no job.
    """

    clock: VirtualClock
    calls: int = 0
    lost: int = 0
    asked: dict[str, bytes] = field(factory=dict)
    accepted: dict[str, str] = field(factory=dict)
    refused: set[str] = field(factory=set)
    _digest: "hashlib._Hash" = field(factory=hashlib.sha256)

    def tell(self, *what: object) -> None:
        """Add to what the fingerprint is made of."""
        self._digest.update(f"{self.clock.monotonic():.6f} {what}\n".encode())

    @property
    def fingerprint(self) -> str:
        return self._digest.hexdigest()


class _Operator(TransportWrapper):
    """Stands on the platform's side of the network, and decides how each new job ends."""

    def __init__(self, inner: RuntimeTransport, harness: Harness, chance: random.Random) -> None:
        super().__init__(inner)
        self._harness = harness
        self._chance = chance
        self._decided: set[str] = set()

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        job = await super().submit(spec, params, key=key)
        if job.id not in self._decided and not job.state.ended:
            self._decided.add(job.id)
            draw, seconds = self._chance.random(), round(self._chance.expovariate(1 / 40), 3)
            with suppress(JobEndedError):
                if draw < 0.9:  # noqa: PLR2004 - one in ten fails
                    await self._harness.finish(
                        job.id, result=_result_of(params), quantum_seconds=seconds
                    )
                else:
                    await self._harness.fail(job.id, reason="As it happens.", reason_code=1517)
        return job


class _Network(FaultyTransport):
    """Counts what goes over it."""

    def __init__(
        self, inner: RuntimeTransport, plan: RandomFaults, clock: VirtualClock, ledger: _Ledger
    ) -> None:
        super().__init__(inner, plan, clock)
        self._ledger = ledger

    async def _around(self, call: Call, act: Callable[[], Awaitable[T]]) -> T:
        self._ledger.calls += 1
        try:
            answer = await super()._around(call, act)
        except TransportError as error:
            self._ledger.lost += 1
            self._ledger.tell(call.method, call.handle, type(error).__name__)
            raise
        except SwqrError as error:
            self._ledger.tell(call.method, call.handle, type(error).__name__)
            raise
        self._ledger.tell(call.method, call.handle)
        return answer


@define(eq=False)
class _Client:
    """One client, which does this and that until it is told to stop."""

    name: str
    world: "_World"
    chance: random.Random
    runtime: AsyncRuntime
    seat: Seat
    count: int = 0

    async def live(self) -> None:
        settings, clock = self.world.settings, self.world.ledger.clock
        ways = [self._one_job, self._one_job, self._session, self._session, self._look]
        while True:
            await clock.sleep(self.chance.expovariate(1 / settings.think))
            if self.chance.random() < settings.restarts:
                await self.runtime.aclose()
                self.runtime = await self.world.connect(self.name, self.seat, self.chance)
            try:
                await self.chance.choice(ways)()
            except (TransportError, WaitTimeoutError, SessionClosedError, LimitExceededError):
                continue  # that is how it goes on a bad network
            except JobEndedError:
                continue  # it was quicker

    def _backend(self) -> BackendName:
        return BackendName(self.chance.choice(self.world.backends))

    async def _submit(self, session: AsyncSession | None = None) -> AsyncJob:
        self.count += 1
        key = f"{self.name}-{self.count}"
        params = json.dumps({"from": self.name, "n": self.count}).encode()
        snapshot = None if session is None else session.snapshot
        spec = self.world.harness.spec(
            backend=self._backend() if snapshot is None else snapshot.backend,
            session_id=None if snapshot is None else snapshot.id,
        )
        ledger = self.world.ledger
        ledger.asked[key] = params
        try:
            job = await self.runtime.submit(spec, params, key=key)
        except (SessionClosedError, LimitExceededError, UnreachableError):
            ledger.refused.add(key)  # this certainly made no job
            raise
        ledger.accepted[key] = job.id
        return job

    async def _await(self, job: AsyncJob) -> None:
        """Wait for a result, and see that it is this job's own."""
        params = self.world.ledger.asked[
            next(key for key, made in self.world.ledger.accepted.items() if made == job.id)
        ]
        with suppress(JobOutcomeError):
            result = await job.result(timeout=_HOUR)
            assert result == _result_of(params), f"{job.id} has another job's result"

    async def _one_job(self) -> None:
        job = await self._submit()
        await self._await_or_cancel(job)

    async def _await_or_cancel(self, job: AsyncJob) -> None:
        if self.chance.random() < 0.8:  # noqa: PLR2004 - four in five are awaited
            await self._await(job)
        else:
            await job.cancel()

    async def _session(self) -> None:
        spec = SessionSpec(
            backend=self._backend(),
            mode=self.chance.choice(list(SessionMode)),
            max_ttl=self.chance.choice([None, 600, 3_600]),
        )
        self.count += 1
        session = await self.runtime.open_session(spec=spec, key=f"{self.name}-{self.count}")
        for _ in range(self.chance.randint(0, 4)):
            jobs = [await self._submit(session) for _ in range(self.chance.randint(1, 3))]
            for job in jobs:
                await self._await_or_cancel(job)
            await self.world.ledger.clock.sleep(self.chance.expovariate(1 / 50))
        leave = self.chance.random()
        if leave < 0.5:  # noqa: PLR2004 - half of them are drained,
            await session.drain()
        elif leave < 0.8:  # noqa: PLR2004 - some cancelled, and the others left alone
            await session.cancel()

    async def _look(self) -> None:
        page = await self.runtime.jobs(JobQuery(limit=5))
        for job in page:
            assert (await self.runtime.job(job.id)).id == job.id
        await self.runtime.usage()


@define(eq=False)
class _World:
    harness: Harness
    settings: Settings
    ledger: _Ledger
    chance: random.Random
    seats: tuple[Seat, ...]
    history: History = field(factory=History)
    watchers: dict[Seat, RuntimeTransport] = field(factory=dict)

    @property
    def backends(self) -> list[str]:
        other = self.harness.other_backend
        return [self.harness.backend] if other is None else [self.harness.backend, other]

    async def connect(self, name: str, seat: Seat, chance: random.Random) -> AsyncRuntime:
        """Return somebody's new runtime, over the network."""
        settings, clock = self.settings, self.ledger.clock
        faults = RandomFaults(
            chance=chance, loss=settings.loss, delay=settings.delay, copies=settings.copies
        )
        operator = _Operator(await self.harness.connect(seat), self.harness, self.chance)
        network = _Network(operator, faults, clock, self.ledger)
        return AsyncRuntime(network, clock=clock, ids=SequentialIds(f"{name}-"))

    async def look(self) -> None:
        """Look at everything from the platform's side, and check what must hold."""
        jobs: list[Job] = []
        sessions: list[Session] = []
        consumed: dict[str, float] = {}
        for seat, transport in self.watchers.items():
            jobs += await _all_jobs(transport)
            if transport.capabilities.session_listing:
                sessions += await _all_sessions(transport)
            if transport.capabilities.usage:
                consumed[seat] = (await transport.usage()).consumed_seconds
        self.history.look(jobs, sessions, consumed)
        self.history.check()


async def simulate(make: Callable[[], Harness], settings: Settings) -> Outcome:
    """Play one world from its beginning until all has ended.

    Args:
        make: Makes the harness of a platform that nobody else uses.
        settings: What the world is like.

    Raises:
        AssertionError: Something was not as it should be; the message says what.
        ConfigurationError: The harness cannot be simulated.
    """
    harness = make()
    missing = [c.value for c in (Control.TIME, Control.EXECUTIONS) if c not in harness.controls]
    if missing:
        raise ConfigurationError(repr(harness), f"has no control over: {', '.join(missing)}")
    await harness.start()
    try:
        clock = getattr(harness, "clock", None)
        if not isinstance(clock, VirtualClock):
            raise ConfigurationError(repr(harness), "has no `clock` that is a VirtualClock")
        return await _play(harness, settings, clock)
    finally:
        await harness.stop()


async def _play(harness: Harness, settings: Settings, clock: VirtualClock) -> Outcome:
    chance = random.Random(settings.seed)  # noqa: S311 - it must play again
    seats = tuple(Seat) if Control.TENANTS in harness.controls else (Seat.OWNER,)
    world = _World(harness, settings, _Ledger(clock), chance, seats)
    world.watchers = {seat: await harness.connect(seat) for seat in seats}
    clients = []
    for number in range(settings.clients):
        own = random.Random(f"{settings.seed}/{number}")  # noqa: S311 - likewise
        name, seat = f"c{number}", seats[number % len(seats)]
        runtime = await world.connect(name, seat, own)
        clients.append(_Client(name, world, own, runtime, seat))
    lives = [asyncio.ensure_future(client.live()) for client in clients]
    try:
        await _pass(world, settings.hours * _HOUR, lives)
    finally:
        for life in lives:
            life.cancel()
        ends = await asyncio.gather(*lives, return_exceptions=True)
        for client in clients:
            await client.runtime.aclose()
    _no_client_failed(ends)
    try:
        await _let_all_end(world)
        _check_ledger(world)
    finally:
        for transport in world.watchers.values():
            await transport.aclose()
    ends_of_jobs = Counter(job.state.value for job in world.history.jobs)
    return Outcome(
        seed=settings.seed,
        fingerprint=world.ledger.fingerprint,
        calls=world.ledger.calls,
        lost=world.ledger.lost,
        jobs=dict(ends_of_jobs),
        sessions=len(world.history.sessions),
    )


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


def _check_ledger(world: _World) -> None:
    """Compare what clients were told with what there is."""
    ledger = world.ledger
    jobs = {job.id: job for job in world.history.jobs}
    for key, job_id in ledger.accepted.items():
        assert job_id in jobs, f"{job_id} was accepted under {key}, and is gone"
    made = Counter(job.params.digest for job in jobs.values() if job.params is not None)
    if made:  # the platform tells digests, and each submission has parameters of its own
        for key, params in ledger.asked.items():
            many = made[_digest(params)]
            if key in ledger.accepted:
                assert many == 1, f"{key} was accepted once, and made {many} jobs"
            elif key in ledger.refused:
                assert many == 0, f"{key} was refused, and made {many} jobs"
            else:
                assert many < 2, f"{key} made {many} jobs"  # noqa: PLR2004
    for job in jobs.values():
        failed = job.state is JobState.FAILED and job.running_at is not None
        assert not failed or job.reason_code == 1517, f"{job.id} failed by itself: {job.reason}"  # noqa: PLR2004


def _digest(params: bytes) -> str:
    return f"sha256:{hashlib.sha256(params).hexdigest()}"


def _result_of(params: bytes) -> bytes:
    return json.dumps({"of": _digest(params)}).encode()


async def _all_jobs(transport: RuntimeTransport) -> list[Job]:
    found: list[Job] = []
    while page := (await transport.jobs(JobQuery(offset=len(found), newest_first=False))).items:
        found += page
    return found


async def _all_sessions(transport: RuntimeTransport) -> list[Session]:
    found: list[Session] = []
    query = SessionQuery(newest_first=False)
    while page := (await transport.sessions(query)).items:
        found += page
        query = SessionQuery(newest_first=False, offset=len(found))
    return found


# --- the command -------------------------------------------------------------------------------


def find_harness(name: str) -> Callable[[], Harness]:
    """Return what makes a harness.

    Args:
        name: An entry point of the group ``swqr.harnesses``, or ``module:name``.

    Raises:
        ConfigurationError: There is no such harness.
    """
    if ":" in name:
        module, _, attribute = name.partition(":")
        try:
            made: Callable[[], Harness] = getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise ConfigurationError("--platform", f"there is no {name!r}: {error}") from error
        return made
    for point in entry_points(group="swqr.harnesses", name=name):
        found: Callable[[], Harness] = point.load()
        return found
    known = sorted(point.name for point in entry_points(group="swqr.harnesses"))
    raise ConfigurationError("--platform", f"{name!r} is none of: {', '.join(known)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Play worlds, and say what happened in them; the exit code is 1 if something was wrong."""
    usual = Settings()
    parser = argparse.ArgumentParser(prog="python -m swqr_core.testing.simulation")
    parser.add_argument("--seed", type=int, default=0, help="the first world's seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many worlds, one seed each")
    parser.add_argument("--hours", type=float, default=usual.hours, help="hours of cloud time")
    parser.add_argument("--clients", type=int, default=usual.clients)
    parser.add_argument("--loss", type=float, default=usual.loss, help="probability of a loss")
    parser.add_argument("--platform", default="memory", help="an entry point, or module:name")
    chosen = parser.parse_args(arguments)
    make = find_harness(chosen.platform)
    code = 0
    for seed in range(chosen.seed, chosen.seed + chosen.seeds):
        settings = Settings(seed=seed, hours=chosen.hours, clients=chosen.clients, loss=chosen.loss)
        try:
            sys.stdout.write(f"{asyncio.run(simulate(make, settings))}\n")
        except AssertionError as error:
            sys.stdout.write(f"seed {seed}: {error}\nplay it again with --seed {seed}\n")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
