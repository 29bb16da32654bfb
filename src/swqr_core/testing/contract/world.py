"""What every test of the contract works with."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from attrs import define, field

from swqr_core.lifecycle.job import JobState
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.ids import BackendName
from swqr_core.model.job import Job
from swqr_core.model.query import JobQuery
from swqr_core.model.session import Session, SessionSpec
from swqr_core.ports.paging import each
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing.assertions import need_assertions
from swqr_core.testing.harness import Control, Harness, Seat, connect_over
from swqr_core.wrappers.faulty import FaultPlan

from .asked import Asked, Asking

__all__ = ["World"]


@define(eq=False)
class World:
    """A platform that was set up for one test, a transport to it, and short ways to usual things.

    Attributes:
        harness: The platform.
        transport: The owner's transport.
        asked: What was asked of all transports last.
    """

    harness: Harness
    transport: RuntimeTransport
    asked: Asked = field(factory=Asked)
    _connected: list[RuntimeTransport] = field(factory=list)

    @classmethod
    @asynccontextmanager
    async def of(cls, harness: Harness) -> AsyncIterator["World"]:
        """Connect to a platform, and close all transports at the end.

        Raises:
            ConfigurationError: Assertions are left out here.
        """
        need_assertions()
        asked = Asked()
        world = cls(harness, Asking(await harness.connect(), asked), asked)
        world._connected.append(world.transport)
        try:
            yield world
        finally:
            for transport in world._connected:
                await transport.aclose()

    @property
    def capabilities(self) -> Capabilities:
        """What the transport can do."""
        return self.transport.capabilities

    async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
        """Return one more transport; it is closed at the end."""
        return self._noted(await self.harness.connect(seat))

    async def over(self, faults: FaultPlan) -> RuntimeTransport:
        """Return one more transport of the owner, over a network on which things go wrong."""
        return self._noted(await connect_over(self.harness, Seat.OWNER, faults))

    def _noted(self, inner: RuntimeTransport) -> RuntimeTransport:
        transport = Asking(inner, self.asked)
        self._connected.append(transport)
        return transport

    async def submit(
        self, *, params: bytes | None = None, key: str | None = None, **spec: Any
    ) -> Job:
        """Submit a job, under a new key unless one is given; *spec* are fields of its spec."""
        harness = self.harness
        return await self.transport.submit(
            harness.spec(**spec),
            harness.params() if params is None else params,
            key=harness.key() if key is None else key,
        )

    async def open(self, **spec: Any) -> Session:
        """Open a session under a new key; *spec* are fields of its spec."""
        return await self.transport.open_session(self.session_spec(**spec), key=self.harness.key())

    def session_spec(self, **spec: Any) -> SessionSpec:
        """Return what a session is opened with; *spec* are fields of it."""
        return SessionSpec(**{"backend": BackendName(self.harness.backend), **spec})

    def at_once(self, most: int, *, least: int = 1) -> int:
        """Return how many jobs may be pending at once: *most*, or what the plan allows.

        The test is skipped where that is fewer than *least*.
        """
        limit = self.harness.pending_limit
        if limit is not None and limit < least:
            pytest.skip(f"the plan allows {limit} pending jobs, and this needs {least}")
        return most if limit is None else min(most, limit)

    async def running(self, seconds: float | None = None, **spec: Any) -> Job:
        """Submit a job and return it once it runs.

        Args:
            seconds: For how long it will run; None for until the test decides.
            spec: Fields of its spec.
        """
        job = await self.submit(**spec)
        await self.harness.started(job.id)
        if seconds is not None:
            await self.harness.finish(job.id, quantum_seconds=seconds)
        return await self.transport.job(job.id)

    async def ended(self, *, result: bytes = b"{}", seconds: float = 0.0, **spec: Any) -> Job:
        """Submit a job and return it once it has ended.

        Over a harness that decides about executions, it completes with *result* after *seconds*
        of device time; over others it ends as it likes.
        """
        job = await self.submit(**spec)
        if Control.EXECUTIONS in self.harness.controls:
            await self.harness.finish(job.id, result=result, quantum_seconds=seconds)
            await self.pass_time(seconds)
        return await self.transport.wait_job(job.id, timeout=None)

    async def queued(self, **spec: Any) -> Job:
        """Take the backend out of service and submit a job, which therefore waits."""
        await self.harness.set_backend_online(self.harness.backend, online=False)
        return await self.submit(**spec)

    async def serve(self) -> None:
        """Bring the backend back."""
        await self.harness.set_backend_online(self.harness.backend, online=True)

    def session_asks(self, transport: RuntimeTransport) -> list[Callable[[str], Awaitable[object]]]:
        """Return what can be asked of a session by its id."""
        asks: list[Callable[[str], Awaitable[object]]] = [
            transport.session,
            transport.drain_session,
        ]
        return [*asks, transport.cancel_session] if self.capabilities.cancel_sessions else asks

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, where the harness can, with all that is due."""
        if Control.TIME in self.harness.controls:
            await self.harness.advance(seconds)

    async def state(self, job: Job) -> JobState:
        """Return the state that a job is in now."""
        return (await self.transport.job(job.id)).state

    async def look(self, session: Session) -> Session:
        """Return a session as it is now."""
        return await self.transport.session(session.id)

    async def count_jobs(self, **query: Any) -> int:
        """Return how many jobs there are."""
        return (await self.transport.jobs(JobQuery(limit=1, **query))).total

    async def all_jobs(self, query: JobQuery) -> list[Job]:
        """Return every job that matches, page by page."""
        return [job async for job in each(self.transport.jobs, query)]
