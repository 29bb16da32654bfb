"""Clients of a simulated world."""

import json
import random  # noqa: TID251 - each draws from a seeded generator of its own
from contextlib import suppress
from typing import Final, Protocol

from attrs import define

from swqr_core.errors import (
    JobEndedError,
    JobOutcomeError,
    LimitExceededError,
    SessionClosedError,
    TransportError,
    UnreachableError,
    WaitTimeoutError,
)
from swqr_core.model.ids import BackendName
from swqr_core.model.query import JobQuery
from swqr_core.model.session import SessionMode, SessionSpec
from swqr_core.runtime.asynchronous import AsyncRuntime
from swqr_core.runtime.handles import AsyncJob, AsyncSession
from swqr_core.testing.harness import Harness, Seat

from .ledger import Ledger, result_of

__all__ = ["Client", "Surroundings"]

_PATIENCE: Final = 3_600
"""Seconds for which a client waits for a result."""
_PAUSE: Final = 5.0
"""Seconds until a client tries to connect again."""


class Surroundings(Protocol):
    """What a client sees of its world."""

    harness: Harness
    ledger: Ledger

    @property
    def backends(self) -> list[str]:
        """What there is to run on."""
        ...

    @property
    def think(self) -> float:
        """Seconds that a client waits between two things, on average."""
        ...

    @property
    def restarts(self) -> float:
        """The probability that a client begins anew between two things."""
        ...

    async def connect(self, name: str, seat: Seat, chance: random.Random) -> AsyncRuntime:
        """Return somebody's new runtime, over the network."""
        ...


@define(eq=False)
class Client:
    """One client, which does this and that until it is told to stop."""

    name: str
    world: "Surroundings"
    chance: random.Random
    seat: Seat
    count: int = 0
    _runtime: AsyncRuntime | None = None

    @property
    def runtime(self) -> AsyncRuntime:
        """What it works with, once it is connected."""
        assert self._runtime is not None
        return self._runtime

    async def aclose(self) -> None:
        """Close what it uses."""
        runtime, self._runtime = self._runtime, None
        if runtime is not None:
            await runtime.aclose()

    async def _begin(self) -> None:
        """Connect, however often that takes."""
        while self._runtime is None:
            try:
                self._runtime = await self.world.connect(self.name, self.seat, self.chance)
            except TransportError:
                await self.world.ledger.clock.sleep(_PAUSE)

    async def live(self) -> None:
        """Do this and that, until cancelled."""
        clock = self.world.ledger.clock
        ways = [self._one_job, self._one_job, self._session, self._session, self._look]
        while True:
            await clock.sleep(self.chance.expovariate(1 / self.world.think))
            if self.chance.random() < self.world.restarts:
                await self.aclose()
            await self._begin()
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
            result = await job.result(timeout=_PATIENCE)
            assert result == result_of(params), f"{job.id} has another job's result"

    async def _one_job(self) -> None:
        job = await self._submit()
        await self._await_or_cancel(job)

    async def _await_or_cancel(self, job: AsyncJob) -> None:
        if self.chance.random() < 0.8:  # noqa: PLR2004 - four in five are awaited
            await self._await(job)
        else:
            await job.cancel()

    def _modes(self) -> list[SessionMode]:
        able = self.runtime.capabilities
        has = {SessionMode.DEDICATED: able.dedicated_sessions, SessionMode.BATCH: able.batches}
        return [mode for mode in SessionMode if has[mode]]

    async def _session(self) -> None:
        modes = self._modes()
        if not modes:
            return
        spec = SessionSpec(
            backend=self._backend(),
            mode=self.chance.choice(modes),
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
        elif leave < 0.8 and self.runtime.capabilities.cancel_sessions:  # noqa: PLR2004 - some cancelled, and the others left alone
            await session.cancel()

    async def _look(self) -> None:
        page = await self.runtime.jobs(JobQuery(limit=5))
        for job in page:
            assert (await self.runtime.job(job.id)).id == job.id
        if self.runtime.capabilities.usage:
            await self.runtime.usage()
